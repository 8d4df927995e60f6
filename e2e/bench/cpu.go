package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// cpuTicks is the unit of /proc on Linux (USER_HZ).
const cpuTicks = 100

// usage is CPU time used so far: by this process, by PostgreSQL's processes, and by everything on the machine.
type usage struct{ self, postgres, machine time.Duration }

// readUsage reads /proc and getrusage; postgres is the server's folder.
func readUsage(postgres string) usage {
	var self syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self) // cannot fail for the own process
	u := usage{self: time.Duration(self.Utime.Nano() + self.Stime.Nano())}
	postmaster := firstLine(filepath.Join(postgres, "data", "postmaster.pid"))
	processes, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range processes {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile; its parent inherits its time
		}
		// Fields after the command, which is in parentheses: state, ppid, …; utime, stime, cutime, cstime are 11 to 14 from there.
		fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
		if len(fields) < 15 {
			continue
		}
		used := ticks(fields[11:13])
		switch {
		case filepath.Base(filepath.Dir(path)) == postmaster:
			u.postgres += used + ticks(fields[13:15])
		case string(fields[1]) == postmaster:
			u.postgres += used
		}
	}
	// cpu user nice system idle iowait irq softirq steal …: all but the two idle ones.
	if total := bytes.Fields([]byte(firstLine("/proc/stat"))); len(total) > 8 {
		u.machine = ticks(total[1:4]) + ticks(total[6:9])
	}
	return u
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

// cpu is what a round used.
type cpu struct {
	// SelfMicroseconds and PostgresMicroseconds per document: this process (relay, sandbox, senders or the floor's clients) and PostgreSQL.
	SelfMicroseconds     float64 `json:"selfMicrosecondsPerDocument"`
	PostgresMicroseconds float64 `json:"postgresMicrosecondsPerDocument"`
	// Others is how many cores everything else on the machine used meanwhile (stolen time included).
	Others float64 `json:"coresUsedByOthers"`
}

func (u usage) since(before usage, documents int, took time.Duration) cpu {
	self, postgres := u.self-before.self, u.postgres-before.postgres
	perDocument := func(d time.Duration) float64 { return rounded(float64(d.Microseconds())/float64(documents), 1) }
	return cpu{
		SelfMicroseconds: perDocument(self), PostgresMicroseconds: perDocument(postgres),
		Others: rounded(max(0, (u.machine-before.machine-self-postgres).Seconds()/took.Seconds()), 2),
	}
}
