package pgtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

// PgBouncer starts a PgBouncer in transaction mode before a database until the test ends, and gives what leads a URL through it.
// settings are further lines of its configuration. It has less connections to the server than clients, so that they share them.
// Where it is not installed the test is skipped; as root on Debian it is installed (apt-get install pgbouncer).
func PgBouncer(t testing.TB, settings string, schemas ...string) (through func(direct string) string) {
	t.Helper()
	program := installed(t)
	s, err := running()
	if err != nil {
		t.Fatalf("start postgres for tests: %v", err)
	}
	dir, err := os.MkdirTemp("", "naru-pgbouncer-") //nolint:usetesting // the folders above a test's own are closed to others
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // PgBouncer's user reads it
	}
	if err != nil {
		t.Fatalf("make folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a folder left over does no harm
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a port: %v", err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // it is one
	listener.Close()
	users := ""
	for _, schema := range schemas {
		pw := passwords(schema)
		users += fmt.Sprintf("%q %q\n%q %q\n", pg.AppRole(schema), pw.App, pg.OwnerRole(schema), pw.Owner)
	}
	config := fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 3
%s
`, s.super.Hostname(), s.super.Port(), port, filepath.Join(dir, "users"), settings)
	for name, content := range map[string]string{"users": users, "ini": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil { //nolint:gosec // PgBouncer's user reads it
			t.Fatalf("write %s: %v", name, err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatalf("make log: %v", err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, filepath.Join(dir, "ini"))
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: ordinary(t)}
	child, err := lifecycle.StartChild(command)
	log.Close()
	if err != nil {
		t.Fatalf("start pgbouncer: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(child.PID, syscall.SIGKILL) // it may have ended
		<-child.Done()
	})
	through = func(direct string) string {
		u, err := url.Parse(direct)
		if err != nil {
			t.Fatalf("the database's URL cannot be read")
		}
		u.Host = net.JoinHostPort("127.0.0.1", port)
		return u.String()
	}
	awaitPgBouncer(t, child, filepath.Join(dir, "log"), net.JoinHostPort("127.0.0.1", port))
	return through
}

func awaitPgBouncer(t testing.TB, child *lifecycle.Child, log, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close() // it only had to be taken
			return
		}
		select {
		case <-child.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		told, _ := os.ReadFile(log)
		t.Fatalf("pgbouncer did not start: %s", told)
	}
}

// installed finds the program, or installs it.
func installed(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("pgbouncer is not installed (apt-get install pgbouncer)")
	}
	install := exec.CommandContext(t.Context(), "apt-get", "install", "-y", "--no-install-recommends", "pgbouncer")
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("pgbouncer is not installed, and cannot be (apt-get install pgbouncer): %v\n%s", err, out)
	}
	path, err := exec.LookPath("/usr/sbin/pgbouncer")
	if err != nil {
		t.Skipf("pgbouncer was installed and is not there: %v", err)
	}
	return path
}

// ordinary is a user for a program that refuses to run as root; nil where this process is none.
func ordinary(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("pgbouncer does not run as root, and there is no other user: %v", err)
	}
	uid, err1 := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(nobody.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("the user nobody has no number")
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
