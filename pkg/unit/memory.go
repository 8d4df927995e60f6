package unit

import (
	"os"
	"runtime/debug"
)

// Limits for the heap, in bytes. Near a limit the collector runs more often; the process may still use more.
const (
	// MemoryOfOne is for a unit in a process of its own.
	MemoryOfOne = 256 << 20
	// MemoryOfAll is for all units, the bus and the sandbox in one process.
	MemoryOfAll = 640 << 20
)

// growth of the live heap, in percent, before garbage is collected. At the runtime's default of 100, collecting and allocating
// took a quarter of the processor time (docs/performance.md).
const growth = 400

// SpendMemory trades memory for processor time up to a limit. GOGC and GOMEMLIMIT in the environment win. It changes the whole
// process, so only main functions call it.
func SpendMemory(limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
