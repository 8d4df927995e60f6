package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startName = "start"
	starts    = 3
	readyPoll = 10 * time.Millisecond
)

// startRow measures narud itself, with its private PostgreSQL and its sandbox, from its start until it is ready. It stops the
// relay of the earlier rows.
func startRow() row {
	return row{name: startName, full: true, measure: measureStart, lines: []line{
		most("start: narud on 1,000,000 documents until ready", 5, "s"), most("start: narud on an empty folder until ready", 5, "s"),
	}}
}

// findNarud is called before anything is measured, because this row comes last.
func (o options) findNarud() error {
	if o.quick || !o.wants(startName) {
		return nil
	}
	if _, err := exec.LookPath(o.narud); err != nil {
		return fmt.Errorf("find narud: %w", err)
	}
	return nil
}

func measureStart(ctx context.Context, b *bench, lines []line) ([]line, error) {
	if err := b.stack.stop(ctx); err != nil {
		return nil, err
	}
	measured := make([]line, len(lines))
	for i, folder := range []func(n int) string{
		func(int) string { return b.stack.dir },
		func(n int) string { return filepath.Join(b.stack.dir, fmt.Sprintf("empty-%d", n)) },
	} {
		var took []float64
		for n := range starts {
			t, err := b.start(ctx, folder(n))
			if err != nil {
				return nil, err
			}
			took = append(took, rounded(t.Seconds(), 3))
		}
		b.report.Rows[lines[i].Name] = took
		measured[i] = lines[i].is(median(took))
	}
	return measured, nil
}

// start starts narud in a folder, waits until it is ready, and stops it.
func (b *bench) start(ctx context.Context, folder string) (time.Duration, error) {
	free, err := freeAddresses(ctx, 1)
	if err != nil {
		return 0, err
	}
	command := exec.Command(b.options.narud, "-data", folder, "-rest", "127.0.0.1:0", "-grpc", "127.0.0.1:0", "-ops", free[0], "-web", "127.0.0.1:0", "-hub-push", "127.0.0.1:0", "-free-ports") //nolint:gosec,noctx // the bench's own narud, stopped below
	command.Stderr = b.stack.log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	greeting, err := command.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("start narud: %w", err)
	}
	began := b.stack.clock.Now()
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("start narud: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, b.options.patience)
	defer cancel()
	err = poll(bounded, readyPoll, func() (bool, error) {
		request, err := http.NewRequestWithContext(bounded, http.MethodGet, "http://"+free[0]+"/readyz", nil)
		if err != nil {
			return false, fmt.Errorf("ask whether narud is ready: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil // not listening yet
		}
		defer response.Body.Close()
		return response.StatusCode < http.StatusMultipleChoices, nil
	})
	took := b.stack.clock.Now().Sub(began)
	if err == nil { // a narud that is stopped during its start reports a failure
		_, err = bufio.NewReader(greeting).ReadString('\n')
	}
	if err := errors.Join(err, command.Process.Signal(syscall.SIGTERM)); err != nil {
		return 0, fmt.Errorf("start narud: %w", errors.Join(err, command.Wait()))
	}
	_, _ = io.Copy(io.Discard, greeting) // reads the rest of the greeting, so that narud does not block
	if err := command.Wait(); err != nil {
		return 0, fmt.Errorf("stop narud: %w", err)
	}
	return took, nil
}
