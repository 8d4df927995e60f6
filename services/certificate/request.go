package certificate

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Outcomes of a refusal, as stored.
const (
	unknownDocument = "unknown_document"
	notEntitled     = "not_entitled"
	notRegistered   = "not_registered"
)

func isSender(p authn.Principal) bool {
	return p.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER
}

// request answers a request made before under the same id, else records it: accepted, or refused.
func (s *service) request(ctx context.Context, p authn.Principal, r *certificatev1.RequestCertificateRequest) (view, error) {
	if v, found, err := s.repeated(ctx, s.db, p, r); err != nil || found {
		return v, err
	}
	d, err := s.document(ctx, p, r.GetEdocNum())
	if err != nil {
		return view{}, err
	}
	right, address := d.entitlement(p.ID, isSender(p))
	switch {
	case d.edocNum == "":
		return view{}, s.refuse(ctx, p, r, d, unknownDocument, documentNotFound())
	case right == "":
		return view{}, s.refuse(ctx, p, r, d, notEntitled, documentNotFound())
	case !d.certifiable():
		return view{}, s.refuse(ctx, p, r, d, notRegistered, notRegisteredYet())
	}
	return s.accept(ctx, p, r, d, right, address)
}

// repeated finds what the caller asked under this id before; another content is a fault.
func (s *service) repeated(ctx context.Context, db pg.DBTX, p authn.Principal, r *certificatev1.RequestCertificateRequest) (view, bool, error) {
	known, digest, err := findOwnRequest(ctx, db, p.ID, r.GetRequestId())
	if err != nil || known == uuid.Nil {
		return view{}, false, err
	}
	if !bytes.Equal(digest, contentDigest(known, r.GetEdocNum(), r.GetReason())) {
		return view{}, false, requestIDReused()
	}
	return findView(ctx, db, p.ID, known)
}

func (s *service) accept(ctx context.Context, p authn.Principal, r *certificatev1.RequestCertificateRequest, d document, right, address string) (view, error) {
	req := request{
		id: id.New(), edocNum: d.edocNum, principal: p.ID, entitlement: right, requestID: r.GetRequestId(), sender: d.sender, address: address,
		requestedAt: s.clock.Now(),
	}
	req.digest = contentDigest(req.id, req.edocNum, r.GetReason())
	var err error
	if req.reason, err = s.sealed.Seal(ctx, sealed.Applicant, req.id.String(), []byte(r.GetReason())); err != nil {
		return view{}, fmt.Errorf("seal reason: %w", err)
	}
	var v view
	fresh := false
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, err := findDocument(ctx, tx, lockDocumentSQL, req.edocNum); err != nil {
			return err
		}
		// A call with the same id may have come first while this one waited.
		earlier, found, err := s.repeated(ctx, tx, p, r)
		if err != nil || found {
			v = earlier
			return err
		}
		if req.ordinal, err = insertRequest(ctx, tx, req); err != nil {
			return err
		}
		entry, err := requestEvidence(req)
		if err != nil {
			return err
		}
		if err := evidence.Append(ctx, tx, entry); err != nil {
			return err
		}
		v, fresh, err = findView(ctx, tx, p.ID, req.id)
		return err
	})
	if pg.Constraint(err) == "certificate_request_own_key" {
		// The same id at the same time for another document: only the lock on one document was waited for.
		v, _, err = s.repeated(ctx, s.db, p, r)
	}
	if err != nil {
		return view{}, err
	}
	if fresh {
		s.metrics.requested(ctx, right)
		s.wakeUp()
	}
	return v, nil
}

// refuse records a refusal and gives the answer.
func (s *service) refuse(ctx context.Context, p authn.Principal, r *certificatev1.RequestCertificateRequest, d document, outcome string, answer error) error {
	ref := refusal{
		id: id.New(), edocNum: r.GetEdocNum(), principal: p.ID, kind: kindName(p.Kind), requestID: r.GetRequestId(), outcome: outcome,
		refusedAt: s.clock.Now(),
	}
	ref.digest = contentDigest(ref.id, ref.edocNum, r.GetReason())
	var err error
	if ref.reason, err = s.sealed.Seal(ctx, sealed.Applicant, ref.id.String(), []byte(r.GetReason())); err != nil {
		return fmt.Errorf("seal reason: %w", err)
	}
	entry, err := refusalEvidence(ref, d.sender)
	if err != nil {
		return err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := insertRefusal(ctx, tx, ref); err != nil {
			return err
		}
		return evidence.Append(ctx, tx, entry)
	})
	if err != nil {
		return err
	}
	s.metrics.requested(ctx, outcome)
	return answer
}

func kindName(k platformv1.PrincipalKind) string {
	if k == platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT {
		return entitledRecipient
	}
	return entitledSender
}

// wakeUp has the worker look at once; one announcement waits at most.
func (s *service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
