package circulation

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// callKind says which of a record's two hub calls is meant.
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

// sql replaces ${call}_… by the names of the kind's columns of circulation_record.
func (k callKind) sql(statement string) string {
	return strings.ReplaceAll(statement, "${call}", k.String())
}

// callState is the state of a hub call, as stored (statements contain the numbers literally, for the partial indexes). doc.go
// draws the transitions.
type callState int16

const (
	waiting callState = iota
	due
	confirming
	done
	queued
	givenUp
)

// String is the state's name in metrics.
func (s callState) String() string {
	return [...]string{"WAITING", "DUE", "CONFIRMING", "DONE", "QUEUED", "GIVEN_UP"}[s]
}

// Results of the hub (hub-interface 7.3 and 7.4).
const (
	resultLeftOut     = 0
	resultRegistered  = 1
	resultAlready     = 2
	resultTimes       = 3 // times out of order: no time of ours ever changes
	resultNoSender    = 4 // of the registration: the sender's address did not exist
	resultNoRecord    = 4 // of the read-time call
	resultNoRecipient = 5 // of the registration: the recipient's address did not exist
	resultPlatforms   = 7 // of the registration: this and 6 say that a platform is not known
)

// call is a claimed hub call with the record it is about.
type call struct {
	record
	kind callKind
	// attempt is the number of this claim.
	attempt int
	// ineffective counts earlier attempts that certainly changed nothing at the hub.
	ineffective int
	// refusals counts the answers in a row that the hub may change; refusedSince is when the first of them was, zero for none;
	// refusal is the last of them.
	refusals     int
	refusedSince time.Time
	refusal      string
	// digest of the content; nil before the first attempt.
	digest []byte
	// acknowledged: the hub has it already; this call checks again.
	acknowledged bool
	cause        uuid.UUID
	traceparent  string
}

// mayHaveTakenEffect reports whether an earlier attempt (they all have the same content) can have made what the hub calls already
// registered.
func (c call) mayHaveTakenEffect() bool {
	return c.digest != nil && c.attempt-1 > c.ineffective
}

// ordinal of the event about a refused attempt: odd for registrations, even for read times.
func (c call) ordinal() uint32 {
	n := 2 * c.attempt
	if c.kind == registration {
		n--
	}
	return uint32(n) //nolint:gosec // attempts are few
}

// sending says how far an attempt came.
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

// attempt is the result for one item of a call.
type attempt struct {
	call call
	// digest of the content that was, or would have been, sent.
	digest             []byte
	sending            sending
	result             int32
	exchange           string
	startedAt, endedAt time.Time
	// defect is why the item must not be sent at all; empty if it may be sent.
	defect string
	// code is the hub's own code of a refusal; final says that it is the hub unit's own, so that the same will be refused again.
	code  string
	final bool
}

// decision says what follows from an attempt.
type decision struct {
	next callState
	// wait before the call is due again.
	wait bool
	// effective is false if the attempt certainly changed nothing at the hub.
	effective bool
	// retried is set if the hub's answer may change; the call is then made again automatically.
	retried bool
	// recheck: the registration must be sent again first.
	recheck bool
	// reason says why the hub, or this unit, refuses the call: why it waits for a person, or is retried.
	reason string
}

// refusals configures how answers that may change are retried, and for how long.
type refusals struct {
	// patience is how long after the first such answer a person has to look.
	patience time.Duration
	// expiry is the moment up to which time has passed by both clocks (unit.Env.Expiry).
	expiry time.Time
}

// retry is the decision about an answer that may change.
func (r refusals) retry(a attempt, d decision) decision {
	d.retried = true
	if since := a.call.refusedSince; !since.IsZero() && !r.expiry.Before(since.Add(r.patience)) {
		return decision{next: queued, reason: d.reason, effective: d.effective}
	}
	return d
}

// decide says what follows from an attempt. Final is only what no time can change: a content that must not be sent, times out of
// order, and a record that the hub has from somebody else.
func (a attempt) decide(r refusals) decision {
	switch {
	case a.defect != "":
		return decision{next: queued, reason: a.defect}
	case a.sending == unsent:
		return decision{next: due, wait: true}
	case a.sending == refusedAlone && a.final:
		return decision{next: queued, reason: "HUB_REFUSED" + suffix(a.code)}
	case a.sending == refusedAlone:
		return r.retry(a, decision{next: due, reason: "HUB_REFUSED" + suffix(a.code), effective: true})
	case a.sending != answered:
		return decision{next: due, wait: true, effective: true}
	case a.call.kind == readTime:
		return a.decideReadTime(r)
	default:
		return a.decideRegistration(r)
	}
}

func (a attempt) decideRegistration(r refusals) decision {
	switch {
	case a.result == resultRegistered, a.result == resultAlready && a.call.mayHaveTakenEffect():
		return decision{next: done, effective: true}
	case a.result == resultAlready, a.result == resultTimes:
		return decision{next: queued, reason: resultReason(a.result)}
	case a.result == resultNoSender, a.result == resultNoRecipient:
		return r.retry(a, decision{next: confirming, reason: resultReason(a.result)})
	default:
		// The code is unknown, so the hub may have stored the record.
		return r.retry(a, decision{next: due, reason: resultReason(a.result), effective: a.result > resultPlatforms})
	}
}

func (a attempt) decideReadTime(r refusals) decision {
	switch a.result {
	case resultRegistered, resultAlready:
		return decision{next: done, effective: true}
	case resultTimes:
		return decision{next: queued, reason: resultReason(a.result)}
	case resultNoRecord:
		return r.retry(a, decision{next: waiting, recheck: true, reason: resultReason(a.result)})
	default:
		return r.retry(a, decision{next: due, reason: resultReason(a.result), effective: true})
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
