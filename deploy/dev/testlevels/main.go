// Command testlevels runs every test of Naru level by level and prints what ran: counts per level and mode, and each skipped
// test. A level in which no test passed fails, so that a wrong pattern cannot look like a success. All packages share one
// PostgreSQL server: the one of NARU_TEST_POSTGRES_URL, or one that this program starts.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// level is one kind of tests, and where they are.
type level struct {
	name     string
	dir      string
	packages []string
	except   []string
	env      []string
	timeout  string
}

var storePackages = within("pkg", "pg", "pgserver", "inbox", "journal", "audit", "frame", "work", "sealed", "unit", "testkit")

// within are the patterns of the packages below these folders.
func within(parent string, folders ...string) []string {
	patterns := make([]string, len(folders))
	for i, folder := range folders {
		patterns[i] = "./" + parent + "/" + folder + "/..."
	}
	return patterns
}

func levels() []level {
	return []level{
		{name: "unit", packages: []string{"./pkg/...", "./deploy/..."}, except: append([]string{"./pkg/viewingkit/..."}, storePackages...), timeout: "5m"},
		{name: "store", packages: storePackages, timeout: "10m"},
		{name: "service", packages: []string{"./services/..."}, except: []string{"./services/sandbox/..."}, timeout: "15m"},
		{name: "contract", packages: []string{"./services/sandbox/...", "./pkg/viewingkit/..."}, timeout: "10m"},
		{name: "journey, one process", dir: "e2e", packages: []string{"./..."}, env: []string{"E2E_MODE=inproc"}, timeout: "15m"},
		{name: "journey, separate processes", dir: "e2e", packages: []string{"./..."}, env: []string{"E2E_MODE=procs"}, timeout: "15m"},
	}
}

// result is the result of one level.
type result struct {
	level                   string
	passed, failed, skipped int
	skips                   []string
	// took is the elapsed time, cpu the time of all processors together. Both include builds and what the tests started, but not
	// the server that all levels share.
	took, cpu time.Duration
	slowest   []slow
	err       error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(all(ctx))
}

func all(ctx context.Context) int {
	stop, err := server(ctx)
	if err != nil {
		fmt.Println("problem:", err)
		return 1
	}
	// The units' programs are linked once, for all levels that start them.
	programs, err := os.MkdirTemp("", "naru-e2e-bin-")
	if err != nil {
		stop()
		fmt.Println("problem:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(programs) }()
	race := raceAvailable(ctx)
	fmt.Printf("race detection: %s\n", map[bool]string{true: "on", false: "not available (cgo or a C compiler is missing)"}[race])
	var results []result
	for _, l := range levels() {
		results = append(results, run(ctx, l, programs, race))
	}
	stop() // its CPU time is counted once it has ended
	return report(results)
}

// server starts one server for all test binaries, so that each template is migrated once and not once per binary.
func server(ctx context.Context) (stop func(), err error) {
	if os.Getenv(pgtest.EnvURL) != "" {
		return func() {}, nil
	}
	private, err := pgtest.StartPrivate(ctx)
	if err != nil {
		return nil, fmt.Errorf("start postgres for tests: %w", err)
	}
	stop = func() {
		if err := private.Stop(); err != nil {
			fmt.Println("stop postgres of tests:", err)
		}
	}
	if err := os.Setenv(pgtest.EnvURL, private.URL()); err != nil {
		stop()
		return nil, fmt.Errorf("tell tests their server: %w", err)
	}
	return stop, nil
}

// raceAvailable reports whether the race detector can run. It needs cgo and a C compiler.
func raceAvailable(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return false
	}
	fields := strings.Fields(string(out))
	if len(fields) < 2 || fields[0] != "1" {
		return false
	}
	_, err = exec.LookPath(fields[1])
	return err == nil
}

func run(ctx context.Context, l level, programs string, race bool) result {
	r := result{level: l.name}
	packages, err := list(ctx, l.dir, l.packages)
	if err == nil && len(l.except) > 0 {
		var except []string
		except, err = list(ctx, l.dir, l.except)
		packages = slices.DeleteFunc(packages, func(p string) bool { return slices.Contains(except, p) })
	}
	if err != nil {
		r.err = err
		return r
	}
	fmt.Printf("\n== %s: %d packages\n", l.name, len(packages))
	// vet is off because make verify lints with all of vet.
	args := []string{"test", "-json", "-count=1", "-shuffle=on", "-vet=off", "-timeout", l.timeout}
	if race {
		args = append(args, "-race")
	}
	command := exec.CommandContext(ctx, "go", append(args, packages...)...)
	command.Dir, command.Stderr = l.dir, os.Stderr
	command.Env = append(append(os.Environ(), "E2E_BIN="+programs), l.env...)
	out, err := command.StdoutPipe()
	if err != nil {
		r.err = err
		return r
	}
	if err := command.Start(); err != nil {
		r.err = err
		return r
	}
	started := time.Now() //nolint:forbidigo // the wall clock is what is reported
	r.read(out)
	r.err = command.Wait()
	r.took = time.Since(started).Round(time.Second)
	r.cpu = (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Round(time.Second)
	return r
}

func list(ctx context.Context, dir string, patterns []string) ([]string, error) {
	command := exec.CommandContext(ctx, "go", append([]string{"list"}, patterns...)...)
	command.Dir, command.Stderr = dir, os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages %v: %w", patterns, err)
	}
	return strings.Fields(string(out)), nil
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// slow is a test and its duration in seconds.
type slow struct {
	name    string
	seconds float64
}

// shownSlow is how many of the slowest tests are shown.
const shownSlow = 12

// read counts the tests and shows the output of those that fail, and of packages that do not build.
func (r *result) read(out io.Reader) {
	output := map[string][]string{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
		case "pass":
			r.count(e, &r.passed)
			if e.Test != "" && !strings.Contains(e.Test, "/") {
				r.slowest = append(r.slowest, slow{r.level + ": " + key, e.Elapsed})
			}
			delete(output, key)
		case "skip":
			r.count(e, &r.skipped)
			if e.Test != "" {
				r.skips = append(r.skips, key+": "+strings.TrimSpace(strings.Join(output[key], " ")))
			}
		case "fail", "build-fail":
			r.count(e, &r.failed)
			fmt.Printf("FAIL %s\n%s", key, strings.Join(output[key], ""))
		}
	}
}

func (r *result) count(e event, n *int) {
	if e.Test != "" {
		*n++
	}
}

// report prints the table and returns the exit code.
func report(results []result) int {
	fmt.Printf("\n%-30s %8s %8s %8s %8s %8s\n", "level", "passed", "failed", "skipped", "took", "cpu")
	var problems []error
	total := result{}
	for _, r := range results {
		fmt.Printf("%-30s %8d %8d %8d %8s %8s\n", r.level, r.passed, r.failed, r.skipped, r.took, r.cpu)
		total.passed, total.failed, total.skipped = total.passed+r.passed, total.failed+r.failed, total.skipped+r.skipped
		total.skips = append(total.skips, r.skips...)
		total.slowest = append(total.slowest, r.slowest...)
		if r.err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", r.level, r.err))
		} else if r.passed == 0 {
			problems = append(problems, errors.New(r.level+": no test ran"))
		}
	}
	slices.SortFunc(total.slowest, func(a, b slow) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, s := range total.slowest[:min(shownSlow, len(total.slowest))] {
		fmt.Printf("slowest: %5.0f s  %s\n", s.seconds, s.name)
	}
	slices.SortFunc(total.skips, cmp.Compare[string])
	for _, skip := range total.skips {
		fmt.Println("skipped:", skip)
	}
	for _, problem := range problems {
		fmt.Println("problem:", problem)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err == nil {
		fmt.Printf("cpu of all levels and their postgres: %s\n", time.Duration(used.Utime.Nano()+used.Stime.Nano()).Round(time.Second))
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped)
	if len(problems) > 0 {
		return 1
	}
	return 0
}
