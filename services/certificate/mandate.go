package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// mandate is an authorisation by which an agent obtains certificates of documents of who gave it.
type mandate struct {
	authorisation string
	// party gave it: its right to the document is what counts.
	party              authn.Principal
	digest             []byte
	givenAt, expiresAt time.Time
}

// Outcomes of a refusal of an agent, as stored.
const (
	noMandate         = "no_mandate"
	mandateUnknown    = "mandate_unknown"
	mandateDiffers    = "mandate_differs"
	mandateNotInForce = "mandate_not_in_force"
)

func isAgent(p authn.Principal) bool { return p.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT }

// behalf is in whose name a caller asks: its own, or an agent in that of the party whose mandate it names. An agent without one
// that is in force, and about this document and reason, is refused, which is recorded. Nothing of this depends on whether there
// is such a document.
func (s *service) behalf(ctx context.Context, p authn.Principal, req request, reason string) (authn.Principal, *mandate, error) {
	if !isAgent(p) {
		return p, nil, nil
	}
	if req.authorisation == "" {
		return p, nil, s.refuse(ctx, req, document{}, noMandate, authorisationMissing("an agent names the authorisation of a party"))
	}
	m, err := s.lookup.mandate(ctx, p.ID, req, reason)
	switch fault.ReasonOf(err) {
	case "":
	case fault.NameOf(intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND):
		return p, nil, s.refuse(ctx, req, document{}, mandateUnknown, authorisationNotFound())
	case fault.NameOf(intakev1.Reason_REASON_DIGEST_DIFFERS):
		return p, nil, s.refuse(ctx, req, document{}, mandateDiffers, authorisationMissing("the authorisation is not about this document and reason"))
	case fault.NameOf(intakev1.Reason_REASON_AUTHORISATION_MISSING), fault.NameOf(intakev1.Reason_REASON_SENDER_SUSPENDED):
		return p, nil, s.refuse(ctx, req, document{}, mandateNotInForce, authorisationMissing("the authorisation was not given, or has ended"))
	}
	if err != nil {
		s.metrics.requested(ctx, undecided)
		return p, nil, lookupUnavailable(fmt.Errorf("ask intake about an authorisation: %w", err))
	}
	return m.party, m, nil
}

// mandate asks intake for the authorisation that an agent names.
func (l lookup) mandate(ctx context.Context, agent string, req request, reason string) (*mandate, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	r, err := l.intake.GetMandate(ctx, &intakev1.GetMandateRequest{Authorisation: req.authorisation, Agent: agent, EdocNum: req.edocNum, Reason: reason})
	outcome := "found"
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Conflict, fault.Denied:
		outcome = "unknown"
	default:
		if err != nil {
			outcome = "unavailable"
		}
	}
	l.metrics.asked(ctx, "intake", outcome)
	if err != nil {
		return nil, err
	}
	return &mandate{
		authorisation: req.authorisation, party: authn.Principal{ID: r.GetPrincipal(), Kind: r.GetKind()}, digest: r.GetDigest(),
		givenAt: instant(r.GetGivenAt()), expiresAt: instant(r.GetExpiresAt()),
	}, nil
}

const findAskedSQL = `
	select r.id, r.edoc_num, r.principal, r.principal_kind, coalesce(r.authorisation::text, ''), r.reason
	  from certificate_request r
	 where r.id = $1`

// handOut refuses an agent a file whose mandate has ended: what was obtained by it is handed out under it alone. A refusal is
// recorded.
func (s *service) handOut(ctx context.Context, id uuid.UUID) error {
	p, err := authn.Require(ctx)
	if err != nil || !isAgent(p) {
		return err
	}
	var req request
	known, err := pg.Scan(ctx, s.db, "find what an agent asked for", []any{&req.id, &req.edocNum, &req.principal, &req.kind, &req.authorisation, &req.reason}, findAskedSQL, id)
	if err != nil || !known {
		return err
	}
	reason, err := s.sealed.Open(ctx, sealedReason, req.id.String(), req.reason)
	if err != nil {
		return fmt.Errorf("open reason: %w", err)
	}
	_, _, err = s.behalf(ctx, p, req, string(reason))
	return err
}

func authorisationMissing(detail string) error {
	return fault.New(fault.Denied, domain, certificatev1.Reason_REASON_AUTHORISATION_MISSING, detail)
}

func authorisationNotFound() error {
	return fault.New(fault.NotFound, domain, certificatev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "this agent has no such authorisation")
}

// onlyAgents is for whoever asks for itself and names an authorisation.
func onlyAgents() error {
	return fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_INVALID_REQUEST, "",
		fault.WithViolations(fault.Violation{Field: "authorisation", Rule: "authorisation.agent", Message: "must be left out by whoever asks for itself"}))
}
