package intake

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// authorisationRow is a sender's word for some items of an agent, or for certificates of some documents: asked for, given once,
// ended once.
//
//	WAITING ──┬─ sender gives ─► GIVEN ──┬─ sender or agent ends ─► REVOKED
//	          ├─ sender refuses ─► DECLINED
//	          ├─ agent withdraws ─► REVOKED
//	          └─ its time is over ─► EXPIRED (GIVEN, too)
type authorisationRow struct {
	id, agent, sender uuid.UUID
	senderKind        platformv1.PrincipalKind
	purpose           intakev1.AuthorisationPurpose
	requestID         string
	// fingerprint is a keyed hash of what was asked for, digest what is signed or approved, and items are keyed hashes of the
	// digests of the items.
	fingerprint        []byte
	digest             authorisation.Digest
	items              [][]byte
	askedAt, expiresAt time.Time
	// givenAt and endedAt are zero until then.
	givenAt, endedAt time.Time
	endedAs          intakev1.AuthorisationEnd

	agentName      string
	agentSuspended bool
}

// state is what has become of it by a time.
func (a authorisationRow) state(now time.Time) intakev1.AuthorisationState {
	switch {
	case a.endedAs == intakev1.AuthorisationEnd_AUTHORISATION_END_DECLINED:
		return intakev1.AuthorisationState_AUTHORISATION_STATE_DECLINED
	case !a.endedAt.IsZero():
		return intakev1.AuthorisationState_AUTHORISATION_STATE_REVOKED
	case !now.Before(a.expiresAt):
		return intakev1.AuthorisationState_AUTHORISATION_STATE_EXPIRED
	case !a.givenAt.IsZero():
		return intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN
	default:
		return intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING
	}
}

func (a authorisationRow) is(state intakev1.AuthorisationState, now time.Time) bool {
	return a.state(now) == state
}

// concerns reports whether it is a caller's affair: that of the agent that asked, or of the sender that is asked.
func (a authorisationRow) concerns(caller authn.Principal) bool {
	if caller.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT {
		return caller.ID == a.agent.String()
	}
	return caller.ID == a.sender.String() && caller.Kind == a.senderKind
}

// endedBy is how it ends when a caller ends it now.
func (a authorisationRow) endedBy(caller authn.Principal) intakev1.AuthorisationEnd {
	switch {
	case caller.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT:
		return intakev1.AuthorisationEnd_AUTHORISATION_END_WITHDRAWN
	case a.givenAt.IsZero():
		return intakev1.AuthorisationEnd_AUTHORISATION_END_DECLINED
	default:
		return intakev1.AuthorisationEnd_AUTHORISATION_END_REVOKED
	}
}

// show is the authorisation as a caller sees it.
func (a authorisationRow) show(h hasher, now time.Time) *intakev1.Authorisation {
	shown := &intakev1.Authorisation{
		Id: a.id.String(), State: a.state(now), Agent: a.agent.String(), AgentName: a.agentName, Sender: a.sender.String(),
		Digest: a.digest.String(), Salt: hex.EncodeToString(saltOf(h, a.id)), Items: int32(len(a.items)), //nolint:gosec // at most 1,000
		AskedAt: timestamppb.New(a.askedAt), ExpiresAt: timestamppb.New(a.expiresAt), Purpose: a.purpose,
	}
	if decided := laterOf(a.givenAt, a.endedAt); !decided.IsZero() {
		shown.DecidedAt = timestamppb.New(decided)
	}
	return shown
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// saltOf is the salt in the digest of an authorisation. It is not kept: it follows from the id for whoever has the key.
func saltOf(h hasher, id uuid.UUID) []byte {
	return h.Sum([]byte("naru.intake.authorisation_salt.v1"), id[:])
}

// authorisedItem is how an item of an authorisation is kept.
func authorisedItem(h hasher, id uuid.UUID, item authorisation.Digest) []byte {
	return h.Sum([]byte("naru.intake.authorised_item.v1"), id[:], item[:])
}

// holds reports whether an item, or a document whose certificates are wanted, is one of the authorisation's.
func (a authorisationRow) holds(h hasher, item authorisation.Digest) bool {
	hash := authorisedItem(h, a.id, item)
	return slices.ContainsFunc(a.items, func(of []byte) bool { return slices.Equal(of, hash) })
}

// asks completes an authorisation that an agent asks a sender for with what it asks for: items, or documents, of these digests.
// What an item's digest is of says which, so no purpose has to be hashed.
func asks(h hasher, a authorisationRow, wanted []authorisation.Digest) authorisationRow {
	a.digest = authorisation.Of(saltOf(h, a.id), wanted...)
	asked := [][]byte{[]byte("naru.intake.authorisation.v1"), a.sender[:]}
	for _, item := range wanted {
		asked = append(asked, item[:])
		a.items = append(a.items, authorisedItem(h, a.id, item))
	}
	a.fingerprint = h.Sum(asked...)
	return a
}
