package work

import (
	"os"
	"runtime"
)

// processors as the runtime found them, a container's limit considered.
var processors = runtime.GOMAXPROCS(0)

// Processors tells on how many of them work that computes should run at the same time.
func Processors() int { return processors }

// spare threads are those that what computes leaves to everybody else.
const spare = 2

// SpareThreads lets Go code run on more threads than there are processors. While there is a goroutine for each thread that has something to
// compute, nobody looks whether the network has something, but for a watchman every 10 ms: an answer whose way has ten steps takes a tenth of a
// second. What computes for long is bounded, the checks of batches and the transactions of bulk to a thread for each processor, and some are left
// that wait for the network; the kernel shares the processors between all of them. Whoever sets GOMAXPROCS keeps what it says.
func SpareThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2*processors + spare)
	}
}
