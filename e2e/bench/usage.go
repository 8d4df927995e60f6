package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// cpuTicks is the unit of /proc on Linux (USER_HZ).
const cpuTicks = 100

// usage is the processor time used so far, by process.
type usage struct {
	relay, sandbox, senders time.Duration
	// PostgreSQL's sessions by their database. shared is what works for all databases (checkpoints, WAL, ended sessions); bench
	// is counting.
	units, sandboxDB, floor, bench, shared time.Duration
	machine                                time.Duration
}

// readUsage reads /proc. A session's processor time belongs to its database.
func (s *stack) readUsage(ctx context.Context) (usage, error) {
	rows, err := s.db.Query(ctx, `select pid::text, case when application_name = $1 and datname <> $2 then 'bench' else datname end from pg_stat_activity where datname is not null`,
		benchName, floorDatabase)
	if err != nil {
		return usage{}, fmt.Errorf("list the server's sessions: %w", err)
	}
	sessions := map[string]string{}
	var pid, database string
	if _, err := pgx.ForEachRow(rows, []any{&pid, &database}, func() error {
		sessions[pid] = database
		return nil
	}); err != nil {
		return usage{}, fmt.Errorf("list the server's sessions: %w", err)
	}
	var u usage
	u.read(sessions, s.server.PID(), s.relay.pid(), s.sandbox.pid())
	return u, nil
}

func (u *usage) read(sessions map[string]string, postmaster, relay, sandbox int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile; its parent inherits its time
		}
		// Fields after the command in parentheses: state, ppid, …; utime, stime, cutime and cstime are fields 11 to 14.
		fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
		if len(fields) < 15 {
			continue
		}
		used, id := ticks(fields[11:13]), filepath.Base(filepath.Dir(path))
		switch pid, _ := strconv.Atoi(id); {
		case pid == relay:
			u.relay += used
		case pid == sandbox:
			u.sandbox += used
		case pid == os.Getpid():
			u.senders += used
		case pid == postmaster:
			u.shared += used + ticks(fields[13:15])
		case string(fields[1]) == strconv.Itoa(postmaster):
			*u.of(sessions[id]) += used
		}
	}
	// cpu user nice system idle iowait irq softirq steal …: idle and iowait are left out.
	if total := bytes.Fields([]byte(firstLine("/proc/stat"))); len(total) > 8 {
		u.machine = ticks(total[1:4]) + ticks(total[6:9])
	}
}

func (u *usage) of(database string) *time.Duration {
	switch database {
	case unitsDatabase:
		return &u.units
	case sandboxDatabase:
		return &u.sandboxDB
	case floorDatabase:
		return &u.floor
	case "bench":
		return &u.bench
	default:
		return &u.shared
	}
}

func ticks(fields [][]byte) time.Duration {
	var sum int64
	for _, f := range fields {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / cpuTicks
}

// cpu is the processor time of a round: microseconds per document, or per call if the round makes calls.
type cpu struct {
	Relay   float64 `json:"relayMicroseconds"`
	Sandbox float64 `json:"sandboxMicroseconds"`
	// Senders is this process: the senders, or the floor's clients.
	Senders float64 `json:"sendersMicroseconds"`
	// PostgreSQL's sessions by their database. Shared works for all databases: checkpointer, writers, autovacuum's launcher,
	// ended sessions.
	Units     float64 `json:"postgresUnitsMicroseconds"`
	SandboxDB float64 `json:"postgresSandboxMicroseconds"`
	Floor     float64 `json:"postgresFloorMicroseconds"`
	Counting  float64 `json:"postgresCountingMicroseconds"`
	Shared    float64 `json:"postgresSharedMicroseconds"`
	// Others is how many cores all other processes of the machine used meanwhile, including stolen time.
	Others float64 `json:"coresUsedByOthers"`
}

func (u usage) since(before usage, documents int, took time.Duration) cpu {
	var ours time.Duration
	per := func(after, before time.Duration) float64 {
		ours += after - before
		return rounded(float64((after-before).Microseconds())/float64(documents), 1)
	}
	c := cpu{
		Relay: per(u.relay, before.relay), Sandbox: per(u.sandbox, before.sandbox), Senders: per(u.senders, before.senders),
		Units: per(u.units, before.units), SandboxDB: per(u.sandboxDB, before.sandboxDB), Floor: per(u.floor, before.floor),
		Counting: per(u.bench, before.bench), Shared: per(u.shared, before.shared),
	}
	c.Others = rounded(max(0, (u.machine-before.machine-ours).Seconds()/took.Seconds()), 2)
	return c
}
