package unit

import (
	"os"
	"runtime/debug"
)

// What the heap may grow to, in bytes. Both are limits to the collector's leisure, not to the process: near them it collects more often.
const (
	// MemoryOfOne is for a unit in a process of its own.
	MemoryOfOne = 256 << 20
	// MemoryOfAll is for all units, the bus and the sandbox in one process.
	MemoryOfAll = 640 << 20
)

// growth of the live heap, in percent, before garbage is collected. Collecting and allocating took a quarter of the processor time at
// the runtime's default of 100 (docs/performance.md).
const growth = 400

// SpendMemory trades memory for processor time up to a limit. GOGC and GOMEMLIMIT of the environment win. It is about the whole process,
// so only main functions call it.
func SpendMemory(limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
