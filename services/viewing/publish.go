package viewing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// policyVersion names the rules of viewing in evidence; it changes when they do.
const policyVersion = "viewing/1"

// Kinds of evidence. Bodies are JSON with the members in a fixed order and hold no personal data.
const (
	evidenceProved  = "identity_proved"
	evidenceRefused = "identity_refused"
	evidenceIssued  = "viewing_token_issued"
	evidenceChecked = "viewing_token_checked"
	evidenceRead    = "read_reported"
)

type identityBody struct {
	Session string `json:"session"`
	Issuer  string `json:"issuer"`
	// AuthTime is when the person proved itself at the provider.
	AuthTime        *time.Time `json:"authTime,omitempty"`
	AssertionDigest string     `json:"assertionDigest,omitempty"`
	Why             string     `json:"why,omitempty"`
}

type issuedBody struct {
	Session       string    `json:"session"`
	JTI           uuid.UUID `json:"jti"`
	TokenDigest   string    `json:"tokenDigest"`
	KeyID         string    `json:"keyId"`
	ViewingSystem string    `json:"viewingSystem"`
	Address       string    `json:"address"`
	DocumentHash  string    `json:"documentHash"`
	Ordinal       uint32    `json:"ordinal"`
	ExpiresAt     time.Time `json:"expiresAt"`
}

type checkedBody struct {
	Check        uuid.UUID  `json:"check"`
	RequestID    string     `json:"requestId"`
	TokenDigest  string     `json:"tokenDigest"`
	JTI          *uuid.UUID `json:"jti,omitempty"`
	Outcome      outcome    `json:"outcome"`
	Verification *uuid.UUID `json:"verification,omitempty"`
	VerifiedAt   *time.Time `json:"verifiedAt,omitempty"`
	DocumentHash string     `json:"documentHash,omitempty"`
}

type readBody struct {
	Report       uuid.UUID  `json:"report"`
	EdocNum      string     `json:"edocNum"`
	Verification uuid.UUID  `json:"verification"`
	Outcome      outcome    `json:"outcome"`
	ReadAt       time.Time  `json:"readAt"`
	VerifiedAt   *time.Time `json:"verifiedAt,omitempty"`
	ShownHash    string     `json:"shownHash"`
	DocumentHash string     `json:"documentHash,omitempty"`
	LogDigest    string     `json:"logDigest"`
}

// prove keeps an evidence entry.
func prove(ctx context.Context, tx *journal.Tx, e evidence.Entry, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode evidence %s: %w", e.Kind, err)
	}
	e.ID, e.PolicyVersion, e.Body = id.New(), policyVersion, encoded
	return evidence.Append(ctx, tx, e)
}

// about starts an evidence entry about a document.
func (d document) about(kind, actor string, at time.Time) evidence.Entry {
	return evidence.Entry{Kind: kind, Subject: d.number.String(), Tenant: d.sender, Sender: d.sender, Actor: actor, OccurredAt: at}
}

// state states a fact about a document.
func (d document) state(ctx context.Context, tx *journal.Tx, ordinal uint32, actor string, at time.Time, message proto.Message) error {
	return tx.State(ctx, d.lane, journal.Fact{Subject: d.number.String(), Ordinal: ordinal, Sender: d.sender, Actor: actor, OccurredAt: at, Message: message})
}

// stateIssued states and proves that a token was given.
func (d document) stateIssued(ctx context.Context, tx *journal.Tx, r tokenRow, ordinal uint32, session string) error {
	if err := prove(ctx, tx, d.about(evidenceIssued, r.recipient, r.issuedAt), issuedBody{
		Session: session, JTI: r.jti, TokenDigest: hex.EncodeToString(r.digest), KeyID: r.keyID, ViewingSystem: r.system, Address: d.address,
		DocumentHash: digestText(d.hash), Ordinal: ordinal, ExpiresAt: r.expiresAt,
	}); err != nil {
		return err
	}
	return d.state(ctx, tx, ordinal, r.recipient, r.issuedAt, &viewingv1.ViewingTokenIssued{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: r.recipient, IssuedAt: timestamppb.New(r.issuedAt),
	})
}

// stateVerified states that a token was verified.
func (d document) stateVerified(ctx context.Context, tx *journal.Tx, system string, ordinal uint32, at time.Time) error {
	return d.state(ctx, tx, ordinal, system, at, &viewingv1.ViewingTokenVerified{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, ViewingSystem: system, VerifiedAt: timestamppb.New(at),
	})
}

// proveCheck keeps the evidence of an attempt to verify. Where the token does not tell a document that can be believed, the entry is
// about the viewing system.
func proveCheck(ctx context.Context, tx *journal.Tx, c check, o outcome, v *verification) error {
	entry := c.document.about(evidenceChecked, c.system, c.at)
	body := checkedBody{Check: c.id, RequestID: c.requestID, TokenDigest: hex.EncodeToString(c.digest), Outcome: o}
	if c.number == "" {
		entry.Subject = c.system
	} else {
		body.JTI, body.DocumentHash = &c.jti, digestText(c.document.hash)
	}
	if v != nil {
		body.Verification, body.VerifiedAt = &v.id, &v.verifiedAt
	}
	return prove(ctx, tx, entry, body)
}

// proveReport keeps the evidence of a read report. One whose verification is unknown is about its reporter, so that nobody writes into
// the evidence of somebody else's document.
func proveReport(ctx context.Context, tx *journal.Tx, j judged, reportID uuid.UUID, o outcome) error {
	entry := j.document.about(evidenceRead, j.report.system, j.at)
	body := readBody{
		Report: reportID, EdocNum: j.report.number.String(), Verification: j.report.verification, Outcome: o, ReadAt: j.report.readAt,
		ShownHash: digestText(j.report.shown), LogDigest: j.report.logDigest,
	}
	if j.outcome == verificationUnknown {
		entry.Subject = j.report.system
	} else {
		body.VerifiedAt, body.DocumentHash = &j.verification.verifiedAt, digestText(j.document.hash)
	}
	return prove(ctx, tx, entry, body)
}

// stateRead states the read time.
func stateRead(ctx context.Context, tx *journal.Tx, j judged) error {
	d, r := j.document, j.report
	return d.state(ctx, tx, 1, r.system, j.at, &viewingv1.DocumentRead{
		EdocNum: d.number.String(), Sender: d.sender, Lane: d.lane, Recipient: d.recipient, ReadAt: timestamppb.New(r.readAt),
		VerifiedAt: timestamppb.New(j.verification.verifiedAt), ReportedAt: timestamppb.New(j.at), ViewingSystem: r.system, LogDigest: r.logDigest,
	})
}
