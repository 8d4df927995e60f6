package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/registry"
)

const (
	// eagerly is how much garbage the collector leaves while memory is measured, in percent of what lives. As units are started,
	// it leaves four times as much: memory would tell of the collector's leisure, not of what a unit holds.
	eagerly = 20
	// look is the pause between two looks at the live heap of this process.
	look = 5 * time.Millisecond
)

// Memory measures by how much units grow. Where they are processes, it is the kernel's peak of a process's resident memory, which
// misses nothing. In one process it is the live heap as each collection finds it, of all units, the sandbox and the test.
type Memory struct {
	stack  *Stack
	before map[string]uint64
}

// OneProcess is the name under which all units in one process are told.
const OneProcess = "all"

// MeasureMemory makes all collectors eager until the test ends. Where units are processes, they are started again for that and
// after that, so the test has to run alone.
func (s *Stack) MeasureMemory(t *testing.T) *Memory {
	t.Helper()
	m := &Memory{stack: s}
	if s.Mode == InProcess {
		before := debug.SetGCPercent(eagerly)
		t.Cleanup(func() { debug.SetGCPercent(before) })
		return m
	}
	t.Cleanup(func() { // after the environment is what it was
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		require.NoError(t, s.Restart(ctx, s.Processes()...))
	})
	t.Setenv("GOGC", strconv.Itoa(eagerly))
	require.NoError(t, s.Restart(t.Context(), s.Processes()...))
	return m
}

// Begin takes what is in use now as what growth is counted from.
func (m *Memory) Begin(t *testing.T) {
	t.Helper()
	m.before = map[string]uint64{}
	if m.stack.Mode == InProcess {
		runtime.GC()
		m.before[OneProcess] = liveHeap()
		return
	}
	for _, u := range registry.Units() {
		used, err := m.resident(u.Name, "VmRSS")
		require.NoError(t, err)
		m.before[u.Name] = used
	}
}

// During returns by how many bytes each unit grew at most while something was done, since Begin.
func (m *Memory) During(t *testing.T, what string, do func()) map[string]uint64 {
	t.Helper()
	now := clock.System()
	began := now.Now()
	peaks, err := m.watch(do)
	require.NoError(t, err)
	grown := map[string]uint64{}
	for unit, peak := range peaks {
		grown[unit] = peak - min(peak, m.before[unit])
		t.Logf("%s: %s grew by %.1f MiB from %.1f MiB", what, unit, mebibytes(grown[unit]), mebibytes(m.before[unit]))
	}
	t.Logf("%s: %.1f s", what, now.Now().Sub(began).Seconds())
	return grown
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

func (m *Memory) watch(do func()) (map[string]uint64, error) {
	if m.stack.Mode == InProcess {
		return map[string]uint64{OneProcess: watchHeap(do)}, nil
	}
	var problems []error
	for _, u := range registry.Units() {
		// 5 sets the peak back to what is resident (proc(5)).
		problems = append(problems, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.stack.PID(u.Name)), []byte("5"), 0))
	}
	do()
	peaks := map[string]uint64{}
	for _, u := range registry.Units() {
		peak, err := m.resident(u.Name, "VmHWM")
		problems = append(problems, err)
		peaks[u.Name] = peak
	}
	return peaks, errors.Join(problems...)
}

// resident reads a line of the status of a unit's process, in bytes.
func (m *Memory) resident(unit, key string) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.stack.PID(unit)))
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", unit, err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, found := strings.CutPrefix(line, key+":"); found {
			kilobytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read the memory of %s: %w", unit, err)
			}
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("the memory of %s is not told", unit)
}

func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watchHeap returns the most that a collection found alive while something was done.
func watchHeap(do func()) (most uint64) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(look)
		defer tick.Stop()
		for {
			most = max(most, liveHeap())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(done)
	<-stopped
	return most
}
