package work

import (
	"os"
	"runtime"
)

// processors is their number as the runtime found it, a container's limit included.
var processors = runtime.GOMAXPROCS(0)

// Processors is how many computing tasks should run at the same time.
func Processors() int { return processors }

// spare is the number of threads left for everything that does not compute for long.
const spare = 2

// SpareThreads lets Go code run on more threads than there are processors. While every thread has a goroutine that computes, only
// the runtime's monitor looks at the network, every 10 ms: an answer that needs ten steps takes a tenth of a second. Long
// computations (the checks of batches, the transactions of bulk) are bounded to one thread per processor, so some threads stay
// free for the network, and the kernel shares the processors among all. A GOMAXPROCS in the environment wins.
func SpareThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2*processors + spare)
	}
}
