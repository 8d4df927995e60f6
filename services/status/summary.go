package status

import (
	"time"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// patch is what one or several new facts of a document add to its summary. Merging patches, and merging a patch into the summary,
// gives the same whatever the order.
type patch struct {
	number                            string
	sender, actor, ownKey, repeats    *string
	lane                              *int16
	acceptedAt, sendDeadline, viewing *time.Time
	resolution                        *int16
	resolutionOrdinal                 *int32
	sentAt, receivedAt, readAt        *time.Time
	recipientAddress                  *string
	tokenIssuedAt, tokenVerifiedAt    *time.Time
	finalState                        *int16
	finalReason                       *string
	cancelRefused                     bool
	registrationResult                *int16
	registeredAt                      *time.Time
	refusedResult                     *int16
	refusedOrdinal                    *int32
	readResult                        *int16
	readRegisteredAt                  *time.Time
	readRefusedResult                 *int16
	readRefusedOrdinal                *int32
	facts                             int64
}

// merge adds what another patch of the same document holds.
func (p *patch) merge(o patch) {
	first(&p.sender, o.sender)
	first(&p.actor, o.actor)
	first(&p.ownKey, o.ownKey)
	first(&p.repeats, o.repeats)
	first(&p.lane, o.lane)
	first(&p.acceptedAt, o.acceptedAt)
	first(&p.sendDeadline, o.sendDeadline)
	first(&p.viewing, o.viewing)
	latest(&p.resolution, &p.resolutionOrdinal, o.resolution, o.resolutionOrdinal)
	first(&p.sentAt, o.sentAt)
	first(&p.receivedAt, o.receivedAt)
	first(&p.readAt, o.readAt)
	first(&p.recipientAddress, o.recipientAddress)
	earliest(&p.tokenIssuedAt, o.tokenIssuedAt)
	earliest(&p.tokenVerifiedAt, o.tokenVerifiedAt)
	first(&p.finalState, o.finalState)
	first(&p.finalReason, o.finalReason)
	p.cancelRefused = p.cancelRefused || o.cancelRefused
	first(&p.registrationResult, o.registrationResult)
	first(&p.registeredAt, o.registeredAt)
	latest(&p.refusedResult, &p.refusedOrdinal, o.refusedResult, o.refusedOrdinal)
	first(&p.readResult, o.readResult)
	first(&p.readRegisteredAt, o.readRegisteredAt)
	latest(&p.readRefusedResult, &p.readRefusedOrdinal, o.readRefusedResult, o.readRefusedOrdinal)
	p.facts += o.facts
}

// first keeps what is there; there can be only one.
func first[T any](have **T, other *T) {
	if *have == nil {
		*have = other
	}
}

func earliest(have **time.Time, other *time.Time) {
	if *have == nil || other != nil && other.Before(**have) {
		*have = other
	}
}

// latest keeps the value of the greatest ordinal.
func latest(value **int16, ordinal **int32, otherValue *int16, otherOrdinal *int32) {
	if *ordinal == nil || otherOrdinal != nil && *otherOrdinal > **ordinal {
		*value, *ordinal = otherValue, otherOrdinal
	}
}

// factsPatch is what every event with facts tells.
func factsPatch(f *platformv1.DocumentFacts) patch {
	p := patch{
		sender: text(f.GetSender()), actor: text(f.GetActor()), ownKey: text(f.GetOwnKey()), repeats: text(f.GetRepeats()), lane: ref(int16(f.GetLane())),
		acceptedAt: moment(f.GetAcceptedAt()), sendDeadline: moment(f.GetSendDeadline()), viewing: moment(f.GetViewingDeadline()),
		sentAt: moment(f.GetSentAt()), receivedAt: moment(f.GetReceivedAt()),
	}
	if p.receivedAt != nil {
		p.recipientAddress = text(f.GetTo().GetAddress())
	}
	return p
}

func ref[T any](v T) *T { return &v }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type timestamp interface {
	IsValid() bool
	AsTime() time.Time
}

func moment(t timestamp) *time.Time {
	if !t.IsValid() {
		return nil
	}
	return ref(t.AsTime())
}

// stateOf computes the state; doc.go tells the order. stateSQL says the same in SQL.
func stateOf(p patch) statusv1.DocumentState {
	switch {
	case p.readAt != nil:
		return statusv1.DocumentState_DOCUMENT_STATE_READ
	case p.receivedAt != nil:
		return statusv1.DocumentState_DOCUMENT_STATE_RECEIVED
	case p.sentAt != nil:
		return statusv1.DocumentState_DOCUMENT_STATE_SENT
	case p.finalState != nil:
		return statusv1.DocumentState(*p.finalState)
	case p.resolution == nil:
		return statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED
	}
	return stateOfResolution(addressv1.Resolution(*p.resolution))
}

func stateOfResolution(r addressv1.Resolution) statusv1.DocumentState {
	switch r {
	case addressv1.Resolution_RESOLUTION_NONE:
		return statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP
	case addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT:
		return statusv1.DocumentState_DOCUMENT_STATE_AWAITING_CONSENT
	case addressv1.Resolution_RESOLUTION_PEER:
		return statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY
	case addressv1.Resolution_RESOLUTION_REFUSED:
		return statusv1.DocumentState_DOCUMENT_STATE_REFUSED
	case addressv1.Resolution_RESOLUTION_AMBIGUOUS:
		return statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AMBIGUOUS
	default:
		return statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED
	}
}

// stateSQL is stateOf over the columns of document_summary; TestStateInSQL holds the two together.
const stateSQL = `
	case when read_at is not null then 9
	     when received_at is not null then 8
	     when sent_at is not null then 7
	     when final_state is not null then final_state
	     else case coalesce(resolution, 0) when 5 then 2 when 2 then 3 when 4 then 4 when 3 then 5 when 6 then 6 else 1 end
	end`
