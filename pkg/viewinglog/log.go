// Package viewinglog makes and checks extracts of a viewing log (열람 기록 확인서): what a relay signs for the sender or the recipient
// of a document about who opened it and when.
//
// An extract is a compact JWS (RFC 7515, ES256), strict as package jws has it, with the header
// {"alg":"ES256","kid":"…","typ":"naru-viewing-log+jwt"}, over one JSON object (Log): without white space, its fields in their
// order, in UTF-8 with no character escaped that need not be. Any other spelling is refused, and so is a field that is not
// known. It is checked by these steps:
//
//  1. find the key named kid in the relay's key set, /.well-known/naru/viewing/jwks.json; its naru_purpose has to be
//     "viewing-log"; verify the JWS with it;
//  2. the entries are numbered one after the other from after + 1 on; more says whether there are others after them;
//  3. the times are in order: sent, received, each token given, opened with it, read, and the extract made after all.
//
// It names nobody but by what both parties know: the sender by its principal id, the recipient by the certified address it was
// sent to, a viewing system by its principal id. An extract for the recipient also has the recipient id of who opened the
// document, which for an organisation is the person that acted for it; one for the sender has not.
package viewinglog

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

const (
	// Format is the name of the format.
	Format = "naru-viewing-log/1"
	// Type is the typ of an extract, so that no other JWS of the relay can be taken for one.
	Type = "naru-viewing-log+jwt"
	// KeySetPath is where a relay publishes its keys.
	KeySetPath = "/.well-known/naru/viewing/jwks.json"
	// MaxEntries of one extract; a longer log is several.
	MaxEntries = 500
	// MaxBytes of an extract.
	MaxBytes = 512 << 10
)

var profile = jws.Profile{Type: Type, MaxBytes: MaxBytes}

// Party is for whom an extract was made.
type Party string

// The parties of a document.
const (
	Sender    Party = "sender"
	Recipient Party = "recipient"
)

// Log is what an extract says, in the order of its encoding. Times are RFC 3339 UTC with six fractional digits; see Time.
type Log struct {
	// Format is the constant Format.
	Format string `json:"format"`
	// Serial is the extract's own number, a UUID in lower case; the relay's evidence has it.
	Serial string `json:"serial"`
	MadeAt string `json:"madeAt"`
	For    Party  `json:"for"`

	EdocNum string `json:"edocNum"`
	// DocumentHash is that of the document as it was sent.
	DocumentHash Digest `json:"documentHash"`
	// Sender is its principal id, RecipientAddress the certified address that it was sent to.
	Sender           string `json:"sender"`
	RecipientAddress string `json:"recipientAddress"`
	SentAt           string `json:"sentAt"`
	ReceivedAt       string `json:"receivedAt"`

	// After is the number of the entry before the first, 0 where the extract begins with the first; More says that there are
	// entries after the last.
	After   int     `json:"after"`
	More    bool    `json:"more"`
	Entries []Entry `json:"entries"`
}

// Digest is a hash with its algorithm, lower-case hexadecimal, as in the API.
type Digest struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// Entry is one viewing token (열람인증토큰) and what became of it.
type Entry struct {
	// Number of the token; a document's are numbered from 1 on.
	Number  int    `json:"number"`
	GivenAt string `json:"givenAt"`
	// ViewingSystem for which it was given: a principal id, or "relay" for the relay's own viewing.
	ViewingSystem string `json:"viewingSystem"`
	// Person is the recipient id of who asked for it; only in an extract for the recipient.
	Person string `json:"person,omitempty"`
	// OpenedAt is when the token was used to open the document; absent for one that was not.
	OpenedAt string `json:"openedAt,omitempty"`
	// ReadAt is the document's read time (열람일시), at the token by which it was read.
	ReadAt string `json:"readAt,omitempty"`
}

// Time writes a time in the form of extracts.
func Time(t time.Time) string { return proof.Time(t) }

// ParseTime reads a time of an extract.
func ParseTime(text string) (time.Time, error) { return proof.ParseTime(text) }

// Sign makes an extract. It refuses one that Judge would refuse whatever the time is.
func Sign(key jws.Key, l Log) (string, error) {
	l.Format = Format
	if l.Entries == nil {
		l.Entries = []Entry{}
	}
	if err := errors.Join(l.form(), l.numbers(), l.times()); err != nil {
		return "", fmt.Errorf("sign viewing log of %s: %w", l.EdocNum, err)
	}
	said, err := proof.Encode(l)
	if err != nil {
		return "", fmt.Errorf("sign viewing log of %s: %w", l.EdocNum, err)
	}
	text, err := profile.Sign(key, said)
	if err != nil {
		return "", fmt.Errorf("sign viewing log of %s: %w", l.EdocNum, err)
	}
	return text, nil
}

// form reports a field that is not in its form.
func (l *Log) form() error {
	serial, err := uuid.Parse(l.Serial)
	switch {
	case l.Format != Format:
		return failed(ErrForm, "another format, or one of a later version")
	case err != nil || serial.String() != l.Serial:
		return failed(ErrForm, "the serial is no UUID in lower case")
	case l.For != Sender && l.For != Recipient:
		return failed(ErrForm, "it is for neither sender nor recipient")
	case l.DocumentHash.Algorithm == "" || l.DocumentHash.Value == "" || l.Sender == "" || l.RecipientAddress == "":
		return failed(ErrForm, "a field is empty")
	case l.Entries == nil || len(l.Entries) > MaxEntries:
		return failed(ErrForm, "no list of entries, or too many")
	case l.For == Sender && slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Person != "" }):
		return failed(ErrForm, "it tells the sender who acted for the recipient")
	case l.For == Recipient && slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Person == "" }):
		return failed(ErrForm, "it does not tell the recipient who asked for a token")
	case slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.ViewingSystem == "" }):
		return failed(ErrForm, "an entry names no viewing system")
	}
	if !l.Dated() {
		return failed(ErrForm, "a time is not in its form")
	}
	return nil
}

// Dated reports whether every time is in its form; the order of others says nothing.
func (l *Log) Dated() bool {
	return !slices.ContainsFunc(l.stated(), func(text string) bool {
		_, err := ParseTime(text)
		return err != nil
	})
}

// stated lists every time that is there.
func (l *Log) stated() []string {
	texts := []string{l.MadeAt, l.SentAt, l.ReceivedAt}
	for _, e := range l.Entries {
		texts = append(texts, e.GivenAt)
		texts = append(texts, slices.DeleteFunc([]string{e.OpenedAt, e.ReadAt}, func(text string) bool { return text == "" })...)
	}
	return texts
}

// numbers reports entries that are missing, or twice, and a document number that is none, or one of a day after it was sent.
func (l *Log) numbers() error {
	number, err := id.ParseEdocNumber(l.EdocNum)
	if err != nil {
		return failed(ErrNumbers, "no document number")
	}
	if sent, err := ParseTime(l.SentAt); err == nil && number.Date().After(sent) {
		return failed(ErrNumbers, "the document number is one of a later day than it was sent")
	}
	if l.After < 0 || l.More && len(l.Entries) == 0 {
		return failed(ErrNumbers, "the extract is no part of a log")
	}
	for i, e := range l.Entries {
		if e.Number != l.After+1+i {
			return failed(ErrNumbers, "the entries are not numbered one after the other")
		}
	}
	return nil
}

// clocksDiffer is how far the clock of a viewing system, which states the read time, may be ahead of the relay's.
const clocksDiffer = time.Minute

// times reports times that do not follow each other.
func (l *Log) times() error {
	if !l.Dated() {
		return nil
	}
	read := 0
	made, received := parsed(l.MadeAt), parsed(l.ReceivedAt)
	if parsed(l.SentAt).After(received) || received.After(made) {
		return failed(ErrTimes, "it was received before it was sent, or after the extract was made")
	}
	for _, e := range l.Entries {
		given := parsed(e.GivenAt)
		opened, wasOpened := parsed(e.OpenedAt), e.OpenedAt != ""
		switch {
		case given.Before(received), given.After(made):
			return failed(ErrTimes, "a token was given before the document was received, or after the extract was made")
		case wasOpened && opened.Before(given), wasOpened && opened.After(made):
			return failed(ErrTimes, "the document was opened before the token was given, or after the extract was made")
		case e.ReadAt == "":
		case !wasOpened:
			return failed(ErrTimes, "the document was read without being opened")
		// A read time has its reporter's precision, at least seconds.
		case parsed(e.ReadAt).Before(opened.Truncate(time.Second)), parsed(e.ReadAt).After(made.Add(clocksDiffer)):
			return failed(ErrTimes, "the document was read before it was opened, or after the extract was made")
		default:
			read++
		}
	}
	if read > 1 {
		return failed(ErrTimes, "the document has two read times")
	}
	return nil
}

func parsed(text string) time.Time {
	at, _ := ParseTime(text) // a text that is none is judged by its form
	return at
}
