package intake

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// acceptedOf is the fact of an item's acceptance. It ties what is kept of the item to the caller's authentication. The
// fingerprint is keyed and the values are sealed, so nobody can guess them by trying. The receipt's digest is added with the
// receipt.
func acceptedOf(caller authn.Principal, facts *platformv1.DocumentFacts, r *row, c *candidate) *intakev1.DocumentAccepted {
	accepted := &intakev1.DocumentAccepted{Facts: facts, SealedRecipient: r.sealedRecipient, Authentication: authenticationOf(caller), Fingerprint: r.fingerprint}
	if c.supplied != nil {
		accepted.CertificateProfile, accepted.CertificateNotCheckable = c.supplied.registration.Profile, c.notCheckable
	}
	return accepted
}

// fact is the fact that the document was accepted.
func (r *row) fact() journal.Fact {
	facts := r.accepted.GetFacts()
	return journal.Fact{
		Subject: facts.GetEdocNum(), Sender: facts.GetSender(), Actor: facts.GetActor(), OccurredAt: r.acceptedAt, Traceparent: r.traceparent, Message: r.accepted,
	}
}

// stateContents states which uploads a document that was handed over names.
func (r *row) stateContents(ctx context.Context, tx *journal.Tx) error {
	facts := r.accepted.GetFacts()
	if facts.GetDocumentContent() == "" {
		return nil
	}
	named := r.fact()
	named.Message = &intakev1.ContentsNamed{
		Uploads: append([]string{facts.GetDocumentContent()}, facts.GetAttachmentContents()...), ViewingDeadline: facts.GetViewingDeadline(),
	}
	return tx.State(ctx, r.lane, named)
}

// stateCancelRequested states that a sender wants to stop its document.
func stateCancelRequested(ctx context.Context, tx *journal.Tx, lane platformv1.Lane, number id.EdocNumber, sender uuid.UUID, by authn.Principal, at time.Time) error {
	return tx.State(ctx, lane, journal.Fact{
		Subject: string(number), Sender: sender.String(), Actor: by.ActedBy(), OccurredAt: at,
		Message: &intakev1.CancelRequested{EdocNum: string(number), Lane: lane, Authentication: authenticationOf(by)},
	})
}

// recordSupplied states, for this unit alone, that a sender supplied a certificate; once for each sender.
func (u *upload) recordSupplied(ctx context.Context, tx *journal.Tx) error {
	return tx.Record(ctx, journal.Fact{
		Subject: u.subject(), Sender: u.caller.ID, Actor: u.caller.ID, OccurredAt: u.at, Traceparent: u.traceparent,
		Message: &intakev1.RegistrationCertificateSupplied{
			Authentication: authenticationOf(u.caller), CertificateProfile: u.profile, CertificateNotCheckable: u.notCheckable,
		},
	})
}

func (u *upload) subject() string { return hex.EncodeToString(u.digest[:]) + "/" + u.caller.ID }

// authenticationOf says how and when the caller authenticated.
func authenticationOf(p authn.Principal) *platformv1.Authentication {
	return &platformv1.Authentication{Client: p.Client, TokenId: p.TokenID, TokenIssuedAt: timestamppb.New(p.IssuedAt)}
}

// recordRequested states, for this unit alone as the next two, that an agent asked for an authorisation.
func recordRequested(ctx context.Context, tx *journal.Tx, a authorisationRow, by authn.Principal) error {
	return recordAuthorisation(ctx, tx, a, by, a.askedAt, &intakev1.AuthorisationRequested{
		Agent: a.agent.String(), Sender: a.sender.String(), RequestId: a.requestID, Digest: a.digest[:], Items: uint32(len(a.items)), //nolint:gosec // at most 1,000
		ExpiresAt: timestamppb.New(a.expiresAt), Authentication: authenticationOf(by), Purpose: a.purpose,
	})
}

// recordGiven states that a sender gave it; given says how.
func recordGiven(ctx context.Context, tx *journal.Tx, a authorisationRow, by authn.Principal, given *intakev1.AuthorisationGiven) error {
	given.Sender, given.Digest, given.ExpiresAt, given.Authentication = a.sender.String(), a.digest[:], timestamppb.New(a.expiresAt), authenticationOf(by)
	return recordAuthorisation(ctx, tx, a, by, a.givenAt, given)
}

func recordEnded(ctx context.Context, tx *journal.Tx, a authorisationRow, by authn.Principal) error {
	return recordAuthorisation(ctx, tx, a, by, a.endedAt, &intakev1.AuthorisationEnded{
		Sender: a.sender.String(), End: a.endedAs, Authentication: authenticationOf(by),
	})
}

func recordAuthorisation(ctx context.Context, tx *journal.Tx, a authorisationRow, by authn.Principal, at time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{
		Subject: a.id.String(), Sender: a.sender.String(), Actor: by.ActedBy(), OccurredAt: at, Traceparent: journal.Traceparent(ctx), Message: message,
	})
}
