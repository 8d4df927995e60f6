package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/naru-relay/naru/pkg/fault"
)

// Problem is an answer that reports a failure.
type Problem struct {
	fault.Problem
	// Method and Path of the call.
	Method, Path string
}

// Error is one line: call, status, reason, detail.
func (p *Problem) Error() string {
	words := []string{p.Method, p.Path + ":", strconv.Itoa(p.Status)}
	if p.Reason != "" {
		words = append(words, p.Reason)
	} else if p.Title != "" {
		words = append(words, p.Title)
	}
	if p.Detail != "" {
		words = append(words, "-", p.Detail)
	}
	return strings.Join(words, " ")
}

// Lines describe the whole problem to a person: what is wrong, then each violation, details and the trace on lines of their own.
// They are printable, whatever the server sent.
func (p *Problem) Lines() []string {
	lines := []string{p.Error()}
	for _, v := range p.Violations {
		field, rule := v.Field, ""
		if field == "" {
			field = "(whole body)"
		}
		if v.Rule != "" {
			rule = " [" + v.Rule + "]"
		}
		lines = append(lines, "  "+field+": "+v.Message+rule)
	}
	names := make([]string, 0, len(p.Metadata))
	for name := range p.Metadata {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		lines = append(lines, "  "+name+" = "+p.Metadata[name])
	}
	if p.RetryAfter > 0 {
		lines = append(lines, fmt.Sprintf("  try again after %s", p.RetryAfter))
	}
	if p.Instance != "" {
		lines = append(lines, "  trace "+p.Instance)
	}
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return lines
}

// Printable replaces what could steer a terminal by spaces.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// TransportError says that a call got no answer.
type TransportError struct {
	Method, Path string
	Cause        error
}

// Error says which call failed and why.
func (e *TransportError) Error() string {
	return fmt.Sprintf("%s %s: no answer: %v", e.Method, e.Path, e.Cause)
}

// Unwrap gives what hindered it.
func (e *TransportError) Unwrap() error { return e.Cause }

// Retryable reports whether the same call may work later, and after which pause at least.
func Retryable(err error) (time.Duration, bool) {
	var problem *Problem
	if errors.As(err, &problem) {
		switch problem.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return problem.RetryAfter, true
		}
		return 0, false
	}
	var lost *TransportError
	return 0, errors.As(err, &lost)
}

// Reason is the machine reason of a problem, empty for other errors.
func Reason(err error) string {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem.Reason
	}
	return ""
}

func readProblem(method, path string, response *http.Response) *Problem {
	p := &Problem{Method: method, Path: path}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxProblemBytes))
	if err == nil && media == fault.ProblemMediaType {
		// If the body cannot be read, the status says what is known.
		if json.Unmarshal(raw, &p.Problem) != nil {
			p.Problem = fault.Problem{}
		}
	}
	p.Status = response.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(response.StatusCode)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(min(seconds, maxRetryAfter)) * time.Second
	}
	return p
}

// maxRetryAfter bounds the pause that a header may ask for, in seconds.
const maxRetryAfter = 3600
