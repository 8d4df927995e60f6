package certificate

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Outcomes of a refusal, as stored.
const (
	unknownDocument = "unknown_document"
	notEntitled     = "not_entitled"
	notRegistered   = "not_registered"
	// Final: there will never be anything to certify.
	documentIsOver      = "ended"
	withoutCirculation  = "without_circulation"
	registrationGivenUp = "given_up"
	notDeposited        = "not_deposited"
	// undecided is only counted: a unit could not be asked.
	undecided = "undecided"
)

func isSender(p authn.Principal) bool {
	return p.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER
}

// request records what is requested, asks other units about the document, and records the decision: accepted or refused. A
// request that was accepted before under the same id is answered at once. While a unit cannot be asked nothing is decided.
func (s *service) request(ctx context.Context, p authn.Principal, w wanted) (view, error) {
	w.authorisation = strings.ToLower(w.authorisation)
	if !isAgent(p) && w.authorisation != "" {
		return view{}, onlyAgents()
	}
	req, err := s.record(ctx, p, w)
	if err != nil {
		return view{}, err
	}
	if v, found, err := findView(ctx, s.db, req.principal, req.kind, req.id); err != nil || found {
		return v, err
	}
	party, by, err := s.behalf(ctx, p, req, w.reason)
	if err != nil {
		return view{}, err
	}
	d, right, err := s.lookup.whole(ctx, party, req.edocNum)
	switch {
	case err != nil:
		s.metrics.requested(ctx, undecided)
		return view{}, err
	case d.sender == "":
		return view{}, s.refuse(ctx, req, d, unknownDocument, documentNotFound())
	case right == "":
		return view{}, s.refuse(ctx, req, d, notEntitled, documentNotFound())
	case !d.circulation:
		return view{}, s.refuse(ctx, req, d, withoutCirculation, hasNoCirculation())
	case d.ended:
		return view{}, s.refuse(ctx, req, d, documentIsOver, documentEnded())
	case d.givenUp:
		return view{}, s.refuse(ctx, req, d, registrationGivenUp, registrationWasGivenUp())
	case !d.certifiable():
		return view{}, s.refuse(ctx, req, d, notRegistered, notRegisteredYet())
	}
	if w.form != "" {
		if d.bundled.registrationDigest, err = s.lookup.deposit(ctx, req.edocNum); err != nil {
			s.metrics.requested(ctx, undecided)
			return view{}, err
		}
		if d.bundled.registrationDigest == "" {
			return view{}, s.refuse(ctx, req, d, notDeposited, notDepositedHere())
		}
	}
	return s.accept(ctx, order{request: req, document: d, entitlement: right, mandate: by, form: w.form})
}

// wanted is what is requested: a distribution certificate, alone or for a bundle of a form.
type wanted struct {
	edocNum, reason, requestID string
	// authorisation is what an agent names.
	authorisation string
	form          bundle.Form
}

// record stores a request, or finds it if the caller sent the same one under this id before; another content is a fault.
func (s *service) record(ctx context.Context, p authn.Principal, w wanted) (request, error) {
	req := request{
		id: id.New(), edocNum: w.edocNum, principal: p.ID, kind: kindName(p.Kind), requestID: w.requestID, requestedAt: s.clock.Now(),
		authorisation: w.authorisation,
	}
	req.digest = contentDigest(req.id, w)
	known, found, err := findRequest(ctx, s.db, req)
	if err == nil && !found {
		if req.reason, err = s.sealed.Seal(ctx, sealedReason, req.id.String(), []byte(w.reason)); err != nil {
			return request{}, fmt.Errorf("seal reason: %w", err)
		}
		err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
			if err := insertRequest(ctx, tx, req); err != nil {
				return err
			}
			return tx.Record(ctx, requestedFact(req, p))
		})
		if err == nil {
			return req, nil
		}
	}
	if pg.Constraint(err) == "certificate_request_own_key" {
		// A call with the same id came first.
		known, _, err = findRequest(ctx, s.db, req)
	}
	if err != nil {
		return request{}, err
	}
	if !bytes.Equal(known.digest, contentDigest(known.id, w)) {
		return request{}, requestIDReused()
	}
	return known, nil
}

func (s *service) accept(ctx context.Context, o order) (view, error) {
	o.acceptedAt = s.clock.Now()
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if o.ordinal, err = countRequest(ctx, tx, o.edocNum, o.entitlement); err != nil {
			return err
		}
		if err := insertCertificate(ctx, tx, o); err != nil {
			return err
		}
		if o.form != "" {
			if err := insertBundle(ctx, tx, o); err != nil {
				return err
			}
		}
		return tx.Record(ctx, acceptedFact(o))
	})
	// A concurrent call with the same request may have been accepted while this one waited.
	fresh := pg.Constraint(err) != "certificate_pk"
	if err != nil && fresh {
		return view{}, err
	}
	v, _, err := findView(ctx, s.db, o.principal, o.kind, o.id)
	if err != nil {
		return view{}, err
	}
	if fresh {
		s.metrics.requested(ctx, o.entitlement)
		s.wake.Ring()
	}
	return v, nil
}

// refuse records a refusal and gives the answer.
func (s *service) refuse(ctx context.Context, req request, d document, outcome string, answer error) error {
	ref := refusal{id: id.New(), request: req, outcome: outcome, refusedAt: s.clock.Now()}
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := insertRefusal(ctx, tx, ref); err != nil {
			return err
		}
		return tx.Record(ctx, refusedFact(ref, d.sender))
	})
	if err != nil {
		return err
	}
	s.metrics.requested(ctx, outcome)
	return answer
}

func kindName(k platformv1.PrincipalKind) string {
	switch k {
	case platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT:
		return entitledRecipient
	case platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT:
		return "agent"
	default:
		return entitledSender
	}
}
