package unit

import (
	"errors"
	"flag"
	"fmt"
)

// Exit codes of this project's processes.
const (
	ExitOK = iota
	ExitFailed
	ExitUsage
)

// ParseFlags parses the arguments of a process that takes flags alone. done says that the process has nothing else to do, and
// ends with the code; what was wrong is told then.
func ParseFlags(flags *flag.FlagSet, args []string) (code int, done bool) {
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return ExitOK, true
	case err != nil:
		return ExitUsage, true
	case flags.NArg() > 0:
		fmt.Fprintf(flags.Output(), "%s: %q is no flag, and there is nothing else to say (-help)\n", flags.Name(), flags.Arg(0))
		return ExitUsage, true
	default:
		return ExitOK, false
	}
}
