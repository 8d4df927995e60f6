package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// KernelReader reads the Linux kernel's clock discipline (adjtimex(2)); it needs no rights.
func KernelReader() Reader { return kernel{} }

type kernel struct{}

// Read asks the kernel and changes nothing.
func (kernel) Read() (Reading, error) {
	var t unix.Timex // modes 0: read only
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return Reading{}, fmt.Errorf("reading the kernel's clock: %w", err)
	}
	return readingOf(state, &t), nil
}

// readingOf translates the kernel's units: offset in nanoseconds with STA_NANO, else microseconds; errors always in microseconds.
func readingOf(state int, t *unix.Timex) Reading {
	unit := time.Microsecond
	if t.Status&unix.STA_NANO != 0 {
		unit = time.Nanosecond
	}
	return Reading{
		Offset:       time.Duration(t.Offset) * unit,
		MaxError:     time.Duration(t.Maxerror) * time.Microsecond,
		EstError:     time.Duration(t.Esterror) * time.Microsecond,
		Synchronised: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0,
	}
}
