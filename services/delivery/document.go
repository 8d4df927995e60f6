package delivery

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// State of a document's delivery; doc.go draws the transitions.
type State string

// The states.
const (
	Waiting    State = "WAITING"
	Cancelling State = "CANCELLING"
	Depositing State = "DEPOSITING"
	Delivered  State = "DELIVERED"
	Expired    State = "EXPIRED"
	Cancelled  State = "CANCELLED"
	Closed     State = "CLOSED"
	Failed     State = "FAILED"
)

// final reports whether a document in this state will never be received.
func (s State) final() bool {
	switch s {
	case Expired, Cancelled, Closed, Failed:
		return true
	case Waiting, Cancelling, Depositing, Delivered:
		return false
	default:
		return false
	}
}

// outcome is what a resolution means for a delivery.
type outcome int

const (
	unknown outcome = iota
	deliver
	wait
	closeIt
	expire
)

// outcomeOf returns what a resolution means; unknown for a resolution that only a newer address unit knows.
func outcomeOf(r addressv1.Resolution) outcome {
	switch r {
	case addressv1.Resolution_RESOLUTION_OWN:
		return deliver
	case addressv1.Resolution_RESOLUTION_NONE, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, addressv1.Resolution_RESOLUTION_PEER:
		return wait
	case addressv1.Resolution_RESOLUTION_REFUSED, addressv1.Resolution_RESOLUTION_AMBIGUOUS:
		return closeIt
	case addressv1.Resolution_RESOLUTION_UNKNOWN:
		return expire
	default:
		return unknown
	}
}

// deliverAs is the state of a document whose recipient is found: one that was handed over is first deposited at the archive.
func deliverAs(f *platformv1.DocumentFacts) State {
	if f.GetViewingMode() == platformv1.ViewingMode_VIEWING_MODE_RELAY {
		return Depositing
	}
	return Delivered
}

// notBefore is the earliest moment that may be stamped as sent: each fact given here must be true by then (docs/architecture.md,
// Times).
func notBefore(f *platformv1.DocumentFacts, resolvedAt time.Time) time.Time {
	earliest := resolvedAt
	for _, at := range []time.Time{
		f.GetAcceptedAt().AsTime(), f.GetRegisteredAt().AsTime(), f.GetFrom().GetValidFrom().AsTime(), f.GetTo().GetValidFrom().AsTime(),
	} {
		if at.After(earliest) {
			earliest = at
		}
	}
	return earliest
}

// document is a delivery before its row is written.
type document struct {
	number     string
	state      State
	lane       platformv1.Lane
	sender     string
	facts      *platformv1.DocumentFacts
	resolvedAt time.Time
	// foundAtOnce: the first resolution found a consenting member here.
	foundAtOnce bool
	// ordinal of the resolution that found a consenting member here, and how often the member had changed its choices by then.
	ordinal, choices uint32
	// outdated: the member has changed its choices since.
	outdated bool
	// reason of a failure.
	reason string
	// nowhere: it waits because its recipient is a member nowhere.
	nowhere bool
	// event is the place of the answered event in its batch, frame the frame it came in.
	event int
	frame uuid.UUID
}

// decide settles a delivery once the clock was read: it may be too late, the recipient's address may have ended, or the recipient
// may have decided otherwise since it was found. In the last case the document waits for address to decide anew.
func (d *document) decide(now time.Time, since changes) {
	deadline := d.facts.GetSendDeadline()
	switch {
	case d.state != Delivered && d.state != Depositing:
	case deadline.IsValid() && deadline.AsTime().Before(now):
		d.state = Expired
	case since.ended[d.facts.GetTo().GetAddress()]:
		d.state, d.reason = Failed, addressWithdrawn()
	case since.choices[d.facts.GetRecipient()] > d.choices:
		d.state, d.outdated = Waiting, true
	case d.state == Delivered:
		d.stamp(now)
	}
}

// stamp writes the one clock reading into the facts: for a member here, sent and received are equal (docs/architecture.md,
// Times).
func (d document) stamp(now time.Time) {
	d.facts.ResolvedAt, d.facts.SentAt, d.facts.ReceivedAt = d.answered(), timestamppb.New(now), timestamppb.New(now)
}

// answered is the time of the first resolution, if that found a consenting member here. Status gets it with delivery's answer,
// which saves status one write for an ordinary document.
func (d document) answered() *timestamppb.Timestamp {
	if !d.foundAtOnce {
		return nil
	}
	return timestamppb.New(d.resolvedAt)
}

// merged keeps one document per number, in the order of numbers: the most decisive one (deliver over close or expire over wait),
// and of several that say the same the one that was found out last.
func merged(documents []document) []document {
	rank := map[State]int{Delivered: 3, Depositing: 3, Failed: 3, Closed: 2, Expired: 2, Waiting: 1}
	best := map[string]document{}
	for _, d := range documents {
		if known, ok := best[d.number]; !ok || cmp.Or(cmp.Compare(rank[d.state], rank[known.state]), cmp.Compare(d.ordinal, known.ordinal)) > 0 {
			best[d.number] = d
		}
	}
	kept := make([]document, 0, len(best))
	for _, d := range best {
		kept = append(kept, d)
	}
	slices.SortFunc(kept, func(a, b document) int { return strings.Compare(a.number, b.number) })
	return kept
}

// outdatedOrdinal is the ordinal of the resolution if it is outdated, else 0.
func (d document) outdatedOrdinal() int32 {
	if !d.outdated {
		return 0
	}
	return int32(d.ordinal) //nolint:gosec // counts from 1
}

func numbersOf(documents []document) []string {
	numbers := make([]string, len(documents))
	for i, d := range documents {
		numbers[i] = d.number
	}
	return numbers
}
