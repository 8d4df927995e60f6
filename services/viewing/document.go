package viewing

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// document is what viewing keeps of a received document.
type document struct {
	number            id.EdocNumber
	sender            string
	lane              platformv1.Lane
	recipient         string
	address           string
	documentType      platformv1.DocumentType
	hash              *platformv1.Digest
	attachments       []*platformv1.Digest
	registered        *platformv1.Digest
	certificateDigest string
	// mode says who shows it; contents are its uploads and those of its attachments where this relay does.
	mode             platformv1.ViewingMode
	contents         []string
	system, url      string
	deadline         time.Time
	sentAt           time.Time
	receivedAt       time.Time
	sealedIdentifier []byte
	// receivedCommit is the commit of delivery's journal that states the receipt. It is set when the document is stored, not when
	// it is read.
	receivedCommit uuid.UUID
	cancelled      bool
}

// ownSystem names this relay's own viewing where others have the principal id of a viewing system.
const ownSystem = "relay"

// repeatWindow is how long the call that used a token gets the same answer again.
const repeatWindow = time.Minute

var (
	errClockBehind     = errors.New("the clock is behind a fact it has to answer")
	errFactsIncomplete = errors.New("facts of a received document are incomplete")
	// errFactsLater: only a newer version of this unit knows facts of this kind.
	errFactsLater = errors.New("facts of a received document are of a kind not known yet")
)

// documentOf takes out of the facts of a received document what viewing needs.
func documentOf(f *platformv1.DocumentFacts) (document, error) {
	number, err := id.ParseEdocNumber(f.GetEdocNum())
	if err != nil {
		return document{}, errFactsIncomplete
	}
	d := document{
		number: number, sender: f.GetSender(), lane: f.GetLane(), recipient: f.GetRecipient(), address: f.GetTo().GetAddress(),
		documentType: f.GetDocumentType(), hash: f.GetDocumentHash(), attachments: f.GetAttachmentHashes(), registered: f.GetRegisteredHash(),
		certificateDigest: f.GetRegistrationCertificateDigest(), system: f.GetViewingSystem(), url: f.GetViewingUrl(),
		sealedIdentifier: f.GetSealedViewingIdentifier(), mode: f.GetViewingMode(),
	}
	if d.mode == platformv1.ViewingMode_VIEWING_MODE_RELAY {
		d.system, d.contents = ownSystem, append([]string{f.GetDocumentContent()}, f.GetAttachmentContents()...)
	}
	for _, at := range []struct {
		from *timestamppb.Timestamp
		into *time.Time
	}{{f.GetViewingDeadline(), &d.deadline}, {f.GetSentAt(), &d.sentAt}, {f.GetReceivedAt(), &d.receivedAt}} {
		if !at.from.IsValid() {
			return document{}, errFactsIncomplete
		}
		*at.into = clock.Canonical(at.from.AsTime())
	}
	switch {
	case d.sender == "" || d.recipient == "" || d.address == "" || d.system == "" || len(d.sealedIdentifier) == 0 || !d.shownSomewhere(),
		d.hash.GetValue() == "" || d.registered.GetValue() == "" || d.certificateDigest == "":
		return document{}, errFactsIncomplete
	case d.mode != platformv1.ViewingMode_VIEWING_MODE_SENDER && d.mode != platformv1.ViewingMode_VIEWING_MODE_RELAY,
		d.documentType < platformv1.DocumentType_DOCUMENT_TYPE_GENERAL ||
			d.documentType > platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME:
		return document{}, errFactsLater
	}
	if d.lane != platformv1.Lane_LANE_BULK {
		d.lane = platformv1.Lane_LANE_EXPRESS
	}
	return d, nil
}

// shownSomewhere reports whether it is known where the document is to be seen. A mode that is not known yet says so by
// errFactsLater.
func (d document) shownSomewhere() bool {
	switch d.mode {
	case platformv1.ViewingMode_VIEWING_MODE_RELAY:
		return len(d.contents) == 1+len(d.attachments) && !slices.Contains(d.contents, "")
	case platformv1.ViewingMode_VIEWING_MODE_SENDER:
		return d.url != ""
	default:
		return true
	}
}

// keepsReadTime reports whether the document has a read time; a notice without read time (docType 2) has none.
func (d document) keepsReadTime() bool {
	return d.documentType != platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
}

// expiry is when a token given now ends: after its life, but not later than the viewing deadline.
func (d document) expiry(now time.Time) (time.Time, error) {
	switch {
	case d.cancelled:
		return time.Time{}, documentCancelled()
	case now.Before(d.receivedAt):
		return time.Time{}, unavailable("the relay's clock is behind", errClockBehind)
	}
	expires := now.Truncate(time.Second).Add(viewingtoken.Life)
	if deadline := d.deadline.Truncate(time.Second); deadline.Before(expires) {
		expires = deadline
	}
	if !now.Before(expires) {
		return time.Time{}, deadlinePassed()
	}
	return expires, nil
}

// digestText writes a digest as tables and evidence have it.
func digestText(d *platformv1.Digest) string { return d.GetAlgorithm() + ":" + d.GetValue() }

func digestOfText(s string) *platformv1.Digest {
	algorithm, value, _ := strings.Cut(s, ":")
	return &platformv1.Digest{Algorithm: algorithm, Value: value}
}

func digestsText(digests []*platformv1.Digest) string {
	texts := make([]string, len(digests))
	for i, d := range digests {
		texts[i] = digestText(d)
	}
	return strings.Join(texts, ",")
}

func digestsOfText(s string) []*platformv1.Digest {
	if s == "" {
		return nil
	}
	var digests []*platformv1.Digest
	for text := range strings.SplitSeq(s, ",") {
		digests = append(digests, digestOfText(text))
	}
	return digests
}

// outcome is the result of a token check or a read report.
type outcome string

// Outcomes of token checks, and after them those of read reports; ACCEPTED and REPEATED are of both.
const (
	accepted  outcome = "ACCEPTED"
	repeated  outcome = "REPEATED"
	malformed outcome = "MALFORMED"
	forged    outcome = "FORGED"
	expired   outcome = "EXPIRED"
	foreign   outcome = "FOREIGN"
	replayed  outcome = "REPLAYED"
	// unauthorised: of an organisation, got by a person who may not act for it any more.
	unauthorised outcome = "NOT_AUTHORISED"

	// differs: a good report that says something else than the first accepted one.
	differs             outcome = "DIFFERS"
	verificationUnknown outcome = "VERIFICATION_UNKNOWN"
	outOfWindow         outcome = "OUT_OF_WINDOW"
	shownHashDiffers    outcome = "SHOWN_HASH_DIFFERS"
	readTimeNotKept     outcome = "READ_TIME_NOT_KEPT"
)

// verification is an accepted check of a token.
type verification struct {
	id         uuid.UUID
	verifiedAt time.Time
}

// explain finds out why a check's token could not be used.
func (c *check) explain(token tokenState, issued bool) {
	switch {
	case !issued:
		c.became = forged
	case token.usedAt != nil && token.repeatedBy(c):
		c.became, c.verification = repeated, verification{id: *token.verification, verifiedAt: token.usedAt.UTC()}
	case token.usedAt != nil:
		c.became = replayed
	case !c.at.Before(token.expiresAt):
		c.became = expired
	default:
		c.failure = unavailable("the relay's clock is behind", errClockBehind)
	}
}

// repeatedBy reports whether a check repeats the very call that used the token.
func (s tokenState) repeatedBy(c *check) bool {
	return s.requestID != nil && *s.requestID == c.requestID && s.verification != nil && c.at.Sub(*s.usedAt) <= repeatWindow
}

// report is what a viewing system says about a reading.
type report struct {
	number       id.EdocNumber
	verification uuid.UUID
	system       string
	readAt       time.Time
	shown        *platformv1.Digest
	logDigest    string
	// sentAt is the reporter's clock when it sent the report; zero if it did not say.
	sentAt time.Time
}

// judge checks a report about a known verification against the document and the times; arrival is when it came, and ahead is how
// far the reporter's clock may be ahead.
func (r report) judge(d document, verifiedAt, arrival time.Time, ahead time.Duration) outcome {
	unit := precision(r.readAt)
	read := r.readAt.Truncate(unit)
	switch {
	case !d.keepsReadTime():
		return readTimeNotKept
	case r.shown.GetAlgorithm() != d.hash.GetAlgorithm() || r.shown.GetValue() != d.hash.GetValue():
		return shownHashDiffers
	case read.Before(verifiedAt.Truncate(unit)), read.After(arrival.Add(ahead).Truncate(unit)):
		return outOfWindow
	default:
		return accepted
	}
}

// after is the outcome of a good report that comes after the one that counts.
func (r report) after(earlier readTime) outcome {
	if r.verification == earlier.verification && r.readAt.Equal(earlier.readAt) && r.logDigest == earlier.logDigest {
		return repeated
	}
	return differs
}

// precision is the unit in which a reporter wrote a time: a Timestamp is written with 0, 3, 6 or 9 digits, and six are kept.
func precision(t time.Time) time.Duration {
	for _, unit := range []time.Duration{time.Second, time.Millisecond} {
		if t.Nanosecond()%int(unit) == 0 {
			return unit
		}
	}
	return time.Microsecond
}
