package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MinMajor is the oldest PostgreSQL major version Naru works with.
const MinMajor = 14

// ErrNoBinaries says that no usable PostgreSQL server is installed.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries (initdb, postgres) found")

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// binaries is the folder of one installed PostgreSQL server.
type binaries struct {
	dir   string
	major int
}

func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }

// findBinaries takes dir if given, else searches PATH, then Debian's versioned folders from the newest down. A cluster can only
// be opened by its own major version, so wantMajor ("" for a new cluster) decides among them.
func findBinaries(ctx context.Context, dir, wantMajor string) (binaries, error) {
	candidates := []string{dir}
	if dir == "" {
		candidates = candidateDirs()
	}
	var seen []string
	for _, c := range candidates {
		b, ok := inspect(ctx, c)
		if !ok {
			continue
		}
		if wantMajor == "" && b.major >= MinMajor || wantMajor == strconv.Itoa(b.major) {
			return b, nil
		}
		seen = append(seen, fmt.Sprintf("%d in %s", b.major, b.dir))
	}
	switch {
	case wantMajor != "":
		return binaries{}, fmt.Errorf("%w for the existing cluster of version %s (installed: %s): apt-get install postgresql-%s",
			ErrNoBinaries, wantMajor, strings.Join(seen, ", "), wantMajor)
	case len(seen) > 0:
		return binaries{}, fmt.Errorf("%w of version %d or newer (installed: %s)", ErrNoBinaries, MinMajor, strings.Join(seen, ", "))
	default:
		return binaries{}, fmt.Errorf("%w: install the Debian package postgresql (deploy/dev/install-postgres.sh)", ErrNoBinaries)
	}
}

// Program is where a program of the newest PostgreSQL server that is installed lies, e.g. pg_restore.
func Program(ctx context.Context, name string) (string, error) {
	b, err := findBinaries(ctx, "", "")
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, name)
	if !fileExists(path) {
		return "", fmt.Errorf("there is no %s in %s: install the Debian package postgresql", name, b.dir)
	}
	return path, nil
}

func candidateDirs() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	slices.SortFunc(debian, func(a, b string) int { return debianMajor(b) - debianMajor(a) })
	return append(dirs, debian...)
}

func debianMajor(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

func inspect(ctx context.Context, dir string) (binaries, bool) {
	b := binaries{dir: dir}
	if dir == "" || !fileExists(b.initdb()) {
		return b, false
	}
	out, err := exec.CommandContext(ctx, b.postgres(), "--version").Output() // an installed program
	if err != nil {
		return b, false
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return b, false
	}
	b.major, err = strconv.Atoi(string(m[1]))
	return b, err == nil
}
