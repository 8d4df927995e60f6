package certificate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// figuresOutcome is what came of one attempt to obtain figures.
type figuresOutcome struct {
	kind            outcomeKind
	reason, hubCode string
	detail          string
	exchange        string
	failed          []string
	counts          counts
	pdf, statement  []byte
	signedAt        time.Time
	at              time.Time
	// retried is set while the hub refuses in a way that may change.
	retried bool
}

func (o figuresOutcome) open() bool { return o.kind == unavailable || o.retried }

func (o figuresOutcome) state() state {
	if o.kind == passed {
		return issued
	}
	return failed
}

// digests are those of what came; nil for nothing.
func (o figuresOutcome) digests() (pdf, statement []byte) {
	if o.pdf == nil {
		return nil, nil
	}
	first, second := sha256.Sum256(o.pdf), sha256.Sum256(o.statement)
	return first[:], second[:]
}

// obtainFigures does one claimed request.
func (s *service) obtainFigures(ctx context.Context, f figures) {
	o := s.askFigures(ctx, f)
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	if err := s.settleFigures(sctx, f, o); err != nil {
		// Nothing is stored; after the lease the request is claimed again.
		s.log.LogAttrs(ctx, slog.LevelError, "figures attempt not settled", slog.String("figures", f.id.String()), slog.Any("error", err))
		return
	}
	s.metrics.figured(ctx, o)
	if o.kind == checkFailed {
		s.log.LogAttrs(ctx, slog.LevelError, "figures did not pass their checks", slog.String("figures", f.id.String()), slog.Any("failed", o.failed))
	}
}

// askFigures has the hub issue the certificate and judges the result. That the hub has no circulation in a month is an answer and
// not asked again.
func (s *service) askFigures(ctx context.Context, f figures) figuresOutcome {
	answer, err := s.hub.IssueFiguresCertificate(ctx, &hubv1.IssueFiguresCertificateRequest{Address: f.address, Period: f.period})
	if err == nil {
		return s.judgeFigures(f, answer)
	}
	said := fault.As(err)
	o := figuresOutcome{kind: unavailable, at: s.clock.Now(), detail: said.Kind.String()}
	if said.Kind != fault.Conflict && said.Kind != fault.Invalid {
		return o
	}
	o.kind, o.reason, o.hubCode, o.detail = hubRefused, becauseHubRefused(), said.Metadata["errCode"], said.Reason
	if said.Reason == fault.NameOf(hubv1.Reason_REASON_NO_CIRCULATION) {
		o.reason = becauseNoFigures()
		return o
	}
	o.retried = said.Kind == fault.Conflict && s.patient(ctx, f.refusedSince)
	return o
}

// judgeFigures verifies the PDF as any file of the pinned signer (its form is not public), and compares what stands beside it
// with the request: the signature is no earlier than the request, so it is not a file of another one.
func (s *service) judgeFigures(f figures, answer *hubv1.IssueFiguresCertificateResponse) figuresOutcome {
	o := figuresOutcome{
		at: s.clock.Now(), exchange: answer.GetExchange(), pdf: answer.GetPdf(), statement: answer.GetStatement(),
		counts: counts{answer.GetReceivedOfSent(), answer.GetReadOfSent(), answer.GetReceived(), answer.GetRead()},
	}
	skew := s.config.Issuer.Skew.Std()
	// The hub's clock may be a little ahead of ours.
	c, checked, err := distcert.Verify(o.pdf, distcert.Options{
		Profile: distcert.ProfilePinnedSigner, SubFilters: s.config.Issuer.SubFilters, Roots: s.roots, TimeStampRoots: s.timeStampRoots,
		PinnedSigner: s.config.Issuer.Pins(), At: o.at.Add(skew), Cache: s.chains, Revocations: s.revocations,
	})
	for _, one := range []struct {
		name string
		is   proof.Outcome
	}{
		{"format", checked.Format}, {"signature", checked.Signature}, {"chain", checked.Chain}, {"identity", checked.Identity}, {"validity", checked.Validity},
	} {
		if one.is == proof.NotPassed {
			o.failed = append(o.failed, one.name)
		}
	}
	if c != nil {
		o.signedAt = c.SignedAt
		if c.SignedAt.Before(f.requestedAt.Add(-skew).Truncate(time.Second)) && !slices.Contains(o.failed, "validity") {
			o.failed = append(o.failed, "validity")
		}
	}
	if !strings.EqualFold(answer.GetAddress(), f.address) {
		o.failed = append(o.failed, "address")
	}
	if answer.GetPeriod() != f.period {
		o.failed = append(o.failed, "period")
	}
	if err == nil && len(o.failed) == 0 {
		o.kind = passed
		return o
	}
	o.kind, o.reason = checkFailed, becauseCheckFailed()
	return o
}

// settleFigures stores and states the result together with the new state; one that comes too late changes nothing.
func (s *service) settleFigures(ctx context.Context, f figures, o figuresOutcome) error {
	parts := map[figuresPart][][]byte{}
	if o.pdf != nil {
		for part, content := range map[figuresPart][]byte{figuresPDF: o.pdf, figuresStatement: o.statement} {
			pieces, err := sealed.SealPieces(ctx, s.sealed, sealedFile, fileSubject(part.subject(f.id), f.attempt), content)
			if err != nil {
				return fmt.Errorf("seal figures %s: %w", f.id, err)
			}
			parts[part] = pieces
		}
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		late := false
		err := s.settleFiguresState(ctx, tx, f, o)
		if errors.Is(err, work.ErrLost) {
			late, err = true, nil
		}
		if err != nil {
			return err
		}
		for _, part := range []figuresPart{figuresPDF, figuresStatement} {
			if pieces := parts[part]; pieces != nil {
				if err := insertFiguresFile(ctx, tx, f, part, pieces, o.at); err != nil {
					return err
				}
			}
		}
		return tx.Record(ctx, figuresAttemptedFact(f, o, late))
	})
}

func (s *service) settleFiguresState(ctx context.Context, tx *journal.Tx, f figures, o figuresOutcome) error {
	if o.open() {
		refusal := ""
		if o.kind == hubRefused {
			if refusal = o.hubCode; refusal == "" {
				refusal = o.detail
			}
		}
		return settleFiguresLater(ctx, tx, f, s.replica, refusal, o.at, s.config.Worker.Delay(f.attempt))
	}
	return settleFiguresEnd(ctx, tx, f, s.replica, o)
}

func figuresRequestedFact(f figures, by authn.Principal) journal.Fact {
	return journal.Fact{Subject: f.id.String(), Actor: f.principal, OccurredAt: f.requestedAt, Message: &certificatev1.FiguresRequested{
		Address: f.address, Period: f.period, PrincipalKind: by.Kind, RequestId: f.requestID,
		Authentication: &platformv1.Authentication{Client: by.Client, TokenId: by.TokenID, TokenIssuedAt: timestamppb.New(by.IssuedAt)},
	}}
}

func figuresAttemptedFact(f figures, o figuresOutcome, late bool) journal.Fact {
	pdf, statement := o.digests()
	attempted := &certificatev1.FiguresAttempted{
		Outcome: string(o.kind), Late: late, Exchange: o.exchange, HubCode: o.hubCode, Failed: o.failed,
		PdfDigest: hex.EncodeToString(pdf), StatementDigest: hex.EncodeToString(statement), Ended: !late && !o.open(),
	}
	if !o.signedAt.IsZero() {
		attempted.SignedAt = timestamppb.New(o.signedAt)
	}
	return journal.Fact{Subject: f.id.String(), Ordinal: uint32(f.attempt), Actor: f.principal, OccurredAt: o.at, Message: attempted} //nolint:gosec // attempts are few
}
