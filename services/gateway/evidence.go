package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
)

// policyVersion is the version of the rules this unit decides by: who becomes a principal and what a client may hold.
const policyVersion = "gateway/1"

// unitActor names this unit where nobody else acted.
const unitActor = "unit:gateway"

// Kinds of evidence entries. Bodies are JSON with the members in a fixed order and hold no secrets.
const (
	kindInstitutionCreated     = "institution_created"
	kindInstitutionResubmitted = "institution_resubmitted"
	kindViewingSystemCreated   = "viewing_system_created"
	kindOperatorCreated        = "operator_created"
	kindClientCreated          = "client_created"
	kindClientRevoked          = "client_revoked"
	kindClientAuthenticated    = "client_authenticated"
	kindClientNotAuthenticated = "client_not_authenticated"
	kindAddressTaken           = "address_registration_handed_over"
	kindAddressRefused         = "address_registration_refused"
)

type institutionBody struct {
	Name           string `json:"name"`
	BusinessNumber string `json:"businessNumber"`
	Type           int16  `json:"type"`
	Address        string `json:"address"`
	// SHA-256 of the documents shown, hex.
	BusinessDocument     string `json:"businessDocumentDigest"`
	RegistrationDocument string `json:"registrationDocumentDigest"`
}

type resubmissionBody struct {
	// Submission counts from 1, which was the making of the institution.
	Submission int32  `json:"submission"`
	RequestID  string `json:"requestId"`
	// RefusedBy says who refused the submission before: hub or relay.
	RefusedBy string `json:"refusedBy"`
	Name      string `json:"name"`
	// FormerName is told where this submission changed the name.
	FormerName           string `json:"formerName,omitempty"`
	Address              string `json:"address"`
	BusinessDocument     string `json:"businessDocumentDigest"`
	RegistrationDocument string `json:"registrationDocumentDigest"`
}

type viewingSystemBody struct {
	Name    string   `json:"name"`
	Senders []string `json:"senders"`
}

type clientBody struct {
	Client string   `json:"client"`
	Kind   string   `json:"kind"`
	Scopes []string `json:"scopes"`
	// Proof is "secret" or "key".
	Proof string `json:"proof"`
}

type addressBody struct {
	Address    string `json:"address"`
	Submission int32  `json:"submission"`
}

func proofOf(c client) string {
	if c.PublicJWK != "" {
		return "key"
	}
	return "secret"
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// record appends one entry about the principal in the caller's transaction.
func record(ctx context.Context, tx pgx.Tx, kind, subject, actor string, at time.Time, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode evidence %s: %w", kind, err)
	}
	return evidence.Append(ctx, tx, evidence.Entry{
		ID: id.New(), Kind: kind, Subject: subject, Actor: actor, PolicyVersion: policyVersion, OccurredAt: at, Body: encoded,
	})
}

func recordClient(ctx context.Context, tx pgx.Tx, c client, actor string) error {
	return record(ctx, tx, kindClientCreated, c.Principal.String(), actor, c.CreatedAt,
		clientBody{Client: c.ID, Kind: kindText(c.Kind), Scopes: c.Scopes, Proof: proofOf(c)})
}
