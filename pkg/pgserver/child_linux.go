package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	keptLines = 12
	// What lines of PostgreSQL begin with that tell why a process of it ends.
	panicked = "PANIC:  "
	fatal    = "FATAL:  "
	// turnedAway begins what a client is told while the server starts, recovers or shuts down, and sentAway what sessions are
	// told when it ends. There are as many of them as clients, and they would drive out what the server itself says.
	turnedAway = fatal + "the database system is "
	sentAway   = fatal + "terminating connection "
)

// child is the postmaster process.
type child struct {
	*lifecycle.Child

	log *lineLog
}

// startChild starts the postmaster in a process group of its own, so that a ^C meant for us does not hit it before we stop it in
// order.
func startChild(path string, args []string, lay layout, environment []string, log *slog.Logger) (*child, error) {
	cmd := exec.Command(path, args...) //nolint:noctx // our own arguments; the end of a ctx must not kill a database
	cmd.Dir = lay.dir
	cmd.Env = append(childEnv(), environment...)
	out := &lineLog{log: log}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = lay.account.sysProcAttr()
	// Fast shutdown when we die.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT

	process, err := lifecycle.StartChild(cmd)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", path, err)
	}
	return &child{Child: process, log: out}, nil
}

// signal is a no-op on a process that has ended.
func (c *child) signal(sig syscall.Signal) {
	select {
	case <-c.Done():
	default:
		_ = syscall.Kill(c.PID, sig)
	}
}

// wait reports whether the process ended before ctx did.
func (c *child) wait(ctx context.Context) bool {
	select {
	case <-c.Done():
		return true
	case <-ctx.Done():
		return false
	}
}

// kill ends it at once and waits until it is gone.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.Done()
}

func (c *child) lastWords() string { return c.log.tail() }

// reason is what the server itself said last about why it or one of its processes ends, or else its last lines.
func (c *child) reason() string { return c.log.complaint() }

// childEnv holds nothing of ours: PG* variables would redirect the tools, and the environment may carry secrets.
func childEnv() []string {
	return []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
}

// lineLog hands complete lines to the logger and remembers the last ones.
type lineLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	rest []byte
	last []string
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.rest = rest
		l.keep(strings.TrimSpace(string(line)))
	}
}

func (l *lineLog) keep(line string) {
	if line == "" {
		return
	}
	if strings.HasPrefix(line, turnedAway) || strings.HasPrefix(line, sentAway) {
		l.log.LogAttrs(context.Background(), slog.LevelDebug, "postgres", slog.String("line", line))
		return
	}
	l.last = append(l.last, line)
	if len(l.last) > keptLines {
		l.last = l.last[1:]
	}
	level := slog.LevelDebug
	switch {
	case strings.HasPrefix(line, panicked):
		level = slog.LevelError
	case strings.HasPrefix(line, fatal):
		level = slog.LevelWarn
	}
	l.log.LogAttrs(context.Background(), level, "postgres", slog.String("line", line))
}

// complaint is the last of the kept lines that tells why a process ended, or else all of them.
func (l *lineLog) complaint() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range slices.Backward(l.last) {
		if strings.HasPrefix(line, panicked) || strings.HasPrefix(line, fatal) {
			return line
		}
	}
	return strings.Join(l.last, " | ")
}

func (l *lineLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, " | ")
}

// run executes one of PostgreSQL's tools as the server's user and returns its output in the error.
func run(ctx context.Context, lay layout, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...) // our own arguments
	cmd.Dir = lay.dir
	cmd.Env = childEnv()
	cmd.SysProcAttr = lay.account.sysProcAttr()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("run %s: %w", path, err), errors.New(strings.TrimSpace(string(out))))
	}
	return nil
}
