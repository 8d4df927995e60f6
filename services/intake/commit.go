package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/intake/internal/queue"
)

const (
	// commitTimeout bounds a group's transaction. It replaces the callers' deadlines: one caller's deadline must not undo the
	// work of the others.
	commitTimeout = 10 * time.Second
	// maxRest of a writer after a commit.
	maxRest = 5 * time.Millisecond
	// rowOverhead is the size of a row in the queue beside its bytes, the receipt included.
	rowOverhead = 1536
)

// row is one item ready to be committed.
type row struct {
	tenant      uuid.UUID
	ownKey      string
	fingerprint []byte
	number      id.EdocNumber
	acceptedAt  time.Time
	lane        platformv1.Lane
	digest      certificateID
	// authorisation is the sender's by which an agent sends; none where the sender sends itself.
	authorisation uuid.UUID
	// certificate is sealed, and empty where it is kept already.
	certificate     []byte
	sealedRecipient []byte
	receipt         string
	traceparent     string
	// accepted is the row's fact; factSize is its size without the receipt's digest.
	accepted *intakev1.DocumentAccepted
	factSize int

	waiter *waiter
	answer answer
}

// certificateDigest is that of the certificate; nil where the sender handed the document itself over.
func (r *row) certificateDigest() []byte {
	if r.accepted.GetFacts().GetRegistrationCertificateDigest() == "" {
		return nil
	}
	return r.digest[:]
}

func (r *row) size() int {
	return rowOverhead + len(r.certificate) + r.factSize
}

// answer is the result of the commit for a row.
type answer struct {
	outcome outcome
	// existing is what the key already stands for, unless it was new.
	existing keyHolder
	err      error
}

type outcome int

const (
	outcomeFailed outcome = iota
	outcomeNew
	outcomeSame
	outcomeConflict
)

// waiter is a caller that waits for the answers of its rows. They may be read once done is closed.
type waiter struct {
	ctx  context.Context
	left atomic.Int32
	done chan struct{}
}

// committer commits the rows of one lane in groups, and tenants take turns. A writer takes whatever waits, so groups grow with
// the load. After a commit it rests as long as the commit took, at most maxRest, so that single items are combined. A writer that
// was idle begins at once. Each lane has its own writers, so a single item never waits for a batch.
//
// A group is one transaction: first the own keys, then documents, certificates and facts of those that were new. If another group
// has just committed a key, the next statement reads it. The group's receipts are signed before the transaction, one signature
// for many documents of a sender.
type committer struct {
	journal  *journal.Journal
	receipts jws.Key
	lane     platformv1.Lane
	writers  int
	slots    *work.Slots
	queue    *queue.Queue[uuid.UUID, *row]
	clock    clock.Clock
	log      *slog.Logger
	metrics  *metrics
}

// commit puts the rows into the queue, where callers take turns, and waits for their answers until ctx ends. A caller that gives
// up learns the result by sending the same keys again.
func (c *committer) commit(ctx context.Context, flow uuid.UUID, rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	of := &waiter{ctx: ctx, done: make(chan struct{})}
	of.left.Store(int32(len(rows))) //nolint:gosec // at most maxBatchItems
	entries := make([]queue.Entry[*row], len(rows))
	for i, r := range rows {
		r.waiter = of
		entries[i] = queue.Entry[*row]{Value: r, Size: r.size()}
	}
	switch err := c.queue.Put(flow, entries...); {
	case errors.Is(err, queue.ErrFull):
		return overloaded(err)
	case err != nil:
		return stopping(err)
	}
	select {
	case <-of.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the commit of %d items: %w", len(rows), ctx.Err())
	}
}

// task runs the writers. When it is stopped, the queue accepts nothing new, and what waits is still committed.
func (c *committer) task() lifecycle.Task {
	return lifecycle.Task{Name: "intake-commit-" + frame.LaneName(c.lane), Run: func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, c.queue.Close)
		defer stop()
		var writers sync.WaitGroup
		for range c.writers {
			writers.Go(func() {
				for c.write(context.WithoutCancel(ctx)) {
				}
			})
		}
		writers.Wait()
		return nil
	}}
}

// write commits one group; false when there will be no more groups.
func (c *committer) write(ctx context.Context) bool {
	taken := c.queue.Take(c.groupBound())
	if taken == nil {
		return false
	}
	rows := taken[:0]
	for _, r := range taken {
		// The caller has gone; skip it.
		if err := r.waiter.ctx.Err(); err != nil {
			r.settle(answer{err: err})
			continue
		}
		rows = append(rows, r)
	}
	if len(rows) > 0 {
		c.metrics.group(ctx, len(rows))
		var rest time.Duration
		c.slots.Do(ctx, c.lane, func() {
			began := c.clock.Now()
			c.commitGroup(ctx, rows)
			rest = min(c.clock.Now().Sub(began), maxRest)
		})
		<-time.After(rest)
	}
	return true
}

// groupBound accepts rows until the next one would exceed a bound of the group.
func (c *committer) groupBound() func(*row) bool {
	var rows, size, most int
	return func(r *row) bool {
		if rows == 0 {
			most = c.slots.Piece(c.lane, maxGroupRows)
		}
		rows, size = rows+1, size+r.size()
		return rows <= most && size <= maxGroupBytes
	}
}

// commitGroup gives every row of the group an answer. A row that the database refuses is found by halving and is refused alone.
func (c *committer) commitGroup(ctx context.Context, rows []*row) {
	if rows = c.inTime(rows); len(rows) == 0 {
		return
	}
	answers, err := c.try(ctx, rows)
	switch {
	case err == nil:
		for i, r := range rows {
			r.settle(answers[i])
		}
	case pg.Refused(err) && len(rows) > 1:
		half := len(rows) / 2
		c.commitGroup(ctx, rows[:half])
		c.commitGroup(ctx, rows[half:])
	default:
		// Either the database refuses this single row, or nothing could be committed at all.
		public := pg.AsFault(err, nil)
		if fault.KindOf(public) != fault.Unavailable {
			c.log.LogAttrs(ctx, slog.LevelError, "items were not committed", slog.Int("rows", len(rows)), slog.String("sqlstate", pg.SQLState(err)),
				slog.String("constraint", pg.Constraint(err)), slog.Any("error", public))
		}
		for _, r := range rows {
			r.settle(answer{err: public})
		}
	}
}

// inTime refuses the rows whose acceptance was stamped too long ago, and returns the others.
func (c *committer) inTime(rows []*row) []*row {
	now := c.clock.Now()
	var kept []*row
	for _, r := range rows {
		if now.Sub(r.acceptedAt) > acceptSpan {
			r.settle(answer{err: overloaded(errors.New("the item waited too long"))})
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// try commits the group in one transaction.
func (c *committer) try(ctx context.Context, rows []*row) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err := c.sign(rows); err != nil {
		return nil, err
	}
	var answers []answer
	err := c.journal.InTx(ctx, func(tx *journal.Tx) error {
		authorised, err := authorisedRows(ctx, tx, rows)
		if err != nil {
			return err
		}
		won, err := insertKeys(ctx, tx, authorised)
		if err != nil {
			return err
		}
		if err := insertAccepted(ctx, tx, rowsOf(rows, won, true)); err != nil {
			return err
		}
		found, err := answersOf(ctx, tx, authorised, won)
		if err != nil {
			return err
		}
		answers = withRefused(rows, authorised, found)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("commit a group of %d items: %w", len(rows), err)
	}
	return answers, nil
}

// authorisedRows are the rows without those that agents send by an authorisation which has ended meanwhile. Until the transaction
// ends, none of the others can end. Rows of senders who send themselves cost nothing.
func authorisedRows(ctx context.Context, tx *journal.Tx, rows []*row) ([]*row, error) {
	var ids []uuid.UUID
	for _, r := range rows {
		if r.authorisation != uuid.Nil {
			ids = append(ids, r.authorisation)
		}
	}
	if len(ids) == 0 {
		return rows, nil
	}
	inForce, err := lockInForce(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var of []*row
	for _, r := range rows {
		if r.authorisation == uuid.Nil || inForce[r.authorisation] {
			of = append(of, r)
		}
	}
	return of, nil
}

// withRefused are the answers of all rows, by those of the authorised ones, which are in their order.
func withRefused(rows, authorised []*row, answers []answer) []answer {
	if len(rows) == len(authorised) {
		return answers
	}
	all := make([]answer, len(rows))
	for i, r := range rows {
		if len(authorised) == 0 || authorised[0] != r {
			all[i] = answer{err: refusalOf([]finding{authorisationOver()})}
			continue
		}
		all[i], authorised, answers = answers[0], authorised[1:], answers[1:]
	}
	return all
}

// answersOf returns each row's outcome; it reads the keys that were not new.
func answersOf(ctx context.Context, tx *journal.Tx, rows []*row, won map[string]bool) ([]answer, error) {
	var used []ownKey
	for _, r := range rowsOf(rows, won, false) {
		used = append(used, ownKey{r.tenant, r.ownKey})
	}
	var holders map[ownKey]keyHolder
	if len(used) > 0 {
		var err error
		if holders, err = findKeys(ctx, tx, used); err != nil {
			return nil, err
		}
	}
	answers := make([]answer, len(rows))
	for i, r := range rows {
		if won[string(r.number)] {
			answers[i] = answer{outcome: outcomeNew}
			continue
		}
		holder, ok := holders[ownKey{r.tenant, r.ownKey}]
		if !ok {
			return nil, fmt.Errorf("own key of %s was neither inserted nor found", r.number)
		}
		answers[i] = answer{outcome: holder.judge(r.fingerprint), existing: holder}
	}
	return answers, nil
}

// judge compares contents. If the document was deleted with its year, the first receipt cannot be shown any more.
func (h keyHolder) judge(fingerprint []byte) outcome {
	if h.receipt != "" && bytes.Equal(h.fingerprint, fingerprint) {
		return outcomeSame
	}
	return outcomeConflict
}

func rowsOf(rows []*row, won map[string]bool, which bool) []*row {
	var of []*row
	for _, r := range rows {
		if won[string(r.number)] == which {
			of = append(of, r)
		}
	}
	return of
}

// settle answers a row; the last row of a caller wakes it.
func (r *row) settle(a answer) {
	r.answer = a
	if r.waiter.left.Add(-1) == 0 {
		close(r.waiter.done)
	}
}
