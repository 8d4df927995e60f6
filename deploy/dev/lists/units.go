package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/unit"
)

// Generated lists of units stand between these lines of a page.
const (
	unitsBegin = "<!-- units -->\n"
	unitsEnd   = "<!-- /units -->\n"
)

// between replaces the text between two lines of a file.
func between(was []byte, begin, end string, written []byte) ([]byte, error) {
	before, rest, begun := bytes.Cut(was, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !begun || !ended {
		return nil, errors.New("the lines between which the list stands are not there")
	}
	return bytes.Join([][]byte{before, []byte(begin), written, []byte(end), after}, nil), nil
}

// duties writes the table of docs/architecture.md: what each unit does, and which public facts it states.
func duties(units []unit.Unit, was []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("| unit | duty in the guide | states (events) |\n|---|---|---|\n")
	for _, u := range units {
		var events []string
		for _, kind := range u.PublicKinds() {
			events = append(events, string(kind[strings.LastIndexByte(string(kind), '.')+1:]))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.Name, u.Duty, strings.Join(events, ", "))
	}
	return between(was, unitsBegin, unitsEnd, b.Bytes())
}

// names writes the README's list of units, with links to their folders.
func names(units []unit.Unit, was []byte) ([]byte, error) {
	var linked []string
	for _, u := range units {
		linked = append(linked, fmt.Sprintf("[%s](services/%[1]s)", u.Name))
	}
	return between(was, unitsBegin, unitsEnd, []byte(strings.Join(linked, " · ")+"\n"))
}
