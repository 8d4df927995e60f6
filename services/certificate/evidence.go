package certificate

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
)

// policyVersion is that of the rules by which this unit gives certificates.
const policyVersion = "certificate-1"

// entryOf makes an entry about a document. Body holds identifiers and digests, never the reason nor the file.
func entryOf(kind, edocNum, sender, actor string, at time.Time, body any) (evidence.Entry, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return evidence.Entry{}, fmt.Errorf("encode evidence %s: %w", kind, err)
	}
	return evidence.Entry{
		ID: id.New(), Kind: kind, Subject: edocNum, Tenant: sender, Sender: sender, Actor: actor, PolicyVersion: policyVersion,
		OccurredAt: at, Body: encoded,
	}, nil
}

func requestEvidence(r request) (evidence.Entry, error) {
	return entryOf("certificate_requested", r.edocNum, r.sender, r.principal, r.requestedAt, struct {
		Certificate string `json:"certificate"`
		Ordinal     int    `json:"ordinal"`
		Entitlement string `json:"entitlement"`
		RequestID   string `json:"requestId"`
		Digest      string `json:"digest"`
	}{r.id.String(), r.ordinal, r.entitlement, r.requestID, hex.EncodeToString(r.digest)})
}

func refusalEvidence(r refusal, sender string) (evidence.Entry, error) {
	return entryOf("certificate_refused", r.edocNum, sender, r.principal, r.refusedAt, struct {
		Refusal   string `json:"refusal"`
		Kind      string `json:"principalKind"`
		RequestID string `json:"requestId"`
		Outcome   string `json:"outcome"`
		Digest    string `json:"digest"`
	}{r.id.String(), r.kind, r.requestID, r.outcome, hex.EncodeToString(r.digest)})
}

func attemptEvidence(j job, o outcome, late bool) (evidence.Entry, error) {
	return entryOf("certificate_"+string(o.kind), j.edocNum, j.sender, j.principal, o.at, struct {
		Certificate string   `json:"certificate"`
		Attempt     int      `json:"attempt"`
		Late        bool     `json:"late,omitempty"`
		Exchange    string   `json:"exchange,omitempty"`
		CertNum     string   `json:"certNum,omitempty"`
		HubCode     string   `json:"hubCode,omitempty"`
		Checks      []string `json:"passed"`
		PDFDigest   string   `json:"pdfDigest,omitempty"`
	}{j.id.String(), j.attempt, late, o.exchange, o.certNum, o.hubCode, o.checks.names(), hex.EncodeToString(o.digest)})
}
