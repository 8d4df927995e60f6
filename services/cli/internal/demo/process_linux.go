package demo

import (
	"errors"
	"os/exec"
	"syscall"
)

// contain gives the process a group of its own, and has the kernel ask it to stop when we die, however we die.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func interrupt(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

// killGroup ends what is left of the group; that nothing is left is no error.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
