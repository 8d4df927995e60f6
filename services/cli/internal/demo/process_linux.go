package demo

import (
	"errors"
	"os/exec"
	"syscall"
)

// contain puts the process into its own group, and makes the kernel send it SIGTERM when we die for any reason.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func interrupt(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

// killGroup kills what is left of the group. An empty group is no error.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
