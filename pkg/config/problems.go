package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault of a configuration.
type Problem struct {
	// Path is the YAML path of the value, e.g. database.max_conns or peers[2].url; empty for the whole.
	Path string
	// Message says what is wanted. It never repeats the value.
	Message string
}

// Error is path and message.
func (p *Problem) Error() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// Problems collects faults so that all are reported at once. The zero value is ready to use.
type Problems struct {
	list []*Problem
}

// Add notes a fault of the value at path. The message MUST NOT repeat a secret.
func (p *Problems) Add(path, format string, args ...any) {
	p.list = append(p.list, &Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Within adds the faults in err, with path before their own paths; an error that is no Problem becomes one. nil adds nothing.
func (p *Problems) Within(path string, err error) {
	if err == nil {
		return
	}
	var many *problemsError
	var one *Problem
	switch {
	case errors.As(err, &many):
		for _, problem := range many.list {
			p.list = append(p.list, &Problem{Path: join(path, problem.Path), Message: problem.Message})
		}
	case errors.As(err, &one):
		p.list = append(p.list, &Problem{Path: join(path, one.Path), Message: one.Message})
	default:
		p.list = append(p.list, &Problem{Path: path, Message: err.Error()})
	}
}

// Err joins what was collected, nil when there is nothing. errors.As finds the single *Problem values.
func (p *Problems) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &problemsError{list: slices.Clone(p.list)}
}

// List gives the problems err holds, for showing them one a line; nil when it holds none.
func List(err error) []*Problem {
	var many *problemsError
	if errors.As(err, &many) {
		return slices.Clone(many.list)
	}
	return nil
}

type problemsError struct {
	list []*Problem
}

func (e *problemsError) Error() string {
	lines := make([]string, len(e.list))
	for i, problem := range e.list {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

func (e *problemsError) Unwrap() []error {
	errs := make([]error, len(e.list))
	for i, problem := range e.list {
		errs[i] = problem
	}
	return errs
}

func join(path, more string) string {
	switch {
	case path == "":
		return more
	case more == "" || strings.HasPrefix(more, "["):
		return path + more
	default:
		return path + "." + more
	}
}
