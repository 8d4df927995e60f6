package lifecycle

import (
	"os/exec"
	"runtime"
)

// Child is a process of this one's. With Pdeathsig in its command's SysProcAttr it does not outlive this one.
type Child struct {
	// PID of the process.
	PID  int
	done chan struct{}
	err  error
}

// StartChild starts a command and waits for its end in the background.
func StartChild(command *exec.Cmd) (*Child, error) {
	c := &Child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the thread that started the process ends, so the thread has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := command.Start(); err != nil {
			started <- err
			return
		}
		c.PID = command.Process.Pid
		started <- nil
		c.err = command.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err is how it ended; only to be asked for when it has.
func (c *Child) Err() error { return c.err }
