package auditing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/services/registry"
)

// Result is what an audit or a verification found.
type Result struct {
	Verification []journal.Verification `json:"verification"`
	Audit        *audit.Report          `json:"audit,omitempty"`
	// NotChecked are the units that a dump does not hold.
	NotChecked []string `json:"notChecked,omitempty"`
	// Hub is the number of records compared with the sandbox hub; absent if they were not compared.
	Hub *int64 `json:"hubRecords,omitempty"`
	// Differences is the total number of violations.
	Differences int                 `json:"differences"`
	Violations  []journal.Violation `json:"violations"`
}

// Audit verifies all journals and folds them. It compares every state row, every consumed frame, the fate of each document and
// the sandbox hub's records with the result.
func Audit(ctx context.Context, p Place, now time.Time) (*Result, error) {
	o, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.keys == "" {
		return nil, fmt.Errorf("the units' key folders are needed for an audit")
	}
	k, err := fromKeyFolders(ctx, o.keys)
	if err != nil {
		return nil, err
	}
	if err := k.fromWitnesses(ctx, o.relay); err != nil {
		return nil, err
	}
	r := &Result{}
	if r.Verification, err = k.verifyAll(ctx, o, p.Policy, now); err != nil {
		return nil, err
	}
	var units []audit.Unit
	for _, u := range registry.Units() {
		units = append(units, audit.Unit{Name: u.Name, Tables: u.Follows, Consumers: u.Reads})
	}
	report, err := audit.Run(ctx, o.relay, units, o.now(now))
	if err != nil {
		return nil, err
	}
	r.Audit = &report
	if o.sandbox != nil {
		n, violations, err := compareHub(ctx, o)
		if err != nil {
			return nil, err
		}
		r.Hub = &n
		r.Violations = append(r.Violations, violations...)
	}
	return r.sum(), nil
}

// Files are exported files for a verification without the relay's key folders.
type Files struct {
	VerifierKeys, Checkpoints []string
	// Stamped are checkpoints whose time stamp lies beside them in a file that ends in .tst.
	Stamped []string
	// Mirror is a folder of naru mirror; empty for none.
	Mirror string
}

// Verify verifies only the journals, with published keys and with checkpoints kept elsewhere.
func Verify(ctx context.Context, p Place, files Files, now time.Time) (*Result, error) {
	o, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	k, err := fromFiles(files)
	switch {
	case err != nil:
		return nil, err
	case len(files.VerifierKeys) == 0 && o.keys == "":
		return nil, errors.New("the units' key folders, or verifier keys in files, are needed")
	case len(files.VerifierKeys) == 0:
		more := k
		if k, err = fromKeyFolders(ctx, o.keys); err != nil {
			return nil, err
		}
		k.checkpoints, k.stamps = append(k.checkpoints, more.checkpoints...), more.stamps
		k.mirrored, k.lookedAt = more.mirrored, more.lookedAt
	}
	r := &Result{NotChecked: o.absent}
	if r.Verification, err = k.verifyAll(ctx, o, p.Policy, now); err != nil {
		return nil, err
	}
	return r.sum(), nil
}

func (r *Result) sum() *Result {
	for _, v := range r.Verification {
		r.Violations = append(r.Violations, v.Violations...)
	}
	if r.Audit != nil {
		r.Violations = append(r.Violations, r.Audit.Violations...)
	}
	audit.Sort(r.Violations)
	r.Differences = len(r.Violations)
	if r.Violations == nil {
		r.Violations = []journal.Violation{}
	}
	return r
}

// Write writes the result for people.
func (r *Result) Write(out io.Writer) {
	for _, v := range r.Verification {
		fmt.Fprintf(out, "%-12s %8d frames %9d facts %8d leaves %6d checkpoints   pending %d, held %d, refused %d, MACs checked %d, not checked %d, time stamps checked %d, not checked %d\n",
			v.Unit, v.Frames, v.Events, v.Leaves, v.Checkpoints, v.Pending, v.Held, v.Refused, v.MACsChecked, v.MACsNotChecked, v.StampsChecked, v.StampsNotChecked)
		if !v.WitnessedAt.IsZero() {
			fmt.Fprintf(out, "%-12s cosigned last %s; later cosignatures checked %d, not checked %d\n",
				v.Unit, v.WitnessedAt.Format(time.RFC3339), v.CosignaturesChecked, v.CosignaturesNotChecked)
		}
		for _, g := range v.Reopened {
			fmt.Fprintf(out, "%-12s log generation %d goes on from %d of %d signed leaves, by an operator: %s\n", v.Unit, g.Generation, g.Kept, g.Signed, g.Reason)
		}
	}
	for _, unit := range r.NotChecked {
		fmt.Fprintf(out, "not checked: %s, whose schema is not in the dump\n", unit)
	}
	if r.Audit != nil {
		fmt.Fprintf(out, "%d rows follow from %d facts; %d documents: %d waiting, %d ended, %d complete\n",
			r.Audit.Rows, r.Audit.Facts, r.Audit.Documents, r.Audit.Waiting, r.Audit.Ended, r.Audit.Complete)
	}
	if r.Hub != nil {
		fmt.Fprintf(out, "%d records compared with the sandbox hub\n", *r.Hub)
	} else if r.Audit != nil {
		fmt.Fprintln(out, "not checked: what the hub holds (no sandbox given)")
	}
	for i, v := range r.Violations {
		fmt.Fprintf(out, "%4d  %-12s %-22s %s: %s\n", i+1, v.Unit, v.Code, v.Subject, v.Detail)
	}
	if r.Differences == 0 {
		fmt.Fprintln(out, "nothing differs")
	}
}

// compareHub compares circulation's registered records with the sandbox hub's. Times are compared in whole seconds, because the
// hub keeps no fractions.
func compareHub(ctx context.Context, o *opened) (int64, []journal.Violation, error) {
	type record struct {
		sent, received time.Time
		read           *time.Time
	}
	const believed = `
		select edoc_num, sent_at, received_at, case when read_time_state = 3 then read_at end
		from   circulation.circulation_record
		where  registration_state = 3`
	const held = `select edoc_num, send_date, recv_date, read_date from sandbox_hub.circulation`
	read := func(db interface {
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}, sql string) (map[string]record, error) {
		rows, err := db.Query(ctx, sql)
		if err != nil {
			return nil, err
		}
		all := map[string]record{}
		var number string
		var r record
		_, err = pgx.ForEachRow(rows, []any{&number, &r.sent, &r.received, &r.read}, func() error {
			all[number] = r
			return nil
		})
		return all, err
	}
	ours, err := read(o.relay, believed)
	if err != nil {
		return 0, nil, fmt.Errorf("read what circulation believes: %w", err)
	}
	theirs, err := read(o.sandbox, held)
	if err != nil {
		return 0, nil, fmt.Errorf("read what the sandbox hub holds: %w", err)
	}
	var violations []journal.Violation
	found := func(number, detail string) {
		violations = append(violations, journal.Violation{Unit: "circulation", Code: audit.HubDiffers, Subject: "document " + number, Detail: detail})
	}
	seconds := func(t time.Time) int64 { return t.Unix() }
	for number, r := range ours {
		at, ok := theirs[number]
		switch {
		case !ok:
			found(number, "circulation believes it registered, the hub has no record")
		case seconds(r.sent) != seconds(at.sent) || seconds(r.received) != seconds(at.received):
			found(number, "the hub has another sent or received time")
		case r.read != nil && (at.read == nil || seconds(*r.read) != seconds(*at.read)):
			found(number, "the hub has another read time, or none")
		}
	}
	return int64(len(ours)), violations, nil
}
