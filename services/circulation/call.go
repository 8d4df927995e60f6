package circulation

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// callKind is which of a record's two hub calls.
type callKind int16

const (
	registration callKind = 1
	readTime     callKind = 2
)

// String is the kind's name in columns and metrics.
func (k callKind) String() string {
	if k == readTime {
		return "read_time"
	}
	return "registration"
}

// sql puts the names of the kind's columns of circulation_record in place of ${call}_….
func (k callKind) sql(statement string) string {
	return strings.ReplaceAll(statement, "${call}", k.String())
}

// callState is where a hub call stands, as it is stored (statements have the numbers in clear, for the partial indexes); doc.go draws how
// they follow each other.
type callState int16

const (
	waiting callState = iota
	due
	confirming
	done
	queued
)

// String is the state's name in metrics.
func (s callState) String() string {
	return [...]string{"WAITING", "DUE", "CONFIRMING", "DONE", "QUEUED"}[s]
}

// Results of the hub (hub-interface 7.3 and 7.4).
const (
	resultLeftOut      = 0
	resultRegistered   = 1
	resultAlready      = 2
	resultNoRecord     = 4 // of the read-time call
	resultNoRecipients = 5 // of the registration: the recipient's address did not exist
)

// call is a claimed hub call with the record it is about.
type call struct {
	record
	kind callKind
	// attempt is the number of this claim.
	attempt int
	// ineffective counts earlier attempts that surely left nothing at the hub.
	ineffective   int
	confirmations int
	// digest of the content; nil before the first attempt.
	digest []byte
	// acknowledged: the hub has it already, this checks again.
	acknowledged bool
	cause        uuid.UUID
	traceparent  string
}

// mayHaveTakenEffect tells whether an earlier attempt, always of the same content, can be what the hub calls already registered.
func (c call) mayHaveTakenEffect() bool {
	return c.digest != nil && c.attempt-1 > c.ineffective
}

// ordinal of the event that tells of a refused attempt: odd for registrations, even for read times.
func (c call) ordinal() uint32 {
	n := 2 * c.attempt
	if c.kind == registration {
		n--
	}
	return uint32(n) //nolint:gosec // attempts are few
}

// sending is how far an attempt came.
type sending string

const (
	// unsent: the hub was not called, so the attempt does not count.
	unsent sending = ""
	// answered: with a result for this item.
	answered sending = "ANSWERED"
	// leftOut: the answer held no result for this item.
	leftOut sending = "LEFT_OUT"
	// refusedAlone: the hub refused a call that held nothing but this item.
	refusedAlone sending = "REFUSED"
	// unknown: no answer, or none that can be trusted.
	unknown sending = "UNKNOWN"
)

// attempt is what became of one item of a call.
type attempt struct {
	call call
	// digest of the content that was, or would have been, sent.
	digest             []byte
	sending            sending
	result             int32
	exchange           string
	startedAt, endedAt time.Time
	// defect is why it must not be sent at all; empty where it may.
	defect string
	// code is the hub's own code of a refusal.
	code string
}

// decision is what follows from an attempt.
type decision struct {
	next callState
	// wait before it is due again.
	wait bool
	// effective is false where the attempt surely left nothing at the hub.
	effective bool
	// confirm counts one more look into something missing.
	confirm bool
	// recheck: the registration is to be sent again first.
	recheck bool
	// reason it waits for a person.
	reason string
}

// decide says what follows from an attempt.
func (a attempt) decide(maxConfirmations int) decision {
	switch {
	case a.defect != "":
		return decision{next: queued, reason: a.defect}
	case a.sending == unsent:
		return decision{next: due, wait: true}
	case a.sending == refusedAlone:
		return decision{next: queued, reason: "HUB_REFUSED" + suffix(a.code), effective: true}
	case a.sending != answered:
		return decision{next: due, wait: true, effective: true}
	case a.call.kind == readTime:
		return a.decideReadTime(maxConfirmations)
	default:
		return a.decideRegistration(maxConfirmations)
	}
}

func (a attempt) decideRegistration(maxConfirmations int) decision {
	switch {
	case a.result == resultRegistered, a.result == resultAlready && a.call.mayHaveTakenEffect():
		return decision{next: done, effective: true}
	case a.result == resultNoRecipients && a.call.confirmations < maxConfirmations:
		return decision{next: confirming, confirm: true}
	default:
		return decision{next: queued, reason: resultReason(a.result)}
	}
}

func (a attempt) decideReadTime(maxConfirmations int) decision {
	switch {
	case a.result == resultRegistered, a.result == resultAlready:
		return decision{next: done, effective: true}
	case a.result == resultNoRecord && a.call.confirmations < maxConfirmations:
		return decision{next: waiting, confirm: true, recheck: true}
	default:
		return decision{next: queued, reason: resultReason(a.result)}
	}
}

func resultReason(result int32) string { return "HUB_RESULT_" + strconv.Itoa(int(result)) }

func suffix(code string) string {
	if code == "" {
		return ""
	}
	return ":" + code
}

// batch is the claimed calls of one kind and lane, sorted by number: one row of hub_call.
type batch struct {
	id    uuid.UUID
	kind  callKind
	lane  platformv1.Lane
	calls []call
}
