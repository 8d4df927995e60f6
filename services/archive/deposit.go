package archive

import (
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// State of a document's deposit; doc.go draws the transitions.
type State string

// The states.
const (
	Due       State = "DUE"
	Deposited State = "DEPOSITED"
	Failed    State = "FAILED"
	Stopped   State = "STOPPED"
)

// document is a deposit as facts of others speak of it.
type document struct {
	number      string
	sender      string
	lane        platformv1.Lane
	facts       *platformv1.DocumentFacts
	ordinal     uint32
	choices     uint32
	resolvedAt  time.Time
	traceparent string
	// frame is what led to it.
	frame uuid.UUID
}

// attachments are the hashes of its attachments, in their order.
func (d document) attachments() []string {
	return pg.Column(d.facts.GetAttachmentHashes(), (*platformv1.Digest).GetValue)
}

// job is a claimed deposit.
type job struct {
	document
	attempt int
	owner   string
	// uncertain: the archive may hold a registration that is not known here.
	uncertain bool
}

// done is a deposit that was made.
type done struct {
	document
	archive, archiveDocument string
	registeredAt             time.Time
	digest                   string
	// attempt under which the certificate is kept.
	attempt     int
	depositedAt time.Time
}

// outcomeKind is what came of an attempt.
type outcomeKind string

const (
	// deposited: the certificate is good.
	deposited outcomeKind = "deposited"
	// wrong: the certificate is not good; another attempt may get a better one.
	wrong outcomeKind = "wrong_certificate"
	// away: the archive was not reached, or did not take or answer the call.
	away outcomeKind = "archive_away"
	// unread: the content cannot be read now.
	unread outcomeKind = "content_away"
	// refused: the archive will never take the document.
	refused outcomeKind = "refused"
	// lost: the content is gone or damaged.
	lost outcomeKind = "content_lost"
)

// outcome of one attempt.
type outcome struct {
	kind outcomeKind
	// detail is for an operator; empty for a deposit that was made.
	detail string
	// uncertain: as of the job, from now on.
	uncertain    bool
	receipt      receipt
	registration *archivecert.Registration
	// other is a further registration of the document that the archive told of; nil for none.
	other *receipt
	at    time.Time
}

// final reports whether the document cannot be deposited at all, and why, as stated.
func (o outcome) final() (reason string, final bool) {
	switch o.kind {
	case refused:
		return becauseRefused(), true
	case lost:
		return becauseContentLost(), true
	case deposited, wrong, away, unread:
		return "", false
	default:
		return "", false
	}
}

// passing reports whether nothing is wrong with the document or its certificate: somebody is away.
func (o outcome) passing() bool { return o.kind == away || o.kind == unread }
