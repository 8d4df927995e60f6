package address

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
)

// policyVersion is the version of the rules this unit decides by: what an outcome is, and what joining takes.
const policyVersion = "address/1"

// actor names this unit where nobody else acted.
const actor = "unit:address"

// Kinds of evidence entries. Bodies are JSON with the members in a fixed order and hold no personal data.
const (
	kindIdentityProved    = "identity_proved"
	kindMembershipAsked   = "membership_asked"
	kindConsentGiven      = "consent_given"
	kindConsentTaken      = "consent_taken_back"
	kindInboxDesignated   = "inbox_designated"
	kindRefusalSet        = "refusal_set"
	kindRefusalLifted     = "refusal_lifted"
	kindMemberJoined      = "member_joined"
	kindMemberWithdrawn   = "member_withdrawn"
	kindOrganisationAsked = "organisation_address_asked"
	kindAddressRegistered = "address_registered_at_hub"
	kindAddressRefused    = "address_refused_by_hub"
	kindAddressRemoved    = "address_withdrawn_at_hub"
	kindAddressMissing    = "address_missing_at_hub"
	kindResolved          = "recipient_resolved"
	kindCancelled         = "document_cancelled"
	kindExpired           = "search_ended_at_deadline"
	kindQuotaExceeded     = "fruitless_search_quota_exceeded"
)

type proofBody struct {
	Issuer          string    `json:"issuer"`
	ProvedAt        time.Time `json:"provedAt"`
	AssertionDigest string    `json:"assertionDigest"`
	IdentityVersion int32     `json:"identityVersion"`
}

type consentBody struct {
	TermsVersion string `json:"termsVersion"`
	Address      string `json:"address"`
	Session      string `json:"session"`
}

type refusalBody struct {
	// Sender is empty for all senders.
	Sender  string `json:"sender"`
	Session string `json:"session"`
}

type addressBody struct {
	Address    string     `json:"address"`
	Recipient  string     `json:"recipient,omitempty"`
	Principal  string     `json:"principal,omitempty"`
	ValidFrom  time.Time  `json:"validFrom"`
	ValidUntil *time.Time `json:"validUntil,omitempty"`
	Exchange   string     `json:"exchange,omitempty"`
	// Submission of an institution's name and papers, counted from 1.
	Submission int32 `json:"submission,omitempty"`
	// Reason is the hub unit's machine reason of a refusal.
	Reason string `json:"reason,omitempty"`
	// AlreadyRegistered: the hub knew the address from an attempt whose answer was lost.
	AlreadyRegistered bool `json:"alreadyRegistered,omitempty"`
}

type resolutionBody struct {
	Resolution string `json:"resolution"`
	Ordinal    int32  `json:"ordinal"`
	Recipient  string `json:"recipient,omitempty"`
	PlatformID string `json:"platformId,omitempty"`
	Address    string `json:"address,omitempty"`
	Source     string `json:"source"`
	Exchange   string `json:"exchange,omitempty"`
}

type endBody struct {
	SendDeadline time.Time `json:"sendDeadline"`
	Ordinal      int32     `json:"ordinal"`
}

// quotaBody is about the first excess of a sender on a day (KST).
type quotaBody struct {
	Day   string `json:"day"`
	Quota int64  `json:"quota"`
}

// entry makes an evidence entry with a JSON body.
func entry(kind, subject, who string, at time.Time, body any) (evidence.Entry, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return evidence.Entry{}, fmt.Errorf("encode evidence %s: %w", kind, err)
	}
	return evidence.Entry{
		ID: id.New(), Kind: kind, Subject: subject, Actor: who, PolicyVersion: policyVersion, OccurredAt: at, Body: encoded,
	}, nil
}

// documentEntry is an entry about a document of a sender.
func documentEntry(kind string, d document, at time.Time, body any) (evidence.Entry, error) {
	e, err := entry(kind, d.edoc, actor, at, body)
	e.Tenant, e.Sender = d.sender, d.sender
	return e, err
}

func (r registration) body() addressBody {
	b := addressBody{Address: r.address, ValidFrom: r.validFrom, ValidUntil: r.validUntil}
	if r.ofMember() {
		b.Recipient = r.recipient.String()
	} else {
		b.Principal = r.principal.String()
	}
	return b
}
