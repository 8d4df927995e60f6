package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	noticeLease    = time.Minute
	noticeInterval = 500 * time.Millisecond
	maxAnswerBytes = 4 << 10
	givenTimeout   = 10 * time.Second
	// noticeRounds are under way at once; roundTime is how long one may go on before it is written down.
	noticeRounds = 4
	roundTime    = noticeLease - 2*givenTimeout
	// maxRound bounds the notices of a round.
	maxRound = 64
)

// atOnce is how many notices of a round are given at the same time.
func (n Notice) atOnce() int { return max(n.Workers/noticeRounds, 1) }

// ofRound is how many notices are claimed, given and written down together: no more than the round has time for when none is answered,
// so that no notice loses an attempt that was never made.
func (n Notice) ofRound() int {
	return min(n.atOnce()*int(roundTime/n.Timeout.Std()), maxRound)
}

// notice is one arrival to be told.
type notice struct {
	id          uuid.UUID
	number      string
	lane        int16
	sender      string
	recipient   string
	fromAddress string
	toAddress   string
	receivedAt  time.Time
	owner       string
	attempt     int
}

// body is what the operator's messaging gets: that something arrived, from whom, for whom. Never title or content.
type body struct {
	Type       string    `json:"type"`
	EdocNum    string    `json:"edocNum"`
	Recipient  string    `json:"recipient"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// enqueueNotices makes a notice for each delivered document, where notices are configured.
func (s *service) enqueueNotices(ctx context.Context, tx pg.DBTX, delivered []document, now time.Time) error {
	if s.config.Notice.URL == "" || len(delivered) == 0 {
		return nil
	}
	const insert = `
		insert into notice (id, edoc_num, lane, sender, recipient, from_address, to_address, received_at, due_at)
		select id, edoc_num, lane, sender, recipient, from_address, to_address, $8, $8
		from   unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[])
		       u(id, edoc_num, lane, sender, recipient, from_address, to_address)
		order  by edoc_num
		on conflict do nothing`
	var ids []uuid.UUID
	var numbers, senders, recipients, from, to []string
	var lanes []int16
	for _, d := range delivered {
		ids, numbers, senders, lanes = append(ids, id.New()), append(numbers, d.number), append(senders, d.sender), append(lanes, journal.LaneNumber(d.lane))
		recipients, from, to = append(recipients, d.facts.GetRecipient()), append(from, d.facts.GetFrom().GetAddress()), append(to, d.facts.GetTo().GetAddress())
	}
	if _, err := tx.Exec(ctx, insert, ids, numbers, lanes, senders, recipients, from, to, now); err != nil {
		return fmt.Errorf("enqueue %d notices: %w", len(ids), err)
	}
	return nil
}

// stopNotices ends what has not been told yet.
func stopNotices(ctx context.Context, tx pg.DBTX, numbers []string, now time.Time) error {
	if len(numbers) == 0 {
		return nil
	}
	const stop = `
		update notice n
		set    state = 'STOPPED', settled_at = $2
		from   (select id from notice where edoc_num = any($1) and state = 'DUE' order by edoc_num for update) due
		where  n.id = due.id`
	if _, err := tx.Exec(ctx, stop, numbers, now); err != nil {
		return fmt.Errorf("stop notices: %w", err)
	}
	return nil
}

// noticeClient keeps a connection for each call that is made at once.
func noticeClient(n Notice) *http.Client {
	client := &http.Client{Timeout: n.Timeout.Std() + time.Second}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost = n.Workers
		client.Transport = transport
	}
	return client
}

// noticeTask claims notices in rounds. Those of a round that were given are written down together: a transaction and a frame for each
// would cost more than everything else delivery does for a document.
func (s *service) noticeTask() (lifecycle.Task, error) {
	return work.Loop[[]notice]{
		Name: "notices", Workers: noticeRounds, Interval: noticeInterval, Timeout: roundTime, Log: s.log,
		Claim: s.claimRounds, Do: s.giveRound,
	}.Task()
}

func (s *service) claimRounds(ctx context.Context, limit int) (rounds [][]notice, err error) {
	for len(rounds) < limit {
		round, err := s.claimNotices(ctx)
		if len(round) > 0 {
			rounds = append(rounds, round)
		}
		if err != nil || len(round) < s.config.Notice.ofRound() {
			return rounds, err
		}
	}
	return rounds, nil
}

func (s *service) claimNotices(ctx context.Context) ([]notice, error) {
	const claim = `
		with due as (
		  select n.id from notice n
		  where  n.state = 'DUE' and n.due_at <= now() and (n.lease_until is null or n.lease_until < now())
		  order  by n.due_at
		  limit  @limit
		  for update skip locked)
		update notice n
		set    lease_until = now() + @lease::interval, owner = @owner, attempt = n.attempt + 1
		from   due
		where  n.id = due.id
		returning n.id, n.edoc_num, n.lane, n.sender, n.recipient, n.from_address, n.to_address, n.received_at, n.owner, n.attempt`
	return work.Claim(ctx, s.db, claim, work.Lease{Owner: s.replica, For: noticeLease, Limit: s.config.Notice.ofRound()}, nil, func(c pgx.CollectableRow) (n notice, err error) {
		return n, c.Scan(&n.id, &n.number, &n.lane, &n.sender, &n.recipient, &n.fromAddress, &n.toAddress, &n.receivedAt, &n.owner, &n.attempt)
	})
}

// giveRound makes one attempt for each notice of a round and writes the outcomes.
func (s *service) giveRound(ctx context.Context, round []notice) {
	var mu sync.Mutex
	var given []notice
	var giving errgroup.Group
	giving.SetLimit(s.config.Notice.atOnce())
	for _, n := range round {
		giving.Go(func() error {
			if s.giveNotice(ctx, n) {
				mu.Lock()
				defer mu.Unlock()
				given = append(given, n)
			}
			return nil
		})
	}
	_ = giving.Wait() // a failure is written down by itself
	if len(given) == 0 {
		return
	}
	settleCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givenTimeout)
	defer cancel()
	if err := s.settleGiven(settleCtx, given); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "given notices were not written down and will be given again, under the same ids",
			slog.Int("notices", len(given)), slog.Any("error", err))
	}
}

// giveNotice makes one attempt. It tells whether the notice was given, and writes down when it was not.
func (s *service) giveNotice(ctx context.Context, n notice) bool {
	err := s.post(ctx, n)
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil:
		return false // the round's time is over or the process stops; the lease gives it back
	case n.attempt >= s.config.Notice.Attempts:
		err = errors.Join(err, s.giveUp(ctx, n, reasonOf(err)))
	default:
		delay := work.Backoff{}.Delay(n.attempt, rand.Float64())
		args := n.args(reasonOf(err))
		args["delay"] = delay
		err = errors.Join(err, work.Settle(ctx, s.db, `
			update notice set due_at = now() + @delay::interval, lease_until = null, last_error = @reason
			where id = @id and owner = @owner and attempt = @attempt and state = 'DUE'`, args))
	}
	if !errors.Is(err, work.ErrLost) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "notice was not given", slog.String("edoc_num", n.number), slog.Int("attempt", n.attempt), slog.Any("error", err))
	}
	return false
}

// giveUp ends a notice that was tried often enough. That the recipient was not told is evidence like that it was.
func (s *service) giveUp(ctx context.Context, n notice, reason string) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		const end = `
			update notice set state = 'GIVEN_UP', settled_at = now(), lease_until = null, last_error = @reason
			where id = @id and owner = @owner and attempt = @attempt and state = 'DUE'`
		if err := work.Settle(ctx, tx, end, n.args(reason)); err != nil {
			return err
		}
		return appendEvidence(ctx, tx, s.clock.Now(), "notice_given_up", []document{n.document()})
	})
}

func (n notice) args(reason string) pgx.NamedArgs {
	return pgx.NamedArgs{"id": n.id, "owner": n.owner, "attempt": n.attempt, "reason": reason}
}

// answerError is an answer other than 2xx.
type answerError int

func (e answerError) Error() string { return "answered with status " + strconv.Itoa(int(e)) }

func reasonOf(err error) string {
	var answer answerError
	if errors.As(err, &answer) {
		return answer.Error()
	}
	return "unreachable"
}

// post signs the notice as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature), so that its receiver can tell
// it from anybody else's and from a repeat.
func (s *service) post(ctx context.Context, n notice) error {
	payload, err := json.Marshal(body{Type: "document.arrived", EdocNum: n.number, Recipient: n.recipient, From: n.fromAddress, To: n.toAddress, ReceivedAt: n.receivedAt})
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Notice.Timeout.Std())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.Notice.URL, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make notice: %w", err)
	}
	at := strconv.FormatInt(s.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, s.noticeKey)
	mac.Write([]byte(n.id.String() + "." + at + "."))
	mac.Write(payload)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", n.id.String())
	request.Header.Set("Webhook-Timestamp", at)
	request.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("post notice: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswerBytes)); err != nil {
		return fmt.Errorf("read the answer to a notice: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return answerError(response.StatusCode)
	}
	return nil
}

// noticeBacklog counts the notices still to be given and tells the age of the oldest.
func noticeBacklog(ctx context.Context, db pg.DBTX) (due int64, oldest time.Duration, err error) {
	const backlog = `select count(*), coalesce(extract(epoch from now() - min(received_at)), 0)::float8 from notice where state = 'DUE'`
	var seconds float64
	if err := db.QueryRow(ctx, backlog).Scan(&due, &seconds); err != nil {
		return 0, 0, fmt.Errorf("count the notices still to be given: %w", err)
	}
	return due, max(0, time.Duration(seconds*float64(time.Second))), nil
}
