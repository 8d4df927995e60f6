package circulation

import (
	"cmp"
	"slices"
	"time"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// record is what is known about one document's circulation. A zero time is not known yet.
type record struct {
	number string
	sender string
	lane   platformv1.Lane
	// facts hold everything but the times; nil until the document was received.
	facts                      *platformv1.DocumentFacts
	sentAt, receivedAt, readAt time.Time
	// cause and traceparent belong to the event with this content.
	cause, traceparent string
}

// recordOf reads a record out of an event's facts.
func recordOf(number string, f *platformv1.DocumentFacts) record {
	r := record{number: number, sender: f.GetSender(), facts: f}
	if f.GetSentAt().IsValid() {
		r.sentAt = f.GetSentAt().AsTime()
	}
	if f.GetReceivedAt().IsValid() {
		r.receivedAt = f.GetReceivedAt().AsTime()
	}
	return r
}

// merge adds what another event says about the same document: known facts stay, and the earliest times count.
func (r record) merge(other record) record {
	if r.facts == nil {
		r.facts = other.facts
	}
	r.sentAt, r.receivedAt, r.readAt = earliest(r.sentAt, other.sentAt), earliest(r.receivedAt, other.receivedAt), earliest(r.readAt, other.readAt)
	return r
}

// earliest is the earlier of two times, of which zero ones are unknown.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// merged keeps one record per number, in the order of numbers.
func merged(records []record) []record {
	slices.SortStableFunc(records, func(a, b record) int { return cmp.Compare(a.number, b.number) })
	kept := records[:0]
	for _, r := range records {
		if last := len(kept) - 1; last >= 0 && kept[last].number == r.number {
			kept[last] = kept[last].merge(r)
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// hasReadTime reports whether documents of this kind have a read time at the hub (docType 2 has none).
func hasReadTime(t platformv1.DocumentType) bool {
	return t != platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
}

// knownType reports whether this version knows the document type.
func knownType(t platformv1.DocumentType) bool {
	switch t {
	case platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, platformv1.DocumentType_DOCUMENT_TYPE_NOTICE,
		platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME:
		return true
	case platformv1.DocumentType_DOCUMENT_TYPE_UNSPECIFIED:
		return false
	default:
		return false
	}
}
