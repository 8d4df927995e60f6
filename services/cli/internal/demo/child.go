package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/poll"
)

const (
	// stopPatience is a little longer than narud's own shutdown.
	stopPatience = 40 * time.Second
	killPatience = 5 * time.Second
	logName      = "narud.log"
	tailLines    = 12
	tailBytes    = 16 << 10
)

// findNarud returns the program to start: the named one, else the one beside this program, else the one on the path.
func findNarud(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), "narud")
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	found, err := exec.LookPath("narud")
	if err != nil {
		return "", errors.New("there is no narud beside this program or on the path; name it with --narud")
	}
	return found, nil
}

// child is a running narud.
type child struct {
	*lifecycle.Child

	dir string
	// wasReady is set once narud was ready. Before that, any exit of an interrupted start is accepted.
	wasReady bool
}

// startChild starts narud in a folder, on free ports. Its log is in the folder too.
func startChild(narud, dir string) (*child, error) {
	log, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start narud: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	const free = "127.0.0.1:0"
	cmd := exec.Command(narud, "-data", dir, "-rest", free, "-grpc", free, "-ops", free, "-web", free, "-hub-push", free, "-free-ports", "-traces") //nolint:noctx,gosec // stopped in order by stop; the program the caller named
	cmd.Stdout, cmd.Stderr = log, log
	contain(cmd)
	process, err := lifecycle.StartChild(cmd)
	if err != nil {
		return nil, fmt.Errorf("start narud: %w", err)
	}
	return &child{Child: process, dir: dir}, nil
}

// ready waits until the endpoint file exists and /readyz answers 200.
func (c *child) ready(ctx context.Context, client *http.Client) (*endpoints.Endpoints, error) {
	path := filepath.Join(c.dir, endpoints.FileName)
	var e *endpoints.Endpoints
	err := poll.Until(ctx, "narud to get ready", func(ctx context.Context) (bool, error) {
		select {
		case <-c.Done():
			return false, fmt.Errorf("narud ended by itself: %w", orNothing(c.Err()))
		default:
		}
		if _, err := os.Stat(path); err != nil {
			return false, nil //nolint:nilerr // not there yet
		}
		var err error
		if e, err = endpoints.Read(path); err != nil {
			return false, err
		}
		c.wasReady = isReady(ctx, client, e.Ops+"/readyz")
		return c.wasReady, nil
	})
	return e, err
}

func orNothing(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}

func isReady(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop asks narud to stop, waits, and kills it if it still runs. A kill is an error, because narud must stop by itself.
func (c *child) stop(ctx context.Context) error {
	select {
	case <-c.Done():
		return killGroup(c.PID)
	default:
	}
	if err := interrupt(c.PID); err != nil {
		return errors.Join(fmt.Errorf("stop narud: %w", err), killGroup(c.PID))
	}
	if c.wait(ctx, stopPatience) {
		if c.Err() != nil && c.wasReady {
			return errors.Join(fmt.Errorf("narud did not stop cleanly: %w", c.Err()), killGroup(c.PID))
		}
		return killGroup(c.PID)
	}
	err := errors.Join(errors.New("narud did not stop and was killed"), killGroup(c.PID))
	c.wait(ctx, killPatience)
	return err
}

func (c *child) wait(ctx context.Context, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.Done():
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}

// lastWords returns the last lines of narud's log.
func (c *child) lastWords() []string {
	raw, err := os.ReadFile(filepath.Join(c.dir, logName)) //nolint:gosec // our own file
	if err != nil {
		return nil
	}
	if len(raw) > tailBytes {
		raw = raw[len(raw)-tailBytes:]
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return lines[max(0, len(lines)-tailLines):]
}
