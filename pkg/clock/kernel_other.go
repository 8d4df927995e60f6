//go:build !linux

package clock

import "errors"

// KernelReader cannot measure here; only a tolerant watch becomes ready.
func KernelReader() Reader { return kernel{} }

type kernel struct{}

// Read always fails.
func (kernel) Read() (Reading, error) {
	return Reading{}, errors.New("the clock can be measured on Linux only")
}
