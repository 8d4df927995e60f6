package status

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// kind is the code of a timeline entry's kind; table timeline_kind names them.
type kind int16

const (
	accepted              kind = 10
	cancelRequested       kind = 20
	recipientResolved     kind = 30
	recipientInvited      kind = 35
	recipientUnreachable  kind = 36
	cancelledByAddress    kind = 40
	documentDeposited     kind = 50
	documentReceived      kind = 60
	noticeGiven           kind = 70
	deliveryExpired       kind = 80
	deliveryFailed        kind = 90
	cancelledByDelivery   kind = 100
	cancelRefused         kind = 110
	tokenIssued           kind = 120
	tokenVerified         kind = 130
	documentRead          kind = 140
	circulationRegistered kind = 150
	readTimeRegistered    kind = 160
	circulationRefused    kind = 170
	circulationGivenUp    kind = 175
	certificateIssued     kind = 180
	certificateFailed     kind = 190
	bundleIssued          kind = 200
	bundleFailed          kind = 210
)

// ordinary reports a kind of the ordinary path: such a fact happens once, by a known actor if any, and is stored in the summary.
func (k kind) ordinary() bool {
	switch k {
	case accepted, documentReceived, noticeGiven, documentRead, circulationRegistered, readTimeRegistered:
		return true
	default:
		return false
	}
}

// ofUnit is the actor of a unit's own facts.
func ofUnit(name string) string { return "unit:" + name }

// entry is one fact in the timeline. Its identity is number, kind and ordinal.
type entry struct {
	kind           kind
	number         string
	ordinal        int32
	occurredAt     time.Time
	recordedAt     time.Time
	acknowledgedAt time.Time
	actor          string
	details        map[string]string
}

// fact is one event of a kind: its entry, and what it adds to the summary. Which fields are used depends on the kind.
type fact struct {
	entry
	sender uuid.UUID
	// frame is the frame that brought it.
	frame uuid.UUID
	// document is set for facts about the document itself.
	document *platformv1.DocumentFacts
	// resolvedAt is when the first resolution found the recipient here, if the fact answers that resolution.
	resolvedAt time.Time
	// resolution is naru.address.v1.Resolution.
	resolution int16
	// depositing: found here, and deposited at the archive before it is delivered.
	depositing bool
	// reason of a failure or of a refusal.
	reason string
	// result of the hub; readTime says of which call. retried: a refused call goes again by itself.
	result            int16
	readTime, retried bool
	// silent: no summary changes, so the fact needs no sender.
	silent bool
}

// causes are the kinds that come before a kind, whatever the clocks say: each time is told by its own clock, the hub's among
// them.
func (k kind) causes() []kind {
	switch k {
	case accepted:
		return nil
	case recipientInvited, recipientUnreachable:
		return []kind{accepted, recipientResolved}
	case noticeGiven, tokenIssued, circulationRegistered, circulationRefused:
		return []kind{accepted, documentReceived}
	case tokenVerified:
		return []kind{accepted, tokenIssued}
	case documentRead:
		return []kind{accepted, documentReceived, tokenVerified}
	case readTimeRegistered:
		return []kind{documentRead, circulationRegistered}
	case certificateIssued, certificateFailed, bundleIssued, bundleFailed:
		return []kind{accepted, circulationRegistered}
	default:
		return []kind{accepted}
	}
}

// inOrder sorts a timeline by the time of occurrence, and no entry before the first of each of its causes. No time changes by
// that.
func inOrder(entries []entry) []entry {
	byKind := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), a.occurredAt.Compare(b.occurredAt), cmp.Compare(a.ordinal, b.ordinal))
	}
	slices.SortFunc(entries, byKind)
	// A cause has a lower code than what follows from it.
	places, first := make(map[*entry]time.Time, len(entries)), map[kind]time.Time{}
	order := make([]*entry, len(entries))
	for i := range entries {
		e := &entries[i]
		place := e.occurredAt
		for _, cause := range e.kind.causes() {
			if at, known := first[cause]; known && at.After(place) {
				place = at
			}
		}
		if _, known := first[e.kind]; !known {
			first[e.kind] = place
		}
		order[i], places[e] = e, place
	}
	slices.SortStableFunc(order, func(a, b *entry) int { return places[a].Compare(places[b]) })
	sorted := make([]entry, len(order))
	for i, e := range order {
		sorted[i] = *e
	}
	return sorted
}

// rounds sorts facts of one kind by number and divides them so that each round has a number once, because a statement may merge a
// row only once. A repeated fact is in one round only. There is nearly always one round.
func rounds(facts []fact) [][]fact {
	slices.SortStableFunc(facts, func(a, b fact) int { return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.ordinal, b.ordinal)) })
	facts = slices.CompactFunc(facts, func(a, b fact) bool { return a.number == b.number && a.ordinal == b.ordinal })
	var cut [][]fact
	turn := 0
	for i, f := range facts {
		if turn++; i == 0 || facts[i-1].number != f.number {
			turn = 0
		}
		if turn == len(cut) {
			cut = append(cut, make([]fact, 0, len(facts)>>min(turn, 8)))
		}
		cut[turn] = append(cut[turn], f)
	}
	return cut
}

// summary is the sum of a document's timeline. A zero time is not known.
type summary struct {
	number, actor, ownKey, repeats string
	batch                          string
	sender                         uuid.UUID
	acceptedAt                     time.Time
	sendDeadline, viewingDeadline  time.Time
	sentAt, receivedAt, readAt     time.Time
	recipientAddress               string
	failureReason                  string
	cancelRefusedAt                time.Time
	invitedAt                      time.Time
	tokenIssuedAt, tokenVerifiedAt time.Time
	registration, readTime         hubAnswer
	state                          int16
	version                        int64
}

// hubAnswer is the hub's latest answer about one of the two calls.
type hubAnswer struct {
	result        int16
	registeredAt  time.Time
	refusedResult int16
	refusedAt     time.Time
	// refusal is what the hub has against it; retried says that it goes again by itself.
	refusal string
	retried bool
	// givenUp: an operator gave the call up.
	givenUp bool
}

// shown is the result that counts: the registration's if there is one, otherwise the latest refusal's.
func (a hubAnswer) shown() int16 {
	if a.registeredAt.IsZero() {
		return a.refusedResult
	}
	return a.result
}

// alreadyThere is the hub's result for what it has already.
const alreadyThere = 2

// standing is what became of a refusal.
type standing int

const (
	// settled: there is none, or the hub has taken it since.
	settled standing = iota
	// retried: it goes again by itself.
	retried
	// queued: it waits for a person.
	queued
	// givenUp: an operator gave the call up.
	givenUp
)

// standing is what became of the latest refusal. "The hub has it already" is a refusal only before the first registration. An
// operator who accepts it makes it a registration, acknowledged at the time of the hub's answer, which is before the refusal's
// time.
func (a hubAnswer) standing() standing {
	switch {
	case a.refusedResult == alreadyThere && !a.registeredAt.IsZero(), !a.refusedAt.After(a.registeredAt):
		return settled
	case a.givenUp:
		return givenUp
	case a.retried:
		return retried
	default:
		return queued
	}
}

// open are the calls with a refusal that is not settled, the read time's first. A registration that was checked again because the
// hub did not know the record at its read time, and was refused, counts no longer once the read time is registered.
func (s summary) open() []hubAnswer {
	var open []hubAnswer
	if s.readTime.standing() != settled {
		open = append(open, s.readTime)
	}
	if s.registration.standing() != settled && s.readTime.registeredAt.IsZero() {
		open = append(open, s.registration)
	}
	return open
}

// refused reports whether a refusal stands so.
func (s summary) refused(as standing) bool {
	return slices.ContainsFunc(s.open(), func(a hubAnswer) bool { return a.standing() == as })
}

// refusal is what the hub has against it, empty if nothing.
func (s summary) refusal() string {
	for _, a := range s.open() {
		return a.refusal
	}
	return ""
}
