//go:build !linux

package demo

import (
	"os"
	"os/exec"
)

// contain does nothing, because there is no portable way: if we are killed, the process stays.
func contain(*exec.Cmd) {}

func interrupt(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(os.Interrupt)
}

func killGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	_ = p.Kill() // an ended process cannot be killed
	return nil
}
