package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/naru-relay/naru/pkg/rest"
)

// explain turns an error into lines for a person: one line, then one for each violation if the relay answered with a problem
// document.
func explain(err error) []string {
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		text += " (the time given by --timeout is over)"
	case errors.Is(err, context.Canceled):
		text += " (interrupted)"
	}
	lines := strings.Split("naru: "+text, "\n")
	var problem *rest.Problem
	if errors.As(err, &problem) {
		lines = append(lines, problem.Lines()[1:]...)
	}
	for i, line := range lines {
		lines[i] = rest.Printable(line)
	}
	return lines
}
