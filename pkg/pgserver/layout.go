package pgserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// layout knows the files below Options.Dir.
type layout struct {
	dir     string
	account account
}

func (l layout) data() string         { return filepath.Join(l.dir, "data") }
func (l layout) passwordFile() string { return filepath.Join(l.dir, "superuser.password") }

// prepare makes the folders. Dir itself is ours and made traversable; folders above it belong to somebody else and are only
// checked.
func (l layout) prepare() error {
	if err := os.MkdirAll(l.dir, 0o755); err != nil { // the server's user must pass it
		return fmt.Errorf("make folder %s: %w", l.dir, err)
	}
	if l.account.switched {
		info, err := os.Stat(l.dir)
		if err != nil {
			return fmt.Errorf("check folder %s: %w", l.dir, err)
		}
		if err := os.Chmod(l.dir, info.Mode().Perm()|0o111); err != nil {
			return fmt.Errorf("make folder %s traversable: %w", l.dir, err)
		}
	}
	return l.account.checkTraversable(l.dir)
}

// clusterMajor is the major version that wrote the data folder, "" when there is none yet.
func (l layout) clusterMajor() string {
	b, err := os.ReadFile(filepath.Join(l.data(), "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// password reads the superuser's password or makes one. It is on disk before the cluster exists, so that no crash leaves a
// cluster nobody can enter.
func (l layout) password() (string, error) {
	b, err := os.ReadFile(l.passwordFile())
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read superuser password: %w", err)
	}
	if fileExists(filepath.Join(l.data(), "PG_VERSION")) {
		return "", fmt.Errorf("data folder %s exists but the superuser password %s is gone", l.data(), l.passwordFile())
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	pw := hex.EncodeToString(raw)
	if err := durable.WriteFile(l.passwordFile(), []byte(pw+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write superuser password: %w", err)
	}
	return pw, nil
}

// initCluster runs initdb once. It works in a second folder that is renamed at the end: what is called data/ is always complete.
func (l layout) initCluster(ctx context.Context, bins binaries, password string, noSync bool) error {
	if fileExists(filepath.Join(l.data(), "PG_VERSION")) {
		return nil
	}
	// --pwfile must be a file the server's user can read; a pipe or our 0600 file is not.
	pwFile := filepath.Join(l.dir, "initdb.password")
	if err := durable.WriteFile(pwFile, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write initdb password: %w", err)
	}
	defer func() { _ = os.Remove(pwFile) }()
	if err := l.account.own(pwFile); err != nil {
		return err
	}
	fresh := l.data() + ".new"
	var failures error
	// C.UTF-8 sorts by bytes as C does and knows upper and lower case of all letters; old C libraries lack it.
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err := os.RemoveAll(fresh); err != nil {
			return fmt.Errorf("remove unfinished cluster: %w", err)
		}
		if err := os.Mkdir(fresh, 0o700); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		if err := l.account.own(fresh); err != nil {
			return err
		}
		args := []string{
			"-D", fresh, "-U", Superuser, "--pwfile", pwFile, "--encoding", "UTF8", "--locale", locale,
			"--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256",
		}
		if noSync {
			args = append(args, "--no-sync")
		}
		err := run(ctx, l, bins.initdb(), args...)
		if err == nil {
			if err := os.Rename(fresh, l.data()); err != nil {
				return fmt.Errorf("put cluster in place: %w", err)
			}
			return nil
		}
		failures = errors.Join(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("create cluster in %s: %w", l.data(), failures)
}

// waitForFormer waits for a server that still holds this data folder, normally one that lost its parent a moment ago and is
// shutting down. A server works in its data folder, so the link /proc/<pid>/cwd tells it from a stranger with a reused process
// id.
func (l layout) waitForFormer(ctx context.Context) error {
	pid := l.formerPID()
	if pid == 0 {
		return nil
	}
	want, err := filepath.EvalSymlinks(l.data())
	if err != nil {
		return fmt.Errorf("resolve data folder: %w", err)
	}
	for {
		// No link to read means that the process is gone.
		if cwd, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd")); cwd != want {
			return nil
		}
		if err := lifecycle.Wait(ctx, 25*time.Millisecond); err != nil {
			return fmt.Errorf("data folder %s is in use by process %d: %w", l.data(), pid, err)
		}
	}
}

// formerPID is the process id in the lock file, 0 without one.
func (l layout) formerPID() int {
	b, err := os.ReadFile(filepath.Join(l.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 2 {
		return 0
	}
	return pid
}
