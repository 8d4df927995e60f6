// Command readmecheck compares the README's table of interfaces with the code: every named RPC exists with the named REST path,
// the named unit serves it, and every named test exists, those of the tables of the guide's requirements and of the law's duties
// too.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	_ "github.com/naru-relay/naru/services/registry" // links every proto
)

const (
	begin = "<!-- interfaces -->"
	end   = "<!-- /interfaces -->"
	// outside is the RPC cell of an interface that the outside world serves.
	outside = "outside: sandbox"
	// minRows is the number of interfaces that guide 5.1.1 and 5.1.2 name.
	minRows = 10
	// gap begins what a row says of a duty that is not met; uncovered begins a row that names no test.
	gap       = "not covered:"
	uncovered = "not covered, because "
)

var code = regexp.MustCompile("`([^`]+)`")

func main() {
	var failed bool
	for _, file := range []string{"README.md", "README.ko.md"} {
		rows, err := check(file)
		if err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			continue
		}
		fmt.Printf("%s: %d interfaces checked\n", file, rows)
	}
	for file, gaps := range map[string]bool{"docs/requirements.md": false, "docs/law.md": true} {
		if err := duties(file, gaps); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// duties checks that every row of a file's tables names tests that exist. Where gaps are allowed, a row may say in place of tests
// why it is not covered, and after them what of it is not.
func duties(file string, gaps bool) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var problems []error
	rows := 0
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(cells[0], "---") || strings.TrimSpace(cells[len(cells)-1]) == "test" {
			continue
		}
		rows++
		if err := duty(cells, gaps); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", strings.TrimSpace(cells[0]), err))
		}
	}
	if rows == 0 {
		problems = append(problems, errors.New("there is no table"))
	}
	return errors.Join(problems...)
}

// duty checks one row: duty | mechanism | test.
func duty(cells []string, gaps bool) error {
	if len(cells) != 3 {
		return fmt.Errorf("%d cells, a row has three", len(cells))
	}
	named := strings.TrimSpace(cells[2])
	if gaps {
		if strings.HasPrefix(named, uncovered) {
			return nil
		}
		named, _, _ = strings.Cut(named, gap)
	}
	tests := names(named)
	if len(tests) == 0 {
		return errors.New("names no test")
	}
	var problems []error
	for _, name := range tests {
		problems = append(problems, test(name))
	}
	return errors.Join(problems...)
}

func check(file string) (int, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	text := string(raw)
	from, to := strings.Index(text, begin), strings.Index(text, end)
	if from < 0 || to < from {
		return 0, errors.New("the table of interfaces is not marked")
	}
	var problems []error
	rows := 0
	for _, line := range strings.Split(text[from+len(begin):to], "\n") {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(strings.TrimSpace(cells[0]), "---") || rows == 0 && !strings.Contains(line, "`") {
			continue
		}
		rows++
		if err := row(cells); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", strings.TrimSpace(cells[0]), err))
		}
	}
	if rows < minRows {
		problems = append(problems, fmt.Errorf("%d rows, the guide names %d interfaces", rows, minRows))
	}
	return rows, errors.Join(problems...)
}

// row checks one row: interface | RPC | REST | unit | test.
func row(cells []string) error {
	var problems []error
	if !strings.Contains(cells[1], outside) {
		rpcs, rests, units := names(cells[1]), names(cells[2]), names(cells[3])
		if len(rpcs) == 0 || len(rests) != len(rpcs) || len(units) != 1 {
			return errors.New("names no RPC, or not one REST path each, or not one unit")
		}
		for i, name := range rpcs {
			problems = append(problems, call(name, rests[i], units[0]))
		}
	}
	tests := names(cells[4])
	if len(tests) == 0 {
		problems = append(problems, errors.New("names no test"))
	}
	for _, name := range tests {
		problems = append(problems, test(name))
	}
	return errors.Join(problems...)
}

func names(cell string) []string {
	var found []string
	for _, match := range code.FindAllStringSubmatch(cell, -1) {
		found = append(found, match[1])
	}
	return found
}

// call checks one RPC, for example naru.intake.v1.IntakeService/Send with POST /v1/documents, served by intake.
func call(name, rest, unit string) error {
	service, method, _ := strings.Cut(name, "/")
	descriptor, err := rpc.ServiceOf(service)
	if err != nil {
		return err
	}
	of := descriptor.Methods().ByName(protoreflect.Name(method))
	if of == nil {
		return fmt.Errorf("there is no RPC %s", name)
	}
	if !strings.HasPrefix(service, "naru."+unit+".") {
		return fmt.Errorf("%s is not served by %s", name, unit)
	}
	if got := gateway.PathOf(of); got != rest {
		return fmt.Errorf("%s is %q over REST, not %q", name, got, rest)
	}
	return nil
}

// test checks one test, written as <folder>:TestName.
func test(name string) error {
	folder, function, _ := strings.Cut(name, ":")
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.Contains(string(raw), "func "+function+"(t *testing.T)") {
			return nil
		}
	}
	return fmt.Errorf("there is no test %s in %s", function, folder)
}
