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
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	noticeLease    = time.Minute
	noticeInterval = 500 * time.Millisecond
	maxAnswerBytes = 4 << 10
	givenTimeout   = 10 * time.Second
	// roundTime is how long a round may run before its result is stored.
	roundTime = noticeLease - 2*givenTimeout
	// maxRound bounds the documents of an arrival, and so of a round.
	maxRound = 100
)

// round is one call of notices.
type round struct {
	id      uuid.UUID
	numbers []string
	owner   string
	attempt int
}

// body is what the operator's messaging gets: for whom something arrived, and from whom. It never holds title or content.
type body struct {
	Type    string   `json:"type"`
	Notices []notice `json:"notices"`
}

// notice tells one recipient about everything that arrived since the last round.
type notice struct {
	Recipient string    `json:"recipient"`
	To        string    `json:"to"`
	Documents []arrived `json:"documents"`
}

type arrived struct {
	EdocNum    string    `json:"edocNum"`
	From       string    `json:"from"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// ofRecipients groups documents by recipient; they are sorted by recipient.
func ofRecipients(documents []document) [][]document {
	var cut [][]document
	for i, d := range documents {
		if i == 0 || documents[i-1].facts.GetRecipient() != d.facts.GetRecipient() {
			cut = append(cut, nil)
		}
		cut[len(cut)-1] = append(cut[len(cut)-1], d)
	}
	return cut
}

func bodyOf(byRecipient [][]document) body {
	b := body{Type: "documents.arrived"}
	for _, documents := range byRecipient {
		n := notice{Recipient: documents[0].facts.GetRecipient(), To: documents[0].facts.GetTo().GetAddress()}
		for _, d := range documents {
			n.Documents = append(n.Documents, arrived{EdocNum: d.number, From: d.facts.GetFrom().GetAddress(), ReceivedAt: d.facts.GetReceivedAt().AsTime()})
		}
		b.Notices = append(b.Notices, n)
	}
	return b
}

// announce stores which documents have arrived for the next round, if notices are configured: one row for each hundred documents
// of a transaction.
func (s *service) announce(tx *journal.Tx, delivered []document, now time.Time) {
	if s.config.Notice.URL == "" {
		return
	}
	for some := range slices.Chunk(delivered, maxRound) {
		insertArrival(tx, numbersOf(some), now)
	}
}

// noticeClient keeps one connection for each concurrent call.
func noticeClient(n Notice) *http.Client {
	client := &http.Client{Timeout: n.Timeout.Std() + time.Second}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost = n.Workers
		client.Transport = transport
	}
	return client
}

// noticeTask gives notices in rounds: one call, one transaction and one frame for many documents.
func (s *service) noticeTask() (lifecycle.Task, error) {
	return work.Loop[round]{
		Name: "notices", Workers: s.config.Notice.Workers, Interval: noticeInterval, Timeout: roundTime, Log: s.log,
		Claim: s.claimRounds, Do: s.giveRound,
	}.Task()
}

// giveRound makes one attempt and stores its result.
func (s *service) giveRound(ctx context.Context, r round) {
	told, err := untold(ctx, s.db, r.numbers)
	if err == nil && len(told) == 0 {
		err = endRound(ctx, s.db, r)
	} else if err == nil {
		byRecipient := ofRecipients(told)
		if err = s.post(ctx, r.id, bodyOf(byRecipient)); err != nil && ctx.Err() != nil {
			return // the round's time is over or the process stops; after the lease the round is given again
		}
		err = s.settle(ctx, r, told, byRecipient, err)
	}
	if err != nil && !errors.Is(err, work.ErrLost) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "notices were not given", slog.String("round", r.id.String()), slog.Int("documents", len(r.numbers)),
			slog.Int("attempt", r.attempt), slog.Any("error", err))
	}
}

// settle stores the outcome of an attempt. failure says why nobody was told, or why it is unknown whether somebody was; in the
// second case the lease ends and the round is given again under the same id.
func (s *service) settle(ctx context.Context, r round, told []document, byRecipient [][]document, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givenTimeout)
	defer cancel()
	reason := reasonOf(failure)
	switch {
	case failure == nil:
		return s.settleGiven(ctx, r, told, byRecipient)
	case len(byRecipient) > 1 && refusesContent(failure):
		return errors.Join(failure, s.journal.InTx(ctx, func(tx *journal.Tx) error { return splitRound(ctx, tx, r, byRecipient, reason) }))
	case r.attempt >= s.config.Notice.Attempts:
		return errors.Join(failure, s.giveUp(ctx, r, told, byRecipient, reason))
	default:
		return errors.Join(failure, putOff(ctx, s.db, r, reason, work.Backoff{}.Delay(r.attempt, rand.Float64())))
	}
}

// settleGiven removes a round that was given and states it.
func (s *service) settleGiven(ctx context.Context, r round, told []document, byRecipient [][]document) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := endRound(ctx, tx, r); err != nil {
			return err
		}
		return r.stateGiven(ctx, tx, s.clock.Now(), told, byRecipient)
	})
}

// giveUp ends a round that was tried often enough. It states that the recipients were not told.
func (s *service) giveUp(ctx context.Context, r round, told []document, byRecipient [][]document, reason string) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := markGivenUp(ctx, tx, r, told, reason); err != nil {
			return err
		}
		return r.recordGivenUp(ctx, tx, s.clock.Now(), byRecipient, reason)
	})
}

// answerError is an answer other than 2xx.
type answerError int

func (e answerError) Error() string { return "answered with status " + strconv.Itoa(int(e)) }

// refusesContent reports whether an answer is about the content of a notice, not about its time or sender.
func refusesContent(err error) bool {
	var answer answerError
	if !errors.As(err, &answer) {
		return false
	}
	switch int(answer) {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

func reasonOf(err error) string {
	var answer answerError
	if errors.As(err, &answer) {
		return answer.Error()
	}
	return "unreachable"
}

// post signs notices as Standard Webhooks requires (webhook-id, webhook-timestamp, webhook-signature), so that the receiver can
// recognise forged and repeated ones.
func (s *service) post(ctx context.Context, webhook uuid.UUID, content body) error {
	payload, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode notices: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Notice.Timeout.Std())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.Notice.URL, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make notices: %w", err)
	}
	at := strconv.FormatInt(s.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, s.noticeKey)
	mac.Write([]byte(webhook.String() + "." + at + "."))
	mac.Write(payload)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", webhook.String())
	request.Header.Set("Webhook-Timestamp", at)
	request.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("post notices: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswerBytes)); err != nil {
		return fmt.Errorf("read the answer to notices: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return answerError(response.StatusCode)
	}
	return nil
}
