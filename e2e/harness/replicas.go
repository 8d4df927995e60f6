package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/services/registry"
)

// replicaMark parts a unit's name from the number of a further replica.
const replicaMark = "-"

// replicaNames are the names of a unit's processes: its own, and intake-2 for a second.
func (s *Stack) replicaNames(unit string) []string {
	names := []string{unit}
	for n := 2; n <= s.replicas; n++ {
		names = append(names, fmt.Sprint(unit, replicaMark, n))
	}
	return names
}

// Processes are the names of all processes of units.
func (s *Stack) Processes() (names []string) {
	for _, u := range registry.Units() {
		names = append(names, s.replicaNames(u.Name)...)
	}
	return names
}

// UnitOf is the unit whose process it is.
func UnitOf(process string) string {
	unit, _, _ := strings.Cut(process, replicaMark)
	return unit
}

// listening finds the lines of settings that say where a process listens.
var listening = regexp.MustCompile(`(?m)^(\s*(?:ops_)?listen: )"127\.0\.0\.1:(\d+)"$`)

// spread gives each replica of each unit settings of its own, and puts a link at the address that the settings of all others
// name. Replicas listen at the same port of other addresses of this machine.
func (s *Stack) spread(ctx context.Context) error {
	if s.replicas < 2 {
		return nil
	}
	s.operations = map[string]string{}
	for _, u := range registry.Units() {
		targets := map[string][]string{}
		for n, name := range s.replicaNames(u.Name) {
			host := fmt.Sprint("127.0.0.", n+2)
			ops, err := url.Parse(s.Endpoints.Units[u.Name])
			if err != nil {
				return fmt.Errorf("read the address of %s: %w", u.Name, err)
			}
			ops.Host = net.JoinHostPort(host, ops.Port())
			s.operations[name] = ops.String()
			for _, suffix := range []string{".platform.yaml", ".yaml"} {
				settings, err := os.ReadFile(filepath.Join(s.Dir, "config", u.Name+suffix))
				if err != nil {
					return fmt.Errorf("read settings of %s: %w", u.Name, err)
				}
				for _, found := range listening.FindAllStringSubmatch(string(settings), -1) {
					targets[found[2]] = append(targets[found[2]], net.JoinHostPort(host, found[2]))
				}
				own := listening.ReplaceAll(settings, []byte(`${1}"`+host+`:${2}"`))
				if err := os.WriteFile(s.settingsOf(name)+suffix, own, 0o600); err != nil {
					return fmt.Errorf("write settings of %s: %w", name, err)
				}
			}
		}
		for port, replicas := range targets {
			way, err := link.New(ctx, net.JoinHostPort("127.0.0.1", port))
			if err != nil {
				return err
			}
			way.Lead(replicas...)
			s.links = append(s.links, way)
		}
	}
	return nil
}

// settingsOf is where the settings of a process are, without what parts its files.
func (s *Stack) settingsOf(process string) string {
	if s.replicas < 2 {
		return filepath.Join(s.Dir, "config", process)
	}
	return filepath.Join(s.Dir, "config", "replica-"+process)
}

// operationsOf is where a process tells whether it is ready.
func (s *Stack) operationsOf(process string) string {
	if own := s.operations[process]; own != "" {
		return own
	}
	return s.Endpoints.Units[process]
}

// startReplicas starts all processes: the first of each unit makes the keys that the others share.
func (s *Stack) startReplicas(ctx context.Context) error {
	for n := range max(s.replicas, 1) {
		var begun []string
		for _, u := range registry.Units() {
			begun = append(begun, s.replicaNames(u.Name)[n])
		}
		var problems []error
		for _, name := range begun {
			problems = append(problems, s.StartUnit(ctx, name))
		}
		for _, name := range begun {
			problems = append(problems, s.AwaitUnit(ctx, name))
		}
		if err := errors.Join(problems...); err != nil {
			return err
		}
	}
	return nil
}
