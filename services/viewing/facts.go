package viewing

import (
	"cmp"
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/identity"
)

// actor names this unit where nobody else acted.
const actor = "unit:viewing"

// recordProved states, for this unit alone, that a person's identity was proved, and by what; the login is the session's id.
func recordProved(ctx context.Context, tx *journal.Tx, loginID uuid.UUID, at time.Time, recipient string, proof identity.Proof) error {
	return tx.Record(ctx, journal.Fact{Subject: loginID.String(), Actor: recipient, OccurredAt: at, Message: &viewingv1.IdentityProved{
		Session: loginID.String(), Issuer: proof.Issuer, AuthTime: timestamppb.New(proof.AuthTime), AssertionDigest: proof.Digest,
	}})
}

// recordActing states, for this unit alone, that a person took a session for an organisation.
func recordActing(ctx context.Context, tx *journal.Tx, acting authn.Principal, authority string, at time.Time) error {
	return tx.Record(ctx, journal.Fact{Subject: acting.TokenID, Actor: acting.Actor, OccurredAt: at, Message: &viewingv1.OrganisationSessionOpened{
		Session: acting.Session, Organisation: acting.ID, Authority: authority,
	}})
}

// recordRefused states, for this unit alone, that an identity proof failed, and why.
func recordRefused(ctx context.Context, tx *journal.Tx, loginID uuid.UUID, at time.Time, issuer string, refused *identity.RefusedError) error {
	return tx.Record(ctx, journal.Fact{Subject: loginID.String(), Actor: actor, OccurredAt: at,
		Message: &viewingv1.IdentityRefused{Issuer: issuer, AssertionDigest: refused.Digest, Why: string(refused.Why)}})
}

// fact is one about a document.
func (d document) fact(ordinal uint32, actor string, at time.Time, traceparent string, message proto.Message) journal.Fact {
	return journal.Fact{
		Subject: d.number.String(), Ordinal: ordinal, Sender: d.sender, Actor: actor, OccurredAt: at, Traceparent: traceparent, Message: message,
	}
}

// state states that a token was given.
func (i *issuance) state(ctx context.Context, tx *journal.Tx, ordinal uint32) error {
	d := i.document
	return tx.State(ctx, d.lane, d.fact(ordinal, cmp.Or(i.actedBy, i.recipient), i.issuedAt, i.traceparent, &viewingv1.ViewingTokenIssued{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: i.recipient, IssuedAt: timestamppb.New(i.issuedAt),
		ExpiresAt: timestamppb.New(i.expiresAt), Session: i.session, Jti: i.jti.String(), TokenDigest: hex.EncodeToString(i.digest), KeyId: i.keyID,
		ViewingSystem: i.system, Address: d.address, DocumentHash: digestText(d.hash),
	}))
}

// stateVerified states that a check used its token.
func (c *check) stateVerified(ctx context.Context, tx *journal.Tx, ordinal uint32) error {
	d := c.document
	return tx.State(ctx, d.lane, d.fact(ordinal, c.system, c.at, c.traceparent, &viewingv1.ViewingTokenVerified{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, ViewingSystem: c.system, VerifiedAt: timestamppb.New(c.at),
		Verification: c.id.String(), RequestId: c.requestID, Jti: c.jti.String(), TokenDigest: hex.EncodeToString(c.digest),
		DocumentHash: digestText(d.hash),
	}))
}

// recordAttempt states an attempt to verify that did not use a token.
func (c *check) recordAttempt(ctx context.Context, tx *journal.Tx) error {
	m := &viewingv1.TokenChecked{EdocNum: c.number.String(), RequestId: c.requestID, TokenDigest: hex.EncodeToString(c.digest), Outcome: string(c.became)}
	if c.number != "" {
		m.Jti = c.jti.String()
	}
	if c.became == repeated {
		m.Verification = c.verification.id.String()
	}
	return tx.Record(ctx, journal.Fact{Subject: c.id.String(), Sender: c.document.sender, Actor: c.system, OccurredAt: c.at, Traceparent: c.traceparent, Message: m})
}

// stateRead states the read time.
func (r *reporting) stateRead(ctx context.Context, tx *journal.Tx) error {
	d := r.document
	return tx.State(ctx, d.lane, d.fact(1, r.system, r.at, r.traceparent, &viewingv1.DocumentRead{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: d.recipient, ReadAt: timestamppb.New(r.readAt),
		VerifiedAt: timestamppb.New(r.verifiedAt), ReportedAt: timestamppb.New(r.at), ViewingSystem: r.system, LogDigest: r.logDigest,
		Report: r.id.String(), Verification: r.verification.String(), ShownHash: digestText(r.shown), SentAt: shownTime(r.sentAt), ActedBy: r.actedBy,
	}))
}

// shownTime is a time as a fact tells it, if there is one.
func shownTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// recordOther states a report that set no read time. If its verification is unknown, the document is unknown, so the fact names
// no sender: nobody can state anything about somebody else's document.
func (r *reporting) recordOther(ctx context.Context, tx *journal.Tx) error {
	return tx.Record(ctx, journal.Fact{Subject: r.id.String(), Sender: r.document.sender, Actor: r.system, OccurredAt: r.at, Traceparent: r.traceparent,
		Message: &viewingv1.ReadReported{
			EdocNum: r.number.String(), Verification: r.verification.String(), Outcome: string(r.became), ReadAt: timestamppb.New(r.readAt),
			ShownHash: digestText(r.shown), LogDigest: r.logDigest, SentAt: shownTime(r.sentAt),
		}})
}
