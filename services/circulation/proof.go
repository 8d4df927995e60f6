package circulation

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

const (
	actor         = "unit:circulation"
	policyVersion = "circulation/1"
)

// proof is the body of an evidence entry: what was sent, by its digest, and what the hub said.
type proof struct {
	EdocNum  string `json:"edocNum"`
	Call     string `json:"call"`
	Attempt  int    `json:"attempt"`
	Outcome  string `json:"outcome,omitempty"`
	Result   int32  `json:"result,omitempty"`
	Exchange string `json:"exchange,omitempty"`
	Content  string `json:"contentDigest,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Actor    string `json:"actor,omitempty"`
	// Acceptance and ReasonDigest are of an operator's acceptance; the digest is salted with the acceptance's id.
	Acceptance   string    `json:"acceptance,omitempty"`
	ReasonDigest string    `json:"reasonDigest,omitempty"`
	At           time.Time `json:"at"`
}

// prove keeps the evidence of every answer and every refusal, late ones included.
func prove(ctx context.Context, tx *journal.Tx, kind callKind, now time.Time, all []settlement) error {
	var entries []evidence.Entry
	for _, one := range all {
		if one.sending != answered && one.next != queued {
			continue
		}
		at := now
		if one.sending == answered {
			at = one.endedAt
		}
		body, err := json.Marshal(proof{
			EdocNum: one.call.number, Call: kind.String(), Attempt: one.call.attempt, Outcome: string(one.sending), Result: one.result,
			Exchange: one.exchange, Content: hex.EncodeToString(one.digest), Reason: one.reason, At: at,
		})
		if err != nil {
			return fmt.Errorf("encode evidence of %s: %w", one.call.number, err)
		}
		entries = append(entries, entry(one.call.number, one.call.sender, actor, evidenceKind(kind, one.next), at, body))
	}
	return evidence.Append(ctx, tx, entries...)
}

// proveRetry keeps who asked for a retry of which calls.
func proveRetry(ctx context.Context, tx *journal.Tx, number, sender, by string, now time.Time, kinds []callKind) error {
	var entries []evidence.Entry
	for _, kind := range kinds {
		body, err := json.Marshal(proof{EdocNum: number, Call: kind.String(), Actor: by, At: now})
		if err != nil {
			return fmt.Errorf("encode evidence of %s: %w", number, err)
		}
		entries = append(entries, entry(number, sender, by, kind.String()+"_retry_requested", now, body))
	}
	return evidence.Append(ctx, tx, entries...)
}

// proveAcceptance keeps who accepted what the hub had said.
func proveAcceptance(ctx context.Context, tx *journal.Tx, one settlement, by acceptance) error {
	body, err := json.Marshal(proof{
		EdocNum: one.call.number, Call: one.call.kind.String(), Attempt: one.call.attempt, Outcome: string(one.sending), Result: one.result,
		Exchange: one.exchange, Content: hex.EncodeToString(one.digest), Actor: by.actor, Acceptance: by.id.String(),
		ReasonDigest: hex.EncodeToString(by.digest), At: by.at,
	})
	if err != nil {
		return fmt.Errorf("encode evidence of %s: %w", one.call.number, err)
	}
	return evidence.Append(ctx, tx, entry(one.call.number, one.call.sender, by.actor, one.call.kind.String()+"_accepted", by.at, body))
}

func evidenceKind(kind callKind, next callState) string {
	switch next {
	case done:
		return kind.String() + "_acknowledged"
	case queued:
		return kind.String() + "_refused"
	case waiting, due, confirming:
		return kind.String() + "_put_off"
	default:
		return kind.String() + "_put_off"
	}
}

func entry(number, sender, by, kind string, at time.Time, body []byte) evidence.Entry {
	return evidence.Entry{ID: id.New(), Kind: kind, Subject: number, Tenant: sender, Sender: sender, Actor: by,
		PolicyVersion: policyVersion, OccurredAt: at, Body: body}
}
