package viewing

import (
	"context"
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// state states a fact about a document.
func (d document) state(ctx context.Context, tx *journal.Tx, ordinal uint32, actor string, at time.Time, message proto.Message) error {
	return tx.State(ctx, d.lane, journal.Fact{Subject: d.number.String(), Ordinal: ordinal, Sender: d.sender, Actor: actor, OccurredAt: at, Message: message})
}

// stateIssued states that a token was given.
func (d document) stateIssued(ctx context.Context, tx *journal.Tx, r tokenRow, ordinal uint32, session string) error {
	return d.state(ctx, tx, ordinal, r.recipient, r.issuedAt, &viewingv1.ViewingTokenIssued{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: r.recipient, IssuedAt: timestamppb.New(r.issuedAt),
		ExpiresAt: timestamppb.New(r.expiresAt), Session: session, Jti: r.jti.String(), TokenDigest: hex.EncodeToString(r.digest), KeyId: r.keyID,
		ViewingSystem: r.system, Address: d.address, DocumentHash: digestText(d.hash),
	})
}

// stateVerified states that a check used its token up.
func stateVerified(ctx context.Context, tx *journal.Tx, c check, ordinal uint32) error {
	d := c.document
	return d.state(ctx, tx, ordinal, c.system, c.at, &viewingv1.ViewingTokenVerified{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, ViewingSystem: c.system, VerifiedAt: timestamppb.New(c.at),
		Verification: c.id.String(), RequestId: c.requestID, Jti: c.jti.String(), TokenDigest: hex.EncodeToString(c.digest),
		DocumentHash: digestText(d.hash),
	})
}

// recordCheck states an attempt to verify that used no token up.
func recordCheck(ctx context.Context, tx *journal.Tx, c check, o outcome, v verification) error {
	m := &viewingv1.TokenChecked{EdocNum: c.number.String(), RequestId: c.requestID, TokenDigest: hex.EncodeToString(c.digest), Outcome: string(o)}
	if c.number != "" {
		m.Jti = c.jti.String()
	}
	if o == repeated {
		m.Verification = v.id.String()
	}
	return tx.Record(ctx, journal.Fact{Subject: c.id.String(), Sender: c.document.sender, Actor: c.system, OccurredAt: c.at, Message: m})
}

// stateRead states the read time.
func stateRead(ctx context.Context, tx *journal.Tx, j judged, reportID string) error {
	d, r := j.document, j.report
	return d.state(ctx, tx, 1, r.system, j.at, &viewingv1.DocumentRead{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: d.recipient, ReadAt: timestamppb.New(r.readAt),
		VerifiedAt: timestamppb.New(j.verification.verifiedAt), ReportedAt: timestamppb.New(j.at), ViewingSystem: r.system, LogDigest: r.logDigest,
		Report: reportID, Verification: r.verification.String(), ShownHash: digestText(r.shown),
	})
}

// recordReport states a report that set no read time. One whose verification is unknown names no sender, so that nobody states anything about
// somebody else's document.
func recordReport(ctx context.Context, tx *journal.Tx, j judged, reportID string, o outcome) error {
	r := j.report
	fact := journal.Fact{Subject: reportID, Sender: j.document.sender, Actor: r.system, OccurredAt: j.at, Message: &viewingv1.ReadReported{
		EdocNum: r.number.String(), Verification: r.verification.String(), Outcome: string(o), ReadAt: timestamppb.New(r.readAt),
		ShownHash: digestText(r.shown), LogDigest: r.logDigest,
	}}
	if j.outcome == verificationUnknown {
		fact.Sender = ""
	}
	return tx.Record(ctx, fact)
}
