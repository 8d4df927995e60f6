package journal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Violation codes about time stamps.
const (
	StampWrong       = "stamp_wrong"       // a time stamp is not over its checkpoint, or of none of the authorities given
	TimeContradicted = "time_contradicted" // a checkpoint says another time than time stamps allow
)

// JudgeStamp judges a checkpoint's token by the pinned roots of time-stamping authorities, as of the token's own time, and gives
// that time. A checkpoint with a time stamp existed then.
func JudgeStamp(s Stamp, roots *x509.CertPool) (time.Time, error) {
	hash := sha256.Sum256([]byte(s.Published))
	trust := tsp.Trust{Roots: roots}
	// The first judgement reads the time, by which the second one judges: an authority's certificate may have ended since.
	token, err := tsp.Judge(s.Token, hash, trust, time.Unix(0, 0))
	if token == nil {
		return time.Time{}, err
	}
	_, err = tsp.Judge(s.Token, hash, trust, token.At)
	return token.At, err
}

// logSize is a size of a log in one of its generations.
type logSize struct {
	generation int
	size       int64
}

// stamped is a time at which a log had a size.
type stamped struct {
	logSize
	at time.Time
}

// stamps judges the time stamps in the unit's schema and those that are known from elsewhere, and holds the times of the
// checkpoints against them.
func (v *verification) stamps(ctx context.Context) error {
	const read = `select generation, size, token, stamped_at from log_stamp order by generation, size`
	signed := make(map[logSize]Checkpoint, len(v.signed))
	for _, c := range v.signed {
		signed[logSize{c.Generation(), c.N}] = c
	}
	var at logSize
	var token []byte
	var said time.Time
	var found []stamped
	err := pg.Each(ctx, v.tx, "read time stamps", []any{&at.generation, &at.size, &token, &said}, func() error {
		if v.opts.StampRoots == nil {
			v.report.StampsNotChecked++
			return nil
		}
		c, holds := signed[at]
		switch {
		case !holds && v.there[at]:
			v.report.StampsNotChecked++ // it is told already that its checkpoint does not hold
			return nil
		case !holds:
			v.found(CheckpointMissing, fmt.Sprint("size ", at.size), "there is a time stamp of %s, and no checkpoint", said.UTC().Format(time.RFC3339))
			return nil
		}
		moment, err := JudgeStamp(Stamp{Published: c.ToStamp(), Token: token}, v.opts.StampRoots)
		switch {
		case err != nil:
			v.found(StampWrong, fmt.Sprint("size ", c.N), "%v", err)
		case !moment.Equal(said):
			v.found(StampWrong, fmt.Sprint("size ", c.N), "its row says another time than the token")
		default:
			v.report.StampsChecked++
			found = append(found, stamped{at, moment})
		}
		return nil
	}, read)
	if err != nil {
		return err
	}
	known, err := v.knownStamps()
	if err != nil {
		return err
	}
	v.order(append(found, known...))
	return nil
}

// knownStamps are the time stamps kept elsewhere; their checkpoints are among what is known of the log. One of them that does not
// hold proves nothing, so that the verification cannot be finished with it.
func (v *verification) knownStamps() ([]stamped, error) {
	var found []stamped
	for i, s := range v.opts.KnownStamps {
		c, err := ParseCheckpoint(s.Published, append([]note.Verifier{v.log}, v.witnesses...)...)
		if err != nil {
			return nil, fmt.Errorf("read known time stamp %d: %w", i+1, err)
		}
		if c.Owner() != v.log.Name() {
			continue
		}
		if v.opts.StampRoots == nil {
			return nil, errors.New("read known time stamps: roots of their authorities are required")
		}
		at, err := JudgeStamp(s, v.opts.StampRoots)
		if err != nil {
			return nil, fmt.Errorf("read known time stamp %d: %w", i+1, err)
		}
		found = append(found, stamped{logSize{c.Generation(), c.N}, at})
	}
	return found, nil
}

// order holds the checkpoints' times against the time stamps: what is stamped was made before, give or take the clocks, and what
// is larger was made after.
func (v *verification) order(stamps []stamped) {
	slices.SortFunc(stamps, func(a, b stamped) int { return a.compare(b.generation, b.size) })
	var latest time.Time // of the stamps over less
	for _, c := range v.signed {
		for len(stamps) > 0 && stamps[0].compare(c.Generation(), c.N) < 0 {
			latest, stamps = laterOf(latest, stamps[0].at), stamps[1:]
		}
		if !latest.IsZero() && c.MadeAt.Before(latest.Add(-stampSlack)) {
			v.found(TimeContradicted, fmt.Sprint("size ", c.N), "made at %s, it says, when the log was smaller still at %s by a time stamp",
				c.MadeAt.Format(time.RFC3339), latest.Format(time.RFC3339))
		}
		for _, s := range stamps {
			if s.compare(c.Generation(), c.N) != 0 {
				break
			}
			if s.at.Before(c.MadeAt.Add(-window)) {
				v.found(TimeContradicted, fmt.Sprint("size ", c.N), "made at %s, it says, and stamped at %s", c.MadeAt.Format(time.RFC3339), s.at.Format(time.RFC3339))
			}
		}
	}
}

// compare orders sizes by when the log had them.
func (s logSize) compare(generation int, size int64) int {
	return cmp.Or(cmp.Compare(s.generation, generation), cmp.Compare(s.size, size))
}
