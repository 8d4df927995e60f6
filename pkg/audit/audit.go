package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Violation is one difference.
type Violation = journal.Violation

// Unit is what is audited about a unit.
type Unit struct {
	Name      string
	Tables    []Table
	Consumers []bus.ConsumerSpec
}

// Report is what an audit found.
type Report struct {
	Facts     int64 `json:"facts"`
	Frames    int64 `json:"frames"`
	Rows      int64 `json:"rows"`
	Documents int64 `json:"documents"`
	// Waiting, Ended and Complete add up to Documents.
	Waiting    int64       `json:"waiting"`
	Ended      int64       `json:"ended"`
	Complete   int64       `json:"complete"`
	Violations []Violation `json:"violations"`
}

// settled is the age from which a frame must have been consumed by its readers; consumedKept is how long readers remember it.
const (
	settled      = 2 * time.Minute
	consumedKept = 25 * 24 * time.Hour
)

// Run folds the journals of all units as of one moment and compares. db reads all their schemas; nothing is written. A frame that
// a consumer has not taken yet is reported only when it is older than two minutes, so a quiet relay gives the clearest answer.
// now is zero for a relay that has stopped: then the time of its last fact counts.
func Run(ctx context.Context, db *pgxpool.Pool, units []Unit, now time.Time) (Report, error) {
	a := &audit{units: units, now: now, report: Report{Violations: []Violation{}}, published: map[uuid.UUID]published{}, documents: map[string]*document{}}
	for _, u := range units {
		for _, t := range u.Tables {
			a.folds = append(a.folds, newFold(u.Name, t))
		}
	}
	err := pg.InTx(ctx, db, func(tx *pg.Tx) error {
		for _, u := range units {
			if err := a.read(ctx, tx, u.Name); err != nil {
				return err
			}
		}
		if now.IsZero() {
			for _, p := range a.published {
				if p.at.After(a.now) {
					a.now = p.at
				}
			}
		}
		for _, f := range a.folds {
			n, err := f.compare(ctx, tx, a.published, a.found)
			if err != nil {
				return err
			}
			a.report.Rows += n
		}
		for _, u := range units {
			if err := a.consumed(ctx, tx, u); err != nil {
				return err
			}
		}
		return nil
	}, pg.Isolation(pgx.RepeatableRead), pg.ReadOnly())
	if err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	a.judgeDocuments()
	return a.report, nil
}

type audit struct {
	units     []Unit
	now       time.Time
	folds     []*fold
	report    Report
	published map[uuid.UUID]published
	documents map[string]*document
}

// published is what is known about a public frame.
type published struct {
	unit string
	kind frame.Kind
	at   time.Time
}

func (a *audit) found(v Violation) { a.report.Violations = append(a.report.Violations, v) }

// read takes every fact of a unit's journal.
func (a *audit) read(ctx context.Context, tx *pg.Tx, unit string) error {
	seen := map[[sha256.Size]byte]bool{}
	return journal.Each(ctx, tx, unit, func(f journal.Sealed) error {
		a.report.Frames++
		if f.Lane != platformv1.Lane_LANE_UNSPECIFIED {
			a.published[f.ID] = published{unit, f.Kind, f.RecordedAt}
		}
		events, err := f.Events()
		if err != nil {
			return nil //nolint:nilerr // journal.Verify reports it
		}
		message := messageOf(f.Kind)
		for _, e := range events {
			a.report.Facts++
			identity := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%s", f.Kind, e.GetOrdinal(), e.GetSubject()))
			if seen[identity] {
				a.found(Violation{Unit: unit, Code: FactTwice, Subject: f.ID.String(), Detail: fmt.Sprintf("another fact is the %d. %s of the same subject", e.GetOrdinal(), f.Kind)})
			}
			seen[identity] = true
			if message == nil {
				continue
			}
			m := message.New().Interface()
			if err := proto.Unmarshal(e.GetPayload(), m); err != nil {
				continue
			}
			for _, fold := range a.folds {
				fold.take(f.Kind, e, m)
			}
			a.document(f.Kind, e, m)
		}
		return nil
	})
}

func messageOf(kind frame.Kind) protoreflect.MessageType {
	found, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(kind))
	if err != nil {
		return nil
	}
	return found
}

// consumed compares the frames a unit has taken with those that its producers published for it.
func (a *audit) consumed(ctx context.Context, tx *pg.Tx, u Unit) error {
	purposes := map[string][]frame.Kind{}
	for _, spec := range u.Consumers {
		purposes[spec.Purpose] = append(purposes[spec.Purpose], spec.Kinds...)
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(`select frame_id, consumer from %s`, pgx.Identifier{u.Name, "consumed_frame"}.Sanitize()))
	if err != nil {
		return fmt.Errorf("read what %s consumed: %w", u.Name, err)
	}
	taken := map[uuid.UUID][]string{}
	var id uuid.UUID
	var consumer string
	_, err = pgx.ForEachRow(rows, []any{&id, &consumer}, func() error {
		taken[id] = append(taken[id], consumer)
		p, ok := a.published[id]
		if !ok || !slices.Contains(purposes[consumer], p.kind) {
			a.found(Violation{Unit: u.Name, Code: ConsumedUnknown, Subject: id.String(), Detail: "consumer " + consumer + " took a frame that nobody published for it"})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what %s consumed: %w", u.Name, err)
	}
	for id, p := range a.published {
		age := a.now.Sub(p.at)
		if age < settled || age > consumedKept {
			continue
		}
		for purpose, kinds := range purposes {
			if slices.Contains(kinds, p.kind) && !slices.Contains(taken[id], purpose) {
				a.found(Violation{Unit: u.Name, Code: FrameNotConsumed, Subject: id.String(), Detail: "consumer " + purpose + " has not taken what " + p.unit + " stated"})
			}
		}
	}
	return nil
}

// Sort orders violations by unit, code and subject.
func Sort(violations []Violation) {
	slices.SortFunc(violations, func(x, y Violation) int {
		return strings.Compare(x.Unit+"\x00"+x.Code+"\x00"+x.Subject, y.Unit+"\x00"+y.Code+"\x00"+y.Subject)
	})
}
