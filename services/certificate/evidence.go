package certificate

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
)

// policyVersion is that of the rules by which this unit gives certificates.
const policyVersion = "certificate-1"

// fact is what an evidence entry about a document is made of. Body holds identifiers and digests, never the reason nor the file.
type fact struct {
	kind, edocNum, sender, actor string
	at                           time.Time
	body                         any
}

// prove keeps a fact as evidence.
func prove(ctx context.Context, tx *journal.Tx, f fact) error {
	encoded, err := json.Marshal(f.body)
	if err != nil {
		return fmt.Errorf("encode evidence %s: %w", f.kind, err)
	}
	return evidence.Append(ctx, tx, evidence.Entry{
		ID: id.New(), Kind: f.kind, Subject: f.edocNum, Tenant: f.sender, Sender: f.sender, Actor: f.actor, PolicyVersion: policyVersion,
		OccurredAt: f.at, Body: encoded,
	})
}

// requestEvidence is without a sender: nobody has been asked yet whose the document is.
func requestEvidence(r request) fact {
	return fact{"certificate_requested", r.edocNum, "", r.principal, r.requestedAt, struct {
		Certificate string `json:"certificate"`
		Kind        string `json:"principalKind"`
		RequestID   string `json:"requestId"`
		Digest      string `json:"digest"`
	}{r.id.String(), r.kind, r.requestID, hex.EncodeToString(r.digest)}}
}

func acceptanceEvidence(o order) fact {
	return fact{"certificate_accepted", o.edocNum, o.sender, o.principal, o.acceptedAt, struct {
		Certificate  string    `json:"certificate"`
		Ordinal      int       `json:"ordinal"`
		Entitlement  string    `json:"entitlement"`
		From         string    `json:"from"`
		To           string    `json:"to"`
		DocumentHash string    `json:"documentHash"`
		Attachments  []string  `json:"attachments"`
		SentAt       time.Time `json:"sentAt"`
		ReceivedAt   time.Time `json:"receivedAt"`
		RegisteredAt time.Time `json:"registeredAt"`
	}{
		o.id.String(), o.ordinal, o.entitlement, o.senderAddress, o.recipientAddress, o.hashAlgorithm + ":" + o.hash, o.attachments,
		o.sentAt, o.receivedAt, o.registeredAt,
	}}
}

func refusalEvidence(r refusal, sender string) fact {
	return fact{"certificate_refused", r.request.edocNum, sender, r.request.principal, r.refusedAt, struct {
		Certificate string `json:"certificate"`
		Refusal     string `json:"refusal"`
		Kind        string `json:"principalKind"`
		RequestID   string `json:"requestId"`
		Outcome     string `json:"outcome"`
	}{r.request.id.String(), r.id.String(), r.request.kind, r.request.requestID, r.outcome}}
}

func attemptEvidence(j job, o outcome, late bool) fact {
	return fact{"certificate_" + string(o.kind), j.edocNum, j.sender, j.principal, o.at, struct {
		Certificate    string     `json:"certificate"`
		Attempt        int        `json:"attempt"`
		Late           bool       `json:"late,omitempty"`
		Exchange       string     `json:"exchange,omitempty"`
		CertNum        string     `json:"certNum,omitempty"`
		HubCode        string     `json:"hubCode,omitempty"`
		Checks         []string   `json:"passed"`
		PDFDigest      string     `json:"pdfDigest,omitempty"`
		ReadAt         *time.Time `json:"readAt,omitempty"`
		ReadRegistered bool       `json:"readRegistered,omitempty"`
	}{
		j.id.String(), j.attempt, late, o.exchange, o.certNum, o.hubCode, o.checks.names(), hex.EncodeToString(o.digest),
		orNull(o.read.at), o.read.registered,
	}}
}
