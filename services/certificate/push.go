package certificate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/work"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// pushed is a certificate that the hub pushed.
type pushed struct {
	id                          uuid.UUID
	certNum, edocNum, applicant string
	receivedAt                  time.Time
	attempt                     int
}

// Outcomes of a push, as stored and stated.
const (
	pushTaken       = "taken"
	pushCheckFailed = "check_failed"
	pushDuplicate   = "duplicate"
	pushLate        = "late"
	pushNoRequest   = "no_request"
)

// pushRetry is the pause before a push is looked at again while its request is being asked for at the hub, or a unit is away.
const pushRetry = time.Second

func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{{Purpose: "pushes", From: "hub", Handlers: []inbox.Handler{inbox.On(s.onHubPushReceived)}}}
}

// onHubPushReceived keeps a push for the worker, which reads and judges the file outside of this transaction.
func (s *service) onHubPushReceived(ctx context.Context, tx *journal.Tx, events []inbox.Event[*hubv1.HubPushReceived]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	for i, e := range events {
		pushID, err := uuid.Parse(e.Subject)
		if err != nil {
			verdicts[i] = inbox.Park("push_id_malformed")
			continue
		}
		m := e.Message
		if err := insertPush(ctx, tx, pushed{
			id: pushID, certNum: m.GetCertNum(), edocNum: m.GetEdocNum(), applicant: m.GetAddress(), receivedAt: e.OccurredAt,
		}); err != nil {
			return nil, err
		}
	}
	tx.OnCommit(s.wakePushes.Ring)
	return verdicts, nil
}

// takePush finds the open request that a push answers, by edoc number and applicant, and judges the file as one that was asked
// for. The request is claimed meanwhile, so it is not asked for at the hub at the same time.
func (s *service) takePush(ctx context.Context, p pushed) {
	outcome, certificate, err := s.judgePush(ctx, p)
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	switch {
	case err == nil && outcome == "":
		err = settlePushLater(sctx, s.db, p, s.replica, pushRetry)
	case err == nil:
		err = s.endPush(sctx, p, outcome, certificate)
	}
	if err != nil && !errors.Is(err, work.ErrLost) {
		// Nothing is stored; after the lease the push is claimed again.
		s.log.LogAttrs(ctx, slog.LevelError, "push not settled", slog.String("push", p.id.String()), slog.Any("error", err))
	}
}

// judgePush returns the outcome, empty for none yet.
func (s *service) judgePush(ctx context.Context, p pushed) (came string, certificate uuid.UUID, err error) {
	j, busy, err := claimForPush(ctx, s.db, p, s.config.Worker.Claimed(s.replica, 1))
	switch {
	case err != nil:
		return "", uuid.Nil, err
	case j == nil && busy:
		return "", uuid.Nil, nil
	case j == nil:
		return withoutRequest(ctx, s.db, p)
	}
	o, err := s.pushedFile(ctx, *j, p)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a pushed certificate cannot be judged now", slog.String("push", p.id.String()), slog.Any("error", err))
		o = outcome{kind: unavailable, at: s.clock.Now(), detail: "push", exchange: p.id.String()}
	}
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	if err := s.settle(sctx, *j, o); err != nil {
		return "", uuid.Nil, err
	}
	s.metrics.attempted(ctx, o)
	switch o.kind {
	case passed:
		s.bundleWake.Ring()
		return withoutRequest(sctx, s.db, p)
	case checkFailed:
		s.log.LogAttrs(ctx, slog.LevelError, "a pushed certificate did not pass its checks", slog.String("push", p.id.String()), slog.String("detail", o.detail))
		return pushCheckFailed, j.id, nil
	default:
		return "", uuid.Nil, nil
	}
}

// pushedFile has the file from the hub unit and judges it. When the hub issued it is not known, so it may lack a read time that
// the hub has by now. A push ends a request by passing alone: whoever pushes must not be able to have a request fail that the hub
// may still answer.
func (s *service) pushedFile(ctx context.Context, j job, p pushed) (outcome, error) {
	file, err := s.hub.GetPushedCertificate(ctx, &hubv1.GetPushedCertificateRequest{Push: p.id.String()})
	if err != nil {
		return outcome{}, err
	}
	read, err := s.lookup.reading(ctx, j.edocNum)
	if err != nil {
		return outcome{}, err
	}
	o := s.judge(&hubv1.IssueDistributionCertificateResponse{CertNum: file.GetCertNum(), Pdf: file.GetPdf(), Exchange: p.id.String()},
		expected{order: j.order, reading: reading{at: read.at}, certNum: p.certNum, behind: s.config.Issuer.Skew.Std()})
	o.retried = o.kind != passed
	return o, nil
}

// endPush writes and states what came of a push.
func (s *service) endPush(ctx context.Context, p pushed, outcome string, certificate uuid.UUID) error {
	now := s.clock.Now()
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := settlePushEnd(ctx, tx, p, s.replica, outcome, certificate, now); err != nil {
			return err
		}
		settled := &certificatev1.PushSettled{CertNum: p.certNum, EdocNum: p.edocNum, Outcome: outcome}
		if certificate != uuid.Nil {
			settled.Certificate = certificate.String()
		}
		return tx.Record(ctx, journal.Fact{Subject: p.id.String(), Ordinal: 1, Actor: "unit:certificate", OccurredAt: now, Message: settled})
	})
	if err == nil {
		s.metrics.pushed(ctx, outcome)
	}
	return err
}
