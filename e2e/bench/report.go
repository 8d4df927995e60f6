package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is the whole result; make bench prints it as JSON.
type report struct {
	// Lines are the lines of the table.
	Lines  []line `json:"rows"`
	Quick  bool   `json:"quick"`
	Counts counts `json:"counts"`
	Commit string `json:"commit"`
	// Modified is true if files of the checkout differ from the commit.
	Modified    bool         `json:"modified"`
	StartedAt   time.Time    `json:"startedAt"`
	Seconds     float64      `json:"seconds"`
	Machine     machine      `json:"machine"`
	Settings    settings     `json:"settings"`
	Method      method       `json:"method"`
	Checks      []check      `json:"checks"`
	PerDocument *perDocument `json:"perDocument"`
	// Rows holds the details of each row by its name, mainly its rounds.
	Rows map[string]any `json:"detail"`
	// WarmUp is the chain's round that is not counted; the floor has one too.
	WarmUp round `json:"warmUp"`
	// CountsByRound holds the counts of every round whose documents were followed to the end.
	CountsByRound map[string]counts `json:"countsByRound"`
	Notes         []string          `json:"notes"`
}

// method describes how the run measured.
type method struct {
	DocumentsPerRound int     `json:"documentsPerRound"`
	Rounds            int     `json:"rounds"`
	BatchItems        int     `json:"batchItems"`
	Senders           int     `json:"concurrentBatches"`
	Window            int     `json:"batchesOnTheirWayWhenSustained"`
	Recipients        int     `json:"recipients"`
	RESTConnections   int     `json:"restConnections"`
	FloorConnections  int     `json:"floorConnections"`
	FloorDocuments    int     `json:"floorDocuments"`
	FloorDocumentRow  int     `json:"floorDocumentRowBytes"`
	FloorOutboxFrame  int     `json:"floorOutboxFrameBytes"`
	Viewings          int     `json:"viewings"`
	Singles           int     `json:"singles"`
	Statuses          int     `json:"statuses"`
	FairnessBulk      int     `json:"fairnessBulk"`
	Uploads           int     `json:"uploads"`
	PlatformFiles     int     `json:"platformFiles"`
	PlatformFileBytes int     `json:"platformFileBytes"`
	LookMicroseconds  float64 `json:"lookMicroseconds"`
}

func newReport(ctx context.Context, o options, now time.Time) *report {
	r := &report{StartedAt: now, Quick: o.quick, Machine: readMachine(), Rows: map[string]any{}, Method: method{
		DocumentsPerRound: o.documents, Rounds: o.rounds, BatchItems: batchItems, Senders: o.senders, Window: window, Recipients: o.recipients,
		RESTConnections: restConnections, FloorConnections: floorConnections, FloorDocuments: o.floorDocuments, FloorDocumentRow: documentRowBytes,
		FloorOutboxFrame: outboxFrameBytes, Viewings: o.viewings, Singles: o.singles, Statuses: o.statuses, FairnessBulk: o.fairness, Uploads: o.uploads,
		PlatformFiles: o.platform, PlatformFileBytes: fileBytes,
	}, Notes: []string{
		"Relay, sandbox and senders are a process each; they and PostgreSQL share the same cores. PostgreSQL's processor time is told by the database a session works for.",
		"A round lasts from before its first send until a look at the last document of each batch, over the public door, finds it complete; the exact count comes right after, outside of the time.",
		"Each document has its own hash and its own registration certificate, signed with the sandbox archive's key before the round; the archive itself is not asked. In the row of memory they are made meanwhile.",
		"Work that completion does not wait for is done before the next round begins, outside of the time; a checkpoint and garbage collections come before each round.",
		"The floor sends both inserts of a document in one round trip, prepared, as one transaction.",
		"accepted counts answers, inbox delivery's table, hub the sandbox hub's inspection, status the answers of the public door.",
		"The platform row has a floor of its own: the same bytes sealed by the same AEAD, written and synced once each. Its time ends when all are received; they are counted when they are complete, as all are.",
		"The documents of the pages row are in no count.",
	}}
	r.Settings.TraceSampleRatio, r.Settings.LogLevel, r.Settings.NATSServer = o.sampleRatio, logLevel.String(), natsVersion()
	r.Commit, r.Modified = commit(ctx)
	return r
}

// count adds up the rounds. One document missing anywhere in any round invalidates the whole run.
func (r *report) count(rounds map[string]counts) {
	r.CountsByRound = rounds
	each := true
	for _, n := range rounds {
		r.Counts.Sent += n.Sent
		r.Counts.Accepted += n.Accepted
		r.Counts.Inbox += n.Inbox
		r.Counts.Hub += n.Hub
		r.Counts.Status += n.Status
		each = each && n.Equal
	}
	r.Counts.judge()
	r.Counts.Equal = r.Counts.Equal && each
}

// table writes the report for people.
func (r *report) table(out io.Writer) {
	modified := ""
	if r.Modified {
		modified = ", modified"
	}
	fmt.Fprintf(out, "\ncommit %s%s, %s, %d cores, %s, PostgreSQL %s, nats-server %s, fsync %d µs, load before %s, %.0f s\n", r.Commit, modified, r.Machine.Go,
		r.Machine.Cores, r.Machine.CPU, r.Settings.Postgres["server_version"], r.Settings.NATSServer, r.Machine.FsyncMicroseconds, r.Machine.LoadAverage, r.Seconds)
	r.rounds(out)
	r.perDocument(out)
	fmt.Fprintf(out, "\ncounts: %d sent, %d accepted, %d in inboxes, %d at the hub, %d complete\n\n", r.Counts.Sent, r.Counts.Accepted, r.Counts.Inbox, r.Counts.Hub, r.Counts.Status)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\tfigure\tbar\tmet\tunit")
	for _, l := range r.Lines {
		figure, bar, met := "not measured", "reported", ""
		if l.Ratio != nil {
			figure = fmt.Sprintf("%.4g", *l.Ratio)
		}
		if l.Bar != nil {
			bar = fmt.Sprintf("≥ %g", *l.Bar)
			if l.Less {
				bar = fmt.Sprintf("≤ %g", *l.Bar)
			}
		}
		if l.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*l.Met]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Name, figure, bar, met, l.Unit)
	}
	_ = w.Flush() // a failed write has nowhere to be reported
}

// rounds lists every round with its cost: the relay's, and separately the sandbox's and the senders'.
func (r *report) rounds(out io.Writer) {
	fmt.Fprint(out, "\na round's rate, and processor time in µs a document (or call)\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tper second\trelay\tpg units\tpg shared\tsandbox\tpg sandbox\tsenders\tpg floor\tcores of others\tprobe share\tWAL bytes\t")
	for _, s := range rows() {
		t, ok := r.Rows[s.name].(*turns)
		if !ok {
			continue
		}
		for i, m := range t.Measure.Rounds {
			for _, x := range []struct {
				what string
				round
			}{{"floor", t.Floor.Rounds[i]}, {s.name, m}} {
				share := 0.0
				if x.followed != nil {
					share = x.ProbeShare
				}
				fmt.Fprintf(w, "%s %d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.4f\t%.0f\t\n", x.what, i+1, x.PerSecond, x.CPU.Relay, x.CPU.Units, x.CPU.Shared, x.CPU.Sandbox,
					x.CPU.SandboxDB, x.CPU.Senders, x.CPU.Floor, x.CPU.Others, share, x.WALBytes)
			}
		}
	}
	_ = w.Flush() // a failed write has nowhere to be reported
}

func (r *report) perDocument(out io.Writer) {
	p := r.PerDocument
	if p == nil {
		return
	}
	fmt.Fprintf(out, "\na bulk document writes %.2f rows and %.0f bytes of WAL (full-page images %.0f, wal_compression %s), counted by:%s\n", p.RowWrites, p.WALBytes, p.FullPageImages,
		p.Compression, p.Query)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "table\tinserts\tupdates\tdeletes")
	for _, t := range p.ByTable {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\n", t.Table, t.Inserts, t.Updates, t.Deletes)
	}
	_ = w.Flush() // a failed write has nowhere to be reported
}
