package certificate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// outcomeKind is the result of one attempt.
type outcomeKind string

const (
	passed      outcomeKind = "passed"
	checkFailed outcomeKind = "check_failed"
	hubRefused  outcomeKind = "refused"
	unavailable outcomeKind = "unavailable"
)

// outcome of one attempt.
type outcome struct {
	kind                 outcomeKind
	reason               string // of a failure, as told
	exchange             string
	certNum              string
	hubCode              string
	detail               string
	checks               checks
	read                 reading // that the file was compared with
	digest               []byte
	issuedAt, validUntil time.Time
	updates              []string // that were appended to the file, in the proto's words
	pdf                  []byte
	at                   time.Time
	// retried is set while the hub refuses in a way that may change.
	retried bool
}

// open reports whether the certificate is asked for again.
func (o outcome) open() bool { return o.kind == unavailable || o.retried }

// refusal returns the hub's reason for refusing the request; empty if the hub gave no answer.
func (o outcome) refusal() string {
	if o.kind != hubRefused {
		return ""
	}
	return cmp.Or(o.hubCode, o.detail)
}

func (o outcome) state() state {
	if o.kind == passed {
		return issued
	}
	return failed
}

// obtain does one claimed request.
func (s *service) obtain(ctx context.Context, j job) {
	o, err := s.ask(ctx, j)
	if err == nil {
		sctx, cancel := work.Settling(ctx)
		defer cancel()
		err = s.settle(sctx, j, o)
	}
	if err != nil {
		// Nothing is stored; after the lease the request is claimed again.
		s.log.LogAttrs(ctx, slog.LevelError, "certificate attempt not settled", slog.String("certificate", j.id.String()), slog.Any("error", err))
		return
	}
	s.metrics.attempted(ctx, o)
	if !o.open() {
		s.bundleWake.Ring()
	}
	if o.kind == checkFailed {
		s.log.LogAttrs(ctx, slog.LevelError, "certificate did not pass its checks", slog.String("certificate", j.id.String()),
			slog.String("detail", o.detail), slog.Any("passed", o.checks.with(proof.Passed)))
	}
}

// ask has the hub issue the certificate and judges the result. An error means that the hub could not even be asked.
func (s *service) ask(ctx context.Context, j job) (outcome, error) {
	reason, err := s.sealed.Open(ctx, sealedReason, j.id.String(), j.reason)
	if err != nil {
		return outcome{}, fmt.Errorf("open reason: %w", err)
	}
	read, err := s.lookup.reading(ctx, j.edocNum)
	if err != nil {
		return s.notComparable(ctx, j, err), nil
	}
	answer, err := s.hub.IssueDistributionCertificate(ctx, &hubv1.IssueDistributionCertificateRequest{
		EdocNum: j.edocNum, Address: j.applicant(), Reason: string(reason),
	})
	if err != nil {
		return s.failedCall(ctx, j, err), nil
	}
	if !read.registered {
		// The document may have been read meanwhile, and the certificate may state that. Circulation knows each read time before
		// the hub does.
		now, err := s.lookup.reading(ctx, j.edocNum)
		if err != nil {
			o := s.notComparable(ctx, j, err)
			o.keep(answer)
			return o, nil
		}
		read.at = now.at
	}
	return s.judge(answer, expected{order: j.order, reading: read, certNum: answer.GetCertNum(), behind: s.config.Issuer.Skew.Std()}), nil
}

// notComparable: without the read time a certificate cannot be judged, so it is neither accepted nor rejected.
func (s *service) notComparable(ctx context.Context, j job, err error) outcome {
	s.log.LogAttrs(ctx, slog.LevelWarn, "circulation cannot be asked about a certificate", slog.String("certificate", j.id.String()), slog.Any("error", err))
	return outcome{kind: unavailable, at: s.clock.Now(), detail: "circulation"}
}

// failedCall decides what follows a failed call. An error that is no refusal leaves the request open. A refusal leaves it open
// for as long as the patience, by both clocks: right after the registration the hub may hold no circulation yet, and other codes
// may be temporary. The hub unit's own refusals are final.
func (s *service) failedCall(ctx context.Context, j job, failure error) outcome {
	f := fault.As(failure)
	o := outcome{kind: unavailable, at: s.clock.Now(), detail: f.Kind.String()}
	if f.Kind == fault.Conflict || f.Kind == fault.Invalid {
		o.kind, o.reason, o.hubCode, o.detail = hubRefused, becauseHubRefused(), f.Metadata["errCode"], f.Reason
		o.retried = f.Kind == fault.Conflict && s.patient(ctx, j.refusedSince)
	}
	return o
}

// patient reports whether a refusal that has stood since a time (zero: this is the first) is still retried. A database that does
// not tell its time ends nothing.
func (s *service) patient(ctx context.Context, since time.Time) bool {
	patience := s.config.Patience.Std()
	if since.IsZero() {
		return patience > 0
	}
	expiry, err := s.expiry(ctx)
	return err != nil || expiry.Before(since.Add(patience))
}

// keep stores the hub's answer in the outcome.
func (o *outcome) keep(answer *hubv1.IssueDistributionCertificateResponse) {
	digest := sha256.Sum256(answer.GetPdf())
	o.exchange, o.certNum, o.pdf, o.digest = answer.GetExchange(), answer.GetCertNum(), answer.GetPdf(), digest[:]
}

// judge verifies a file and compares it with what it must state.
func (s *service) judge(answer *hubv1.IssueDistributionCertificateResponse, want expected) outcome {
	o := outcome{read: want.reading, at: s.clock.Now()}
	o.keep(answer)
	c, verified, err := s.verifyDistribution(answer.GetPdf(), o.at)
	if c != nil && verified.Validity == proof.NotPassed && c.IssuedAt.After(o.at) && c.IssuedAt.Sub(o.at) <= s.config.Issuer.Skew.Std() {
		// The hub's clock may be a little ahead of ours.
		c, verified, err = s.verifyDistribution(answer.GetPdf(), c.IssuedAt)
	}
	o.checks = compare(c, verified, want)
	if c != nil {
		o.issuedAt, o.validUntil = c.IssuedAt, c.ValidUntil
		for _, update := range c.Updates {
			o.updates = append(o.updates, update.String())
		}
	}
	unaccepted := o.checks.unaccepted(s.config.Issuer.Policy())
	if err == nil && len(unaccepted) == 0 {
		o.kind = passed
		return o
	}
	o.kind, o.reason = checkFailed, becauseCheckFailed()
	o.detail = "not accepted: " + strings.Join(unaccepted, " ")
	if err != nil {
		o.detail = detailOf(err)
	}
	return o
}

func (s *service) verifyDistribution(pdf []byte, at time.Time) (*distcert.Certificate, distcert.Checks, error) {
	return distcert.Verify(pdf, distcert.Options{
		Profile: s.config.Issuer.Profile, SubFilters: s.config.Issuer.SubFilters, Roots: s.roots, TimeStampRoots: s.timeStampRoots,
		PinnedSigner: s.config.Issuer.Pins(), At: at, Cache: s.chains, Revocations: s.revocations,
	})
}

// detailOf names the failed checks; the verifier's texts are not stored.
func detailOf(err error) string {
	text := "failed:"
	for _, check := range distcert.FailedChecks(err) {
		text += " " + check.Name
	}
	return text
}

// settle stores and states the result together with the new state. A result that comes too late, after another replica has
// claimed the request, is stored but changes nothing.
func (s *service) settle(ctx context.Context, j job, o outcome) error {
	var pieces [][]byte
	if o.pdf != nil {
		var err error
		if pieces, err = s.sealFile(ctx, j, o.pdf); err != nil {
			return err
		}
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		late := false
		err := s.settleState(ctx, tx, j, o)
		if errors.Is(err, work.ErrLost) {
			late, err = true, nil
		}
		if err != nil {
			return err
		}
		if err := insertAttempt(ctx, tx, j, o, late); err != nil {
			return err
		}
		if pieces != nil {
			if err := insertFile(ctx, tx, j.id, j.attempt, o.digest, pieces, o.at); err != nil {
				return err
			}
		}
		if err := tx.Record(ctx, attemptedFact(j, o, late, s.config.Issuer.Profile)); err != nil {
			return err
		}
		if late || o.open() {
			return nil
		}
		if err := dueBundle(ctx, tx, j.id); err != nil {
			return err
		}
		return tx.State(ctx, lane, eventOf(j, o))
	})
}

func (s *service) settleState(ctx context.Context, tx *journal.Tx, j job, o outcome) error {
	if !o.open() {
		return settleEnd(ctx, tx, j, s.replica, o)
	}
	return settleLater(ctx, tx, j, s.replica, o.refusal(), o.at, s.config.Worker.Delay(j.attempt))
}

// sealFile seals a file for certificate and attempt.
func (s *service) sealFile(ctx context.Context, j job, pdf []byte) ([][]byte, error) {
	pieces, err := sealed.SealPieces(ctx, s.sealed, sealedFile, fileSubject(j.id.String(), j.attempt), pdf)
	if err != nil {
		return nil, fmt.Errorf("seal file of certificate %s: %w", j.id, err)
	}
	return pieces, nil
}

func openFile(ctx context.Context, box sealed.Opener, id string, attempt int, pieces [][]byte) ([]byte, error) {
	pdf, err := sealed.OpenPieces(ctx, box, sealedFile, fileSubject(id, attempt), pieces)
	if err != nil {
		return nil, fmt.Errorf("open file of certificate %s: %w", id, err)
	}
	return pdf, nil
}

func fileSubject(id string, attempt int) string { return fmt.Sprintf("%s/%d", id, attempt) }
