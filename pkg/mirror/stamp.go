package mirror

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Files of a published log with its newest time stamp.
const (
	stampedFile = "stamped-checkpoint"
	tokenFile   = "stamped-checkpoint.tst"
)

// stampTries is how often the two files of a time stamp are read until they belong together.
const stampTries = 3

// stamped is a checkpoint with a time stamp.
type stamped struct {
	signed
	token  []byte
	moment time.Time
}

// stamp reads the newest time stamp; nil where there is none, no roots were given, or it does not hold, which is told.
func (u *update) stamp(ctx context.Context) (*stamped, error) {
	if u.Roots == nil {
		return nil, nil //nolint:nilnil // nil is none
	}
	for try := 1; ; try++ {
		content, err := u.Fetch(ctx, stampedFile)
		var token []byte
		if err == nil {
			token, err = u.Fetch(ctx, tokenFile)
		}
		if errors.Is(err, ErrNotThere) {
			return nil, nil //nolint:nilnil // nil is none
		}
		if err != nil {
			return nil, err
		}
		moment, err := journal.JudgeStamp(journal.Stamp{Published: string(content), Token: token}, u.Roots)
		if err != nil && try < stampTries && slices.Contains(tsp.FailedChecks(err), tsp.ErrImprint) {
			continue // the next one came between
		}
		c, problem := u.open(content)
		switch {
		case problem != nil:
			u.result.Violations = append(u.result.Violations, *problem)
			return nil, nil //nolint:nilnil // it is told
		case err != nil:
			u.found(journal.StampWrong, c.N, "%v", err)
			return nil, nil //nolint:nilnil // it is told
		}
		return &stamped{signed: c, token: token, moment: moment}, nil
	}
}

// stampFits holds the time of a time stamp against the witness's, and against what the mirror saw.
func (u *update) stampFits(s *stamped, offered signed, last seen) {
	at := s.moment.Format(time.RFC3339)
	switch {
	case s.Generation() != offered.Generation():
		u.found(LogReopened, s.N, "its time stamp is of generation %d, the log in generation %d", s.Generation(), offered.Generation())
	case s.N > offered.N:
		u.found(journal.LogCutOff, s.N, "the log shows %d leaves, and a time stamp over %d", offered.N, s.N)
	case s.moment.After(u.now.Add(ahead)):
		u.found(journal.TimeContradicted, s.N, "stamped at %s, which is to come", at)
	case s.moment.Before(s.at.Add(-slack)):
		u.found(journal.TimeContradicted, s.N, "stamped at %s, before a witness saw it at %s", at, s.at.Format(time.RFC3339))
	case s.N > last.Size && s.moment.Before(last.At.Add(-slack)):
		u.found(journal.TimeContradicted, s.N, "stamped at %s, when the mirror still saw %d leaves at %s", at, last.Size, last.At.Format(time.RFC3339))
	}
}
