// Package harness starts a whole relay for journeys, in one process or in separately built processes, and provides its actors.
package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/allinone"
	"github.com/naru-relay/naru/services/registry"
)

// Modes of a stack.
const (
	// InProcess runs everything in the test's own process.
	InProcess = "inproc"
	// Processes runs each unit as a process built from services/<unit>/cmd/<unit>.
	Processes = "procs"
)

// Patience is how long anything asynchronous of a journey may take. It is longer than what a killed unit leaves behind: a frame
// it had not acknowledged comes again after 30 s, a batch for the hub that it had claimed after 15 s.
const Patience = 2 * time.Minute

// Stack is a running relay with its sandbox.
type Stack struct {
	Mode      string
	Dir       string
	Relay     *allinone.Relay
	Endpoints allinone.Endpoints
	// GRPC is the public gRPC door.
	GRPC *grpc.ClientConn

	servers   Servers
	mu        sync.Mutex
	processes map[string]*lifecycle.Child
	bin       string
	// replicas of each unit; the first starts before the others.
	replicas   int
	operations map[string]string
	links      []*link.Link
	// untrue holds differences that a journey caused on purpose. The audit must name them.
	untrue []audit.Violation
}

// Servers run what a stack does not run by itself: the database, the bus.
type Servers interface {
	// Start starts them in the stack's folder, and says in the options where they are.
	Start(ctx context.Context, dir string, opts *allinone.Options) error
	Stop(ctx context.Context) error
}

// own: the stack runs everything by itself.
type own struct{}

func (own) Start(context.Context, string, *allinone.Options) error { return nil }
func (own) Stop(context.Context) error                             { return nil }

// Start starts a stack in the mode, in a folder of its own.
func Start(ctx context.Context, mode string, logs *os.File) (*Stack, error) {
	return StartOn(ctx, mode, logs, own{}, 1)
}

// StartOn starts a stack on servers that others may end, with so many processes of each unit where they are processes.
func StartOn(ctx context.Context, mode string, logs io.Writer, servers Servers, replicas int) (_ *Stack, err error) {
	dir, err := os.MkdirTemp("", "naru-e2e-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the private PostgreSQL's user has to pass
		return nil, fmt.Errorf("open folder: %w", err)
	}
	s := &Stack{Mode: mode, Dir: dir, servers: servers, replicas: replicas, processes: map[string]*lifecycle.Child{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	kept, err := s.keepLogs(logs)
	if err != nil {
		return nil, err
	}
	opts := allinone.Options{
		Dir: dir, REST: "127.0.0.1:0", GRPC: "127.0.0.1:0", Ops: "127.0.0.1:0", Web: "127.0.0.1:0", Push: "127.0.0.1:0", FreePorts: true, Apart: mode == Processes,
		SampleRatio: 1, Traces: true, Logs: kept, Version: "e2e",
	}
	if err := servers.Start(ctx, dir, &opts); err != nil {
		return nil, err
	}
	if s.Relay, err = allinone.Start(ctx, opts); err != nil {
		return nil, err
	}
	s.Endpoints = s.Relay.Endpoints
	if mode == Processes {
		if err := s.startProcesses(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.Relay.Seed(ctx); err != nil {
		return nil, err
	}
	s.Endpoints = s.Relay.Endpoints
	s.GRPC, err = grpc.NewClient(s.Endpoints.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return s, err
}

func (s *Stack) startProcesses(ctx context.Context) error {
	// E2E_BIN names a folder that is kept. Programs there that are up to date are not linked again.
	if s.bin = os.Getenv("E2E_BIN"); s.bin == "" {
		s.bin = filepath.Join(s.Dir, "bin")
	}
	args := []string{"build", "-ldflags=-s -w", "-o", s.bin + "/"} // without debug information, which takes a quarter of the linking time
	for _, u := range registry.Units() {
		args = append(args, "./services/"+u.Name+"/cmd/"+u.Name)
	}
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = ".."
	if err := os.MkdirAll(s.bin, 0o755); err != nil { //nolint:gosec // binaries
		return fmt.Errorf("make folder: %w", err)
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build units: %w\n%s", err, out)
	}
	if err := s.spread(ctx); err != nil {
		return err
	}
	for _, u := range registry.Units() {
		migrate := exec.CommandContext(ctx, filepath.Join(s.bin, u.Name), append(s.flags(u.Name), "-migrate")...)
		if out, err := migrate.CombinedOutput(); err != nil {
			return fmt.Errorf("migrate %s: %w\n%s", u.Name, err, out)
		}
	}
	return s.startReplicas(ctx)
}

func (s *Stack) flags(process string) []string {
	return []string{"-platform", s.settingsOf(process) + ".platform.yaml", "-config", s.settingsOf(process) + ".yaml"}
}

// StartUnit starts a unit's process.
func (s *Stack) StartUnit(ctx context.Context, unit string) error {
	log, err := os.OpenFile(filepath.Join(s.Dir, unit+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", unit, err)
	}
	defer log.Close()
	command := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.bin, UnitOf(unit)), s.flags(unit)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p, err := lifecycle.StartChild(command)
	if err != nil {
		return fmt.Errorf("start %s: %w", unit, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[unit] = p
	return nil
}

// AwaitUnit waits until a unit's process is ready. If the process ends instead, AwaitUnit fails at once with the last lines of
// its log.
func (s *Stack) AwaitUnit(ctx context.Context, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s.mu.Lock()
	p := s.processes[unit]
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s is no process of this stack", unit)
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.operationsOf(unit)+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", unit, err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-p.Done():
			return fmt.Errorf("%s ended before it was ready\n%s", unit, s.logTail(unit))
		case <-ctx.Done():
			return fmt.Errorf("%s did not get ready: %w\n%s", unit, ctx.Err(), s.logTail(unit))
		}
	}
}

func (s *Stack) logTail(unit string) []byte {
	tail, _ := os.ReadFile(filepath.Join(s.Dir, unit+".log"))
	return tail[max(0, len(tail)-2000):]
}

// PID is the number of a unit's process; 0 if it is none.
func (s *Stack) PID(unit string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.processes[unit]; p != nil {
		return p.PID
	}
	return 0
}

// Alive tells whether a unit's process runs.
func (s *Stack) Alive(unit string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.processes[unit]
	return p != nil && !ended(p)
}

// Revive starts a unit again that has ended by itself, as a service manager would. One that was killed is left alone.
func (s *Stack) Revive(ctx context.Context, unit string) error {
	s.mu.Lock()
	p := s.processes[unit]
	s.mu.Unlock()
	if p == nil || !ended(p) {
		return nil
	}
	return s.StartUnit(ctx, unit)
}

func ended(p *lifecycle.Child) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Kill ends a unit's process at once (SIGKILL) and waits for its end.
func (s *Stack) Kill(unit string) error {
	return s.signal(unit, syscall.SIGKILL)
}

// Restart ends the processes of units in order (SIGTERM) and starts them again, with the environment of now.
func (s *Stack) Restart(ctx context.Context, units ...string) error {
	var problems []error
	for _, unit := range units {
		problems = append(problems, s.signal(unit, syscall.SIGTERM))
	}
	for _, unit := range units {
		problems = append(problems, s.StartUnit(ctx, unit))
	}
	for _, unit := range units {
		problems = append(problems, s.AwaitUnit(ctx, unit))
	}
	return errors.Join(problems...)
}

func (s *Stack) signal(unit string, sig syscall.Signal) error {
	s.mu.Lock()
	p := s.processes[unit]
	delete(s.processes, unit)
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s is no process of this stack", unit)
	}
	if ended(p) {
		return nil // its number may be another process's by now
	}
	if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", unit, err)
	}
	select {
	case <-p.Done():
		return nil
	case <-time.After(Patience):
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
		<-p.Done()
		return fmt.Errorf("%s did not end within %s", unit, Patience)
	}
}

// Stop ends everything and removes the folder.
func (s *Stack) Stop(ctx context.Context) error {
	var problems []error
	if s.GRPC != nil {
		problems = append(problems, s.GRPC.Close())
	}
	for _, name := range slices.Backward(s.Processes()) {
		if s.processes[name] != nil {
			problems = append(problems, s.signal(name, syscall.SIGTERM))
		}
	}
	for _, way := range s.links {
		way.Close()
	}
	if s.Relay != nil {
		problems = append(problems, s.Relay.Stop(ctx))
	}
	problems = append(problems, s.servers.Stop(ctx))
	if os.Getenv("E2E_KEEP") == "" {
		problems = append(problems, os.RemoveAll(s.Dir))
	}
	return errors.Join(problems...)
}
