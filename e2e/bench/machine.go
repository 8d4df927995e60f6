package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

// machine describes the machine of the run.
type machine struct {
	Go         string `json:"go"`
	System     string `json:"system"`
	Kernel     string `json:"kernel"`
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	// GOGC (percent) and GOMemLimit (bytes) are the settings of the Go runtime.
	GOGC        uint64 `json:"gogc"`
	GOMemLimit  uint64 `json:"goMemLimit"`
	MemoryBytes int64  `json:"memoryBytes"`
	// LoadAverage is the kernel's (1, 5, 15 minutes) before the start.
	LoadAverage string `json:"loadAverage"`
	// FsyncMicroseconds is the median time to append one page to a file in the relay's folder and sync it.
	FsyncMicroseconds int64 `json:"fsyncMicroseconds"`
}

func readMachine() machine {
	return machine{
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: firstLine("/proc/sys/kernel/osrelease"),
		CPU: valueOf("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		GOGC: setting("/gc/gogc:percent"), GOMemLimit: setting("/gc/gomemlimit:bytes"), MemoryBytes: memory(), LoadAverage: firstLine("/proc/loadavg"),
	}
}

// setting reads one number of the Go runtime.
func setting(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func firstLine(path string) string {
	raw, _ := os.ReadFile(path) // absent outside of Linux
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	return string(line)
}

// valueOf reads the value of "key : value" in a file of /proc.
func valueOf(path, key string) string {
	raw, _ := os.ReadFile(path) // absent outside of Linux
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func memory() int64 {
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(valueOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// commit returns the checked-out commit, and whether files differ from it. The commit is empty outside of a checkout.
func commit(ctx context.Context) (id string, modified bool) {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "", false
	}
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output()
	return strings.TrimSpace(string(out)), err != nil || len(bytes.TrimSpace(changes)) > 0
}

// natsVersion returns the version of the embedded server.
func natsVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if strings.HasPrefix(module.Path, "github.com/nats-io/nats-server/") {
			return module.Version
		}
	}
	return ""
}

const (
	fsyncProbes = 200
	pageBytes   = 8 << 10
)

// probeFsync returns how long the disk takes to sync one page, in microseconds.
func probeFsync(dir string, now clock.Clock) (int64, error) {
	file, err := os.Create(filepath.Join(dir, "fsync-probe"))
	if err != nil {
		return 0, fmt.Errorf("probe fsync: %w", err)
	}
	defer file.Close()
	page, took := make([]byte, pageBytes), make([]time.Duration, fsyncProbes)
	for i := range took {
		if _, err := file.Write(page); err != nil {
			return 0, fmt.Errorf("probe fsync: %w", err)
		}
		started := now.Now()
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("probe fsync: %w", err)
		}
		took[i] = now.Now().Sub(started)
	}
	slices.Sort(took)
	return took[fsyncProbes/2].Microseconds(), nil
}
