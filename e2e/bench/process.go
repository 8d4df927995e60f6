package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone"
)

// Roles of the bench's processes, given as first argument. A process without a role is the senders, which starts the others.
const (
	relayRole   = "relay"
	sandboxRole = "sandbox"
)

// job is a process's first input. It comes over standard input, because the database's URL is a secret.
type job struct {
	Dir, DatabaseURL, REST, Web string
	Sandbox                     map[string]string
	SampleRatio                 float64
}

func (j job) options() allinone.Options {
	return allinone.Options{
		Dir: j.Dir, DatabaseURL: j.DatabaseURL, REST: j.REST, GRPC: "127.0.0.1:0", Ops: "127.0.0.1:0", Web: j.Web, Push: "127.0.0.1:0", FreePorts: true, Sandbox: j.Sandbox,
		Seed: true, SampleRatio: j.SampleRatio, LogLevel: logLevel, Logs: os.Stderr, Version: "bench",
	}
}

// started is a process's first answer.
type started struct {
	URLs        map[string]string
	Endpoints   allinone.Endpoints
	SyncsAlways bool
	GOGC        uint64
	GOMemLimit  uint64
	Error       string
}

// order asks a process for its heap after a collection, or to write a CPU profile until told to stop.
type order struct {
	Heap        bool
	Profile     string
	ProfileDone bool
}

type obeyed struct {
	HeapBytes uint64
	Error     string
}

// serveRole runs a process of a role: it reads a job, answers, then serves orders until its standard input is closed.
func serveRole(role string) error {
	signal.Ignore(os.Interrupt) // the senders stop it by closing its input
	ctx := context.Background()
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var j job
	if err := in.Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	unit.SpendMemory(unit.MemoryOfAll) // as narud does
	first := started{GOGC: setting("/gc/gogc:percent"), GOMemLimit: setting("/gc/gomemlimit:bytes")}
	var stop func(context.Context) error
	switch role {
	case relayRole:
		relay, err := allinone.Start(ctx, j.options())
		if err != nil {
			return errors.Join(err, out.Encode(started{Error: err.Error()}))
		}
		first.Endpoints, first.SyncsAlways, stop = relay.Endpoints, relay.SyncsAlways(), relay.Stop
	case sandboxRole:
		sandbox, err := allinone.StartSandbox(ctx, j.options())
		if err != nil {
			return errors.Join(err, out.Encode(started{Error: err.Error()}))
		}
		first.URLs, stop = sandbox.URLs, sandbox.Stop
	}
	err := out.Encode(first)
	for err == nil {
		var o order
		if err = in.Decode(&o); err == nil {
			err = out.Encode(obey(o))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, stop(ctx))
}

func obey(o order) obeyed {
	switch {
	case o.Heap:
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return obeyed{HeapBytes: m.HeapAlloc}
	case o.Profile != "":
		file, err := os.Create(o.Profile)
		if err == nil {
			err = pprof.StartCPUProfile(file)
		}
		if err != nil {
			return obeyed{Error: err.Error()}
		}
	case o.ProfileDone:
		pprof.StopCPUProfile()
	}
	return obeyed{}
}

// process is a process of another role, as the senders use it.
type process struct {
	role    string
	command *exec.Cmd
	mu      sync.Mutex
	stdin   io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

// spawn starts a process of a role and waits for its first answer.
func spawn(role string, j job, log io.Writer) (*process, started, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, started{}, fmt.Errorf("find this program: %w", err)
	}
	command := exec.Command(self, role) //nolint:noctx // it ends when its standard input does
	command.Stderr = log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err1 := command.StdinPipe()
	stdout, err2 := command.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, started{}, fmt.Errorf("start the %s: %w", role, err)
	}
	if err := command.Start(); err != nil {
		return nil, started{}, fmt.Errorf("start the %s: %w", role, err)
	}
	p := &process{role: role, command: command, stdin: stdin, orders: json.NewEncoder(stdin), answers: json.NewDecoder(stdout)}
	var first started
	if err := p.orders.Encode(j); err != nil {
		return nil, first, errors.Join(fmt.Errorf("start the %s: %w", role, err), p.stop())
	}
	if err := p.answers.Decode(&first); err != nil {
		return nil, first, errors.Join(fmt.Errorf("the %s did not start: %w", role, err), p.stop())
	}
	if first.Error != "" {
		return nil, first, errors.Join(fmt.Errorf("the %s did not start: %s", role, first.Error), p.stop())
	}
	return p, first, nil
}

func (p *process) pid() int { return p.command.Process.Pid }

func (p *process) order(o order) (obeyed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var done obeyed
	if err := p.orders.Encode(o); err != nil {
		return done, fmt.Errorf("tell the %s: %w", p.role, err)
	}
	if err := p.answers.Decode(&done); err != nil {
		return done, fmt.Errorf("hear from the %s: %w", p.role, err)
	}
	if done.Error != "" {
		return done, fmt.Errorf("the %s: %s", p.role, done.Error)
	}
	return done, nil
}

// stop asks the process to stop and waits for its end.
func (p *process) stop() error {
	closed := p.stdin.Close()
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("end the %s: %w", p.role, err)
	}
	return closed
}
