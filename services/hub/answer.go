package hub

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// recordedAttempt is an attempt of an exchange as it is kept.
type recordedAttempt struct {
	Number            int16
	Request, Response [][]byte
	Commit            uuid.UUID
}

const recordedSQL = `
	select a.attempt, q.request, a.response, a.commit_id
	  from exchange_response a
	  join exchange_request q using (exchange, attempt)
	 where a.exchange = $1
	 order by a.attempt`

const recordedPushSQL = `
	select request, commit_id
	  from push_request
	 where id = $1`

// GetAnswer gives what the hub answered in an exchange, or pushed, with the proof that it was recorded.
func (s *server) GetAnswer(ctx context.Context, r *hubv1.GetAnswerRequest) (*hubv1.GetAnswerResponse, error) {
	wanted, err := uuid.Parse(r.GetExchange())
	if err != nil {
		return nil, exchangeNotFound()
	}
	answer, commits, err := s.exchanger.recorder.answer(ctx, wanted, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	proved, err := s.exchanger.recorder.journal.Prove(ctx, wanted.String(), commits, &hubv1.ExchangeAnswered{}, &hubv1.HubPushReceived{})
	if errors.Is(err, journal.ErrNotWitnessed) {
		return nil, factsNotWitnessed(err)
	}
	if err != nil {
		return nil, err
	}
	return &hubv1.GetAnswerResponse{Answer: answer, Proof: proved}, nil
}

// answer opens the last answer of an exchange, or a push; nothing of one that is about other documents, too.
func (r *recorder) answer(ctx context.Context, wanted uuid.UUID, number string) (raw []byte, commits []uuid.UUID, err error) {
	db := r.journal.DB()
	attempts, err := pg.All(ctx, db, "read exchange", pgx.RowToStructByPos[recordedAttempt], recordedSQL, wanted)
	if err != nil {
		return nil, nil, err
	}
	var pushed [][]byte
	var commit uuid.UUID
	if len(attempts) == 0 {
		known, err := pg.Scan(ctx, db, "read push", []any{&pushed, &commit}, recordedPushSQL, wanted)
		if err == nil && !known {
			err = exchangeNotFound()
		}
		if err != nil {
			return nil, nil, err
		}
		raw, err = r.open(ctx, pushSubject(wanted), pushed)
		return onlyOf(number, raw, raw), []uuid.UUID{commit}, err
	}
	for _, a := range attempts {
		commits = append(commits, a.Commit)
	}
	last := attempts[len(attempts)-1]
	request, err := r.open(ctx, sideSubject(wanted, last.Number, "request"), last.Request)
	if err != nil {
		return nil, nil, err
	}
	response, err := r.open(ctx, sideSubject(wanted, last.Number, "response"), last.Response)
	return onlyOf(number, response, request, response), commits, err
}

// open opens a message that was sealed in pieces; none is empty.
func (r *recorder) open(ctx context.Context, subject string, pieces [][]byte) ([]byte, error) {
	if len(pieces) == 0 {
		return nil, nil
	}
	packed, err := sealed.OpenPieces(ctx, r.sealed, sealedExchange, subject, pieces)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", subject, err)
	}
	message, err := unpack(packed)
	if err != nil {
		return nil, fault.New(fault.Corrupt, domain, nil, "", fault.Wrap(fmt.Errorf("open %s: %w", subject, err)))
	}
	return message, nil
}

func unpack(packed []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	message, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return message, nil
}

var numberPattern = regexp.MustCompile(`[0-9]{8}_[A-Za-z0-9]{10}_[0-9]{13}`)

// onlyOf is an answer if the messages name this document and no other.
func onlyOf(number string, answer []byte, messages ...[]byte) []byte {
	named := false
	for _, message := range messages {
		for _, found := range numberPattern.FindAll(message, -1) {
			if string(found) != number {
				return nil
			}
			named = true
		}
	}
	if !named {
		return nil
	}
	return answer
}
