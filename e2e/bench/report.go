package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/naru-relay/naru/services/allinone"
)

// report is the whole result; its JSON is what make bench prints.
type report struct {
	Commit string `json:"commit"`
	// Modified tells that the checkout differed from the commit.
	Modified  bool      `json:"modified"`
	StartedAt time.Time `json:"startedAt"`
	Machine   machine   `json:"machine"`
	Settings  settings  `json:"settings"`
	Method    method    `json:"method"`
	Checks    []check   `json:"checks"`
	Sizes     sizes     `json:"sizes"`
	Floor     struct {
		DocumentsPerSecond spread       `json:"documentsPerSecond"`
		Rounds             []floorRound `json:"rounds"`
	} `json:"floor"`
	Chain struct {
		DocumentsPerSecond spread       `json:"documentsPerSecond"`
		Rounds             []chainRound `json:"rounds"`
	} `json:"chain"`
	// Ratio is the chain's median by the floor's.
	Ratio float64 `json:"ratio"`
	// PairRatio is the spread of each chain round by the floor round right before it; it says more where the load of others changes.
	PairRatio spread `json:"pairRatio"`
	Counts    counts `json:"counts"`
	// WarmUp is the chain round that was not counted; the floor had one as well.
	WarmUp chainRound `json:"warmUp"`
	Notes  []string   `json:"notes"`
}

// method is what was done.
type method struct {
	DocumentsPerRound int `json:"documentsPerRound"`
	Rounds            int `json:"rounds"`
	BatchItems        int `json:"batchItems"`
	Senders           int `json:"concurrentBatches"`
	Recipients        int `json:"recipients"`
	FloorConnections  int `json:"floorConnections"`
}

// sizes are means in bytes.
type sizes struct {
	// DocumentRow is intake's document row, OutboxBytesPerDocument a document's share of intake's outgoing frames: the floor's sizes.
	DocumentRow            float64 `json:"documentRow"`
	OutboxBytesPerDocument float64 `json:"outboxBytesPerDocument"`
	FloorDocumentRow       float64 `json:"floorDocumentRow"`
	FloorOutboxRow         float64 `json:"floorOutboxFrame"`
	RegistrationCertifcate float64 `json:"registrationCertificate"`
	// AllOutboxBytesPerDocument and AllEventsPerDocument are those of all units together.
	AllOutboxBytesPerDocument float64 `json:"allUnitsOutboxBytesPerDocument"`
	AllEventsPerDocument      float64 `json:"allUnitsEventsPerDocument"`
	// EvidenceEntries of the whole run, by unit.
	EvidenceEntries map[string]int64 `json:"evidenceEntries"`
}

// spread of the rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// floorRound is what floor and chain rounds have in common.
type floorRound struct {
	Documents int     `json:"documents"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"documentsPerSecond"`
	WALBytes  float64 `json:"walBytesPerDocument"`
	CPU       cpu     `json:"cpu"`
}

type chainRound struct {
	floorRound
	Counts counts `json:"counts"`
	Stages stages `json:"lastDocumentAtSecond"`
	// Retries are batches sent again because the relay had no room.
	Retries int64 `json:"retries"`
	// LeftAtCompletion is the work that the counted time does not hold, SettledAfter the seconds until it was done.
	LeftAtCompletion *left   `json:"leftAtCompletion"`
	SettledAfter     float64 `json:"settledAfterSeconds"`
}

func newReport(ctx context.Context, o options, now time.Time) *report {
	r := &report{StartedAt: now, Machine: readMachine(), Method: method{
		DocumentsPerRound: o.documents, Rounds: o.rounds, BatchItems: batchItems, Senders: o.senders, Recipients: o.recipients, FloorConnections: floorConnections,
	}, Notes: []string{
		"Relay, sandbox, senders and the floor's clients are one process; it and PostgreSQL share the same cores.",
		"A chain round lasts from before the first batch until status's table holds all summaries as received and registered; a superuser's query looks for that, pausing 20 times what it costs.",
		"Each document has its own hash and its own registration certificate, signed with the sandbox archive's key before the round; the archive itself is not asked.",
		"Work that completion does not wait for (leftAtCompletion) is done before the next round begins, outside of the time; a checkpoint and a garbage collection come before each round.",
		"The floor sends both inserts of a document in one round trip, prepared, as one transaction.",
		"accepted counts answers, inbox delivery's table, hub the sandbox hub's inspection, status the answers of the public door.",
	}}
	r.Settings.TraceSampleRatio, r.Settings.LogLevel, r.Settings.NATSServer = o.sampleRatio, logLevel.String(), natsVersion()
	r.Commit, r.Modified = commit(ctx)
	return r
}

// sizes measures what the chain wrote in a round; all outgoing frames so far are of it, but for the few of joining.
func (r *relay) sizes(ctx context.Context, round string) (sizes, error) {
	from, below := keysOf(round)
	var s sizes
	var documents float64
	if err := r.db.QueryRow(ctx, `
		select count(*), avg(pg_column_size(d.*))::float8, avg(octet_length(c.certificate))::float8
		from   intake.own_key k
		       join intake.document d using (edoc_num)
		       join intake.registration_certificate c on c.digest = d.certificate_digest
		where  k.own_key >= $1 and k.own_key < $2`, from, below).Scan(&documents, &s.DocumentRow, &s.RegistrationCertifcate); err != nil {
		return s, fmt.Errorf("measure documents: %w", err)
	}
	if err := r.db.QueryRow(ctx, `
		select sum(pg_column_size(frame))::float8 / sum(events) from intake.outbox where kind = 'naru.intake.v1.DocumentAccepted'`).Scan(&s.OutboxBytesPerDocument); err != nil {
		return s, fmt.Errorf("measure outgoing frames: %w", err)
	}
	var all []string
	for _, u := range allinone.Units() {
		all = append(all, "select frame, events from "+u.Name+".outbox")
	}
	if err := r.db.QueryRow(ctx, "select sum(pg_column_size(frame))::float8, sum(events)::float8 from ("+strings.Join(all, " union all ")+") all_units").
		Scan(&s.AllOutboxBytesPerDocument, &s.AllEventsPerDocument); err != nil {
		return s, fmt.Errorf("measure outgoing frames: %w", err)
	}
	s.DocumentRow, s.OutboxBytesPerDocument = rounded(s.DocumentRow, 1), rounded(s.OutboxBytesPerDocument, 1)
	s.RegistrationCertifcate = rounded(s.RegistrationCertifcate, 1)
	s.AllOutboxBytesPerDocument, s.AllEventsPerDocument = rounded(s.AllOutboxBytesPerDocument/documents, 1), rounded(s.AllEventsPerDocument/documents, 2)
	return s, nil
}

// evidence counts the evidence entries of each unit.
func (r *relay) evidence(ctx context.Context) (map[string]int64, error) {
	entries := map[string]int64{}
	for _, u := range allinone.Units() {
		var n int64
		if err := r.db.QueryRow(ctx, "select count(*) from "+u.Name+".evidence_entry").Scan(&n); err != nil {
			return nil, fmt.Errorf("count evidence: %w", err)
		}
		entries[u.Name] = n
	}
	return entries, nil
}

// finish adds up the rounds.
func (r *report) finish() {
	var floor, chain, pairs []float64
	for _, round := range r.Floor.Rounds {
		floor = append(floor, round.PerSecond)
	}
	for i, round := range r.Chain.Rounds {
		chain, pairs = append(chain, round.PerSecond), append(pairs, rounded(round.PerSecond/r.Floor.Rounds[i].PerSecond, 3))
		r.Counts.Sent += round.Counts.Sent
		r.Counts.Accepted += round.Counts.Accepted
		r.Counts.Inbox += round.Counts.Inbox
		r.Counts.Hub += round.Counts.Hub
		r.Counts.Status += round.Counts.Status
	}
	r.Counts.judge()
	for _, round := range append(r.Chain.Rounds, r.WarmUp) {
		r.Counts.Equal = r.Counts.Equal && round.Counts.Equal
	}
	r.Floor.DocumentsPerSecond, r.Chain.DocumentsPerSecond = spreadOf(floor), spreadOf(chain)
	r.PairRatio = spreadOf(pairs)
	r.Ratio = rounded(r.Chain.DocumentsPerSecond.Median/r.Floor.DocumentsPerSecond.Median, 3)
}

func spreadOf(values []float64) spread {
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + values[middle]) / 2
	}
	return spread{Min: values[0], Median: rounded(median, 3), Max: values[len(values)-1]}
}

func rounded(value float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(value*scale) / scale
}

// table is the report for people.
func (r *report) table(out io.Writer) {
	modified := ""
	if r.Modified {
		modified = ", modified"
	}
	fmt.Fprintf(out, "\ncommit %s%s, %s, %d cores, %s, PostgreSQL %s, nats-server %s, fsync %d µs, load before %s\n", r.Commit, modified, r.Machine.Go, r.Machine.Cores,
		r.Machine.CPU, r.Settings.Postgres["server_version"], r.Settings.NATSServer, r.Machine.FsyncMicroseconds, r.Machine.LoadAverage)
	fmt.Fprintf(out, "%d documents a round, rows of %.0f and %.0f bytes\n\n", r.Method.DocumentsPerRound, r.Sizes.DocumentRow, r.Sizes.OutboxBytesPerDocument)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tdocuments/s\tCPU µs/doc self\tPostgreSQL\tcores of others\tWAL bytes/doc\taccepted\tinbox\thub\tstatus\t")
	for i, c := range r.Chain.Rounds {
		f := r.Floor.Rounds[i]
		fmt.Fprintf(w, "floor %d\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t\t\t\t\t\n", i+1, f.PerSecond, f.CPU.SelfMicroseconds, f.CPU.PostgresMicroseconds, f.CPU.Others, f.WALBytes)
		fmt.Fprintf(w, "chain %d\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t%d\t%d\t%d\t%d\t\n", i+1, c.PerSecond, c.CPU.SelfMicroseconds, c.CPU.PostgresMicroseconds, c.CPU.Others, c.WALBytes,
			c.Counts.Accepted, c.Counts.Inbox, c.Counts.Hub, c.Counts.Status)
	}
	_ = w.Flush() // a table nobody can read any more
	for _, s := range []struct {
		name string
		spread
	}{{"floor", r.Floor.DocumentsPerSecond}, {"chain", r.Chain.DocumentsPerSecond}} {
		fmt.Fprintf(out, "%s: min %.0f, median %.0f, max %.0f documents/s\n", s.name, s.Min, s.Median, s.Max)
	}
	fmt.Fprintf(out, "chain/floor: medians %.3f, pairs min %.3f, median %.3f, max %.3f\n", r.Ratio, r.PairRatio.Min, r.PairRatio.Median, r.PairRatio.Max)
}
