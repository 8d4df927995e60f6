package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// figures is a request for a certificate of monthly figures (hub-interface 5.2), and what came of it.
type figures struct {
	id                       uuid.UUID
	principal, kind          string
	requestID                string
	address, period          string
	state                    state
	requestedAt              time.Time
	attempt                  int
	refusal, reason          string
	refusedSince             time.Time
	counts                   counts
	pdfDigest, statementHash []byte
	issuedAt                 time.Time
}

// counts are the four figures, in the order of hub-interface 5.2.
type counts struct{ receivedOfSent, readOfSent, received, read int64 }

// monthBegins is when a period yyyy-mm, whose form the proto has judged, begins in Korea.
func monthBegins(period string) (time.Time, error) {
	begins, err := time.ParseInLocation("2006-01", period, id.KST)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_INVALID_REQUEST, "",
			fault.WithViolations(fault.Violation{Field: "period", Rule: "period.form", Message: "is a month, yyyy-mm"}))
	}
	return begins, nil
}

// requestFigures keeps a request about the caller's own address. The same request under the same id is answered with what came of
// it.
func (s *service) requestFigures(ctx context.Context, p authn.Principal, r *certificatev1.RequestFiguresRequest) (figures, error) {
	f := figures{
		id: id.New(), principal: p.ID, kind: kindName(p.Kind), requestID: r.GetRequestId(), period: r.GetPeriod(), state: requested, requestedAt: s.clock.Now(),
	}
	if before, known, err := s.figuresBefore(ctx, f); known || err != nil {
		return before, err
	}
	begins, err := monthBegins(f.period)
	if err != nil {
		return figures{}, err
	}
	if begins.After(f.requestedAt) {
		return figures{}, monthNotBegun()
	}
	owned, err := s.address.GetOwnerAddress(ctx, &addressv1.GetOwnerAddressRequest{Owner: p.ID})
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return figures{}, withoutAddress()
	case err != nil:
		return figures{}, addressUnavailable(err)
	}
	f.address = owned.GetAddress()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := insertFigures(ctx, tx, f); err != nil {
			return err
		}
		return tx.Record(ctx, figuresRequestedFact(f, p))
	})
	if pg.Constraint(err) == "figures_own_key" {
		// A call with the same id came first.
		before, _, lookErr := s.figuresBefore(ctx, f)
		return before, lookErr
	}
	if err != nil {
		return figures{}, fmt.Errorf("request figures: %w", err)
	}
	s.wakeFigures.Ring()
	return f, nil
}

// figuresBefore finds what the caller asked under the id before; another month is a fault.
func (s *service) figuresBefore(ctx context.Context, f figures) (figures, bool, error) {
	before, known, err := findFiguresRequest(ctx, s.db, f.principal, f.kind, f.requestID)
	if known && before.period != f.period {
		return figures{}, false, requestIDReused()
	}
	return before, known, err
}

// figuresOf finds a request of the caller's.
func (s *service) figuresOf(ctx context.Context, text string) (figures, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return figures{}, err
	}
	figuresID, err := uuid.Parse(text)
	if err != nil {
		return figures{}, certificateNotFound()
	}
	f, known, err := findFigures(ctx, s.db, p.ID, kindName(p.Kind), figuresID)
	if err == nil && !known {
		err = certificateNotFound()
	}
	return f, err
}
