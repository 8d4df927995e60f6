package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/naru-relay/naru/pkg/pgserver"
)

// Private is a server for tests, of this process alone or of those it hands the URL to. It ends with this process at the latest.
type Private struct {
	server *pgserver.Server
	dir    string
	stdin  *os.File // the watchdog's; its end is our end
}

// StartPrivate makes a cluster in a folder of its own, in memory where there is room, and starts it.
func StartPrivate(ctx context.Context) (*Private, error) {
	dir, err := os.MkdirTemp(baseDir(), "naru-pgtest-")
	if err != nil {
		return nil, fmt.Errorf("make folder for postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	started, err := pgserver.Start(ctx, pgserver.Options{
		Dir:            dir,
		NoSync:         true,
		MaxConnections: 400,
		Settings: map[string]string{
			"shared_buffers":     "64MB",
			"wal_level":          "minimal", // cheaper template clones; nothing replicates
			"max_wal_senders":    "0",
			"checkpoint_timeout": "30min",
			"max_wal_size":       "512MB",
			"autovacuum":         "off",
		},
	})
	if err != nil {
		return nil, joinRemoval(err, os.RemoveAll(dir))
	}
	p := &Private{server: started, dir: dir}
	if err := p.watch(); err != nil {
		return nil, joinRemoval(err, p.Stop())
	}
	return p, nil
}

// URL is the superuser's URL of the database postgres, as NARU_TEST_POSTGRES_URL takes it.
func (p *Private) URL() string { return p.server.SuperURL("postgres") }

// Stop ends the server and removes its folder.
func (p *Private) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := p.server.Stop(ctx)
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	return joinRemoval(err, os.RemoveAll(filepath.Clean(p.dir)))
}

// memoryDir is a file system in memory. A clone there takes 10 ms, on a disk up to 300 ms, because a database is some 900 files.
const (
	memoryDir    = "/dev/shm"
	memoryNeeded = 2 << 30
)

// baseDir is memoryDir if it has room (containers often give it 64 MiB) and TMPDIR does not decide otherwise.
func baseDir() string {
	var st syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memoryDir, &st) != nil {
		return ""
	}
	if st.Bavail*uint64(st.Bsize) < memoryNeeded { // a block size is positive
		return ""
	}
	probe, err := os.MkdirTemp(memoryDir, "naru-pgtest-")
	if err != nil || os.Remove(probe) != nil {
		return ""
	}
	return memoryDir
}

// watchdog waits for the end of its standard input, which is the end of the test binary, then for the server to leave (it removes
// its lock file last), and removes the folder. The lock file tells the server's process.
const watchdog = `
read -r _
server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
[ -n "$server" ] && kill -INT "$server" 2>/dev/null
i=0
while [ -e "$1/data/postmaster.pid" ] && [ $i -lt 100 ]; do
  [ $i -eq 30 ] && kill -QUIT "$server" 2>/dev/null
  i=$((i+1))
  sleep 0.1
done
rm -rf -- "$1"
`

func (p *Private) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start watchdog: %w", err)
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command("/bin/sh", "-c", watchdog, "sh", p.dir) //nolint:noctx // must outlive us
	cmd.Stdin = r
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a ^C for the tests is not for the watchdog
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return fmt.Errorf("start watchdog: %w", err)
	}
	p.stdin = w
	return cmd.Process.Release()
}
