package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// object is a JSON object under construction.
type object = map[string]any

// badItem changes a good item into a bad one.
type badItem struct {
	name   string
	change func(item object)
	// raw, if set, changes the encoded body.
	raw    func(good string) string
	reason string
	// status is 400 if it is not set.
	status int
	// fields are the paths of all faults.
	fields []string
}

// with sets members of an item. Nil removes a member; a dot in a name descends into a member.
func with(pairs ...any) func(object) {
	return func(item object) {
		for i := 0; i < len(pairs); i += 2 {
			set(item, pairs[i].(string), pairs[i+1])
		}
	}
}

func set(in object, path string, value any) {
	name, rest, deeper := strings.Cut(path, ".")
	if deeper {
		inner := maps.Clone(in[name].(object))
		set(inner, rest, value)
		in[name] = inner
		return
	}
	if value == nil {
		delete(in, name)
		return
	}
	in[name] = value
}

func replace(old, new string) func(string) string {
	return func(good string) string { return strings.Replace(good, old, new, 1) }
}

// malformed returns bodies that do not fit the message at all. The gateway refuses them.
func malformed() []badItem {
	const reason = "INVALID_REQUEST"
	return []badItem{
		{name: "unknown fields", reason: reason, change: with("colour", "unheard-of", "recipient.shoeSize", 44, "viewing.Url", "unheard-of"), fields: []string{"colour", "recipient.shoeSize", "viewing.Url"}},
		{name: "snake case", reason: reason, change: with("send_deadline", "2026-01-02T03:04:05Z"), fields: []string{"send_deadline"}},
		{name: "wrong types", reason: reason, change: with("title", 5, "recipient", "unheard-of", "withoutCirculation", "perhaps", "attachmentHashes", object{}, "documentType", 1, "viewing.url", []any{1}),
			fields: []string{"attachmentHashes", "documentType", "recipient", "title", "viewing.url", "withoutCirculation"}},
		{name: "wrong names, times and base64", reason: reason, change: with("documentType", "DOCUMENT_TYPE_ADVERTISEMENT", "category", "unheard-of", "sendDeadline", "tomorrow morning", "viewing.deadline", "2026-13-01T00:00:00Z", "registrationCertificate", "%%%-not-base64"),
			fields: []string{"category", "documentType", "registrationCertificate", "sendDeadline", "viewing.deadline"}},
		{name: "invalid UTF-8", reason: reason, raw: replace(`"title":"`, `"title":"`+"\xc3\x28\xff"), fields: []string{"title"}},
		{name: "half a surrogate pair", reason: reason, raw: replace(`"title":"`, `"title":"\ud800`), fields: []string{"title"}},
		{name: "U+0000", reason: reason, raw: replace(`"title":"`, `"title":"\u0000`), fields: []string{"title"}},
		{name: "a field twice", reason: reason, raw: replace(`{`, `{"title":"unheard-of",`), fields: []string{"title"}},
		{name: "an own key twice", reason: reason, raw: replace(`{`, `{"ownKey":"unheard-of",`), fields: []string{"ownKey"}},
		{name: "cut off", reason: reason, raw: func(good string) string { return good[:len(good)-1] }, fields: []string{""}},
		{name: "something after", reason: reason, raw: func(good string) string { return good + "{}" }, fields: []string{""}},
		{name: "a list", reason: reason, raw: func(good string) string { return "[" + good + "]" }, fields: []string{""}},
		{name: "no JSON", reason: reason, raw: func(string) string { return "own-key=unheard-of" }, fields: []string{""}},
		{name: "too deep", reason: reason, raw: replace(`{`, `{"colour":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,`), fields: []string{"colour", "colour" + strings.Repeat("[0]", 31)}},
		{name: "too large", reason: "BODY_TOO_LARGE", status: http.StatusRequestEntityTooLarge, raw: replace(`"title":"`, `"title":"`+strings.Repeat("unheard-of", 110_000))},
	}
}

// broken returns items that break a rule of their message. Intake refuses them.
func broken() []badItem {
	const reason = "INVALID_ITEM"
	hash := strings.Repeat("ab", 32)
	long := make([]any, 11)
	for i := range long {
		long[i] = object{"algorithm": "SHA-256", "value": hash}
	}
	return []badItem{
		{name: "own key too long", reason: reason, change: with("ownKey", strings.Repeat("k", 41)), fields: []string{"ownKey"}},
		{name: "own key of another alphabet", reason: reason, change: with("ownKey", "열쇠 하나"), fields: []string{"ownKey"}},
		{name: "no own key", reason: reason, change: with("ownKey", nil), fields: []string{"ownKey"}},
		{name: "no recipient", reason: reason, change: with("recipient", nil), fields: []string{"recipient"}},
		{name: "no kind of recipient", reason: reason, change: with("recipient", object{}), fields: []string{"recipient"}},
		{name: "two kinds of recipient", reason: reason, change: with("recipient.businessNumber", "1234567891"), fields: []string{"recipient"}},
		{name: "all kinds of recipient", reason: reason, change: with("recipient.businessNumber", "1234567891", "recipient.person", object{"name": "없는이", "birthDate": "19990101", "phone": "01000009999"},
			"recipient.platformAddress", object{"platformId": "p-1", "address": "a"}), fields: []string{"recipient"}},
		{name: "CI too short", reason: reason, change: with("recipient.ci", strings.Repeat("C", 85)+"=="), fields: []string{"recipient.ci"}},
		{name: "CI too long", reason: reason, change: with("recipient.ci", strings.Repeat("C", 87)+"=="), fields: []string{"recipient.ci"}},
		{name: "CI that is no 64 bytes", reason: reason, change: with("recipient.ci", strings.Repeat("C", 85)+"B=="), fields: []string{"recipient.ci"}},
		{name: "CI of another alphabet", reason: reason, change: with("recipient.ci", strings.Repeat("C", 80)+"-_-_-_=="), fields: []string{"recipient.ci"}},
		{name: "person", reason: reason, change: with("recipient", object{"person": object{"name": "", "birthDate": "19991301", "phone": "12-34"}}),
			fields: []string{"recipient.person.birthDate", "recipient.person.name", "recipient.person.phone"}},
		{name: "person's name too long", reason: reason, change: with("recipient", object{"person": object{"name": strings.Repeat("이", 41), "birthDate": "19990101", "phone": "01000009999"}}), fields: []string{"recipient.person.name"}},
		{name: "business number with another check digit", reason: reason, change: with("recipient", object{"businessNumber": "123-45-67890"}), fields: []string{"recipient.businessNumber"}},
		{name: "platform and address", reason: reason, change: with("recipient", object{"platformAddress": object{"platformId": "relay_01", "address": "with space", "subAddress": strings.Repeat("s", 101)}}),
			fields: []string{"recipient.platformAddress.address", "recipient.platformAddress.platformId", "recipient.platformAddress.subAddress"}},
		{name: "no title", reason: reason, change: with("title", ""), fields: []string{"title"}},
		{name: "title too long", reason: reason, change: with("title", strings.Repeat("제", 101)), fields: []string{"title"}},
		{name: "title with a line break", reason: reason, change: with("title", "first line\nsecond line"), fields: []string{"title"}},
		{name: "title that shows nothing", reason: reason, change: with("title", "\u00a0\u3000"), fields: []string{"title"}},
		{name: "title with a sign that turns the direction of writing", reason: reason, change: with("title", "bill \u202efdp"), fields: []string{"title"}},
		{name: "viewing URL with user information", reason: reason, change: with("viewing.url", "https://naru.example@viewing.example/"), fields: []string{"viewing.url"}},
		{name: "no kind of document", reason: reason, change: with("documentType", nil, "category", "DOCUMENT_CATEGORY_UNSPECIFIED"), fields: []string{"category", "documentType"}},
		{name: "no hash", reason: reason, change: with("documentHash", nil), fields: []string{"documentHash"}},
		{name: "another algorithm", reason: reason, change: with("documentHash.algorithm", "WHIRLPOOL"), fields: []string{"documentHash.algorithm"}},
		{name: "hash too short", reason: reason, change: with("documentHash.value", hash[:62]), fields: []string{"documentHash.value"}},
		{name: "hash of another alphabet", reason: reason, change: with("documentHash.value", strings.Repeat("AB", 32)), fields: []string{"documentHash.value"}},
		{name: "hash of another algorithm's length", reason: reason, change: with("documentHash.algorithm", "SHA-512"), fields: []string{"documentHash.algorithm"}},
		{name: "too many attachments", reason: reason, change: with("attachmentHashes", long), fields: []string{"attachmentHashes"}},
		{name: "an attachment's hash", reason: reason, change: with("attachmentHashes", []any{long[0], object{"algorithm": "SHA-256", "value": "zz" + hash[2:]}}), fields: []string{"attachmentHashes[1].value"}},
		{name: "no viewing", reason: reason, change: with("viewing", nil), fields: []string{"viewing"}},
		{name: "viewing URL without TLS", reason: reason, change: with("viewing.url", "http://viewing.example/secret-path"), fields: []string{"viewing.url"}},
		{name: "viewing URL that is none", reason: reason, change: with("viewing.url", "https://not a url"), fields: []string{"viewing.url"}},
		{name: "viewing URL too long", reason: reason, change: with("viewing.url", "https://viewing.example/"+strings.Repeat("p", 1000)), fields: []string{"viewing.url"}},
		{name: "viewing system that is no id", reason: reason, change: with("viewing.viewingSystem", "our-viewing-system"), fields: []string{"viewing.viewingSystem"}},
		{name: "sub-address", reason: reason, change: with("senderSubAddress", "two words"), fields: []string{"senderSubAddress"}},
		{name: "repeats what is no number", reason: reason, change: with("repeats", "the one before"), fields: []string{"repeats"}},
		{name: "no certificate", reason: reason, change: with("registrationCertificate", nil), fields: []string{""}},
		{name: "two certificates", reason: reason, change: with("registrationCertificateDigest", hash), fields: []string{""}},
		{name: "certificate too large", reason: reason, change: with("registrationCertificate", base64.StdEncoding.EncodeToString(make([]byte, 16385))), fields: []string{"registrationCertificate"}},
		{name: "digest that is none", reason: reason, change: with("registrationCertificate", nil, "registrationCertificateDigest", "deadbeef-dead"), fields: []string{"registrationCertificateDigest"}},
		{name: "many at once", reason: reason, change: with("title", "", "ownKey", "own key", "recipient.ci", "CICICICICI", "viewing.url", "ftp://viewing.example", "category", nil, "repeats", "the one before"),
			fields: []string{"category", "ownKey", "recipient.ci", "repeats", "title", "viewing.url"}},
	}
}

// refused returns items with a good form that the relay's state, the time or the certificate makes unacceptable.
func refused(t *testing.T, d *harness.Document) []badItem {
	t.Helper()
	certificates := newForger(t, d)
	elsewhere, system := stack.NewInstitution(t)
	require.NotNil(t, system)
	now := clock.System().Now()
	at := func(offset time.Duration) string { return apiTime(now.Add(offset)) }
	certificate := func(der []byte) func(object) {
		return with("registrationCertificate", base64.StdEncoding.EncodeToString(der))
	}
	const field = "registrationCertificate"
	return []badItem{
		{name: "send deadline passed", reason: "INVALID_ITEM", change: with("sendDeadline", at(-time.Second)), fields: []string{"sendDeadline"}},
		{name: "send deadline too far", reason: "INVALID_ITEM", change: with("sendDeadline", at(91*24*time.Hour)), fields: []string{"sendDeadline"}},
		{name: "viewing deadline passed", reason: "INVALID_ITEM", change: with("viewing.deadline", at(-time.Hour)), fields: []string{"viewing.deadline"}},
		{name: "viewing deadline too far", reason: "INVALID_ITEM", change: with("viewing.deadline", at(401*24*time.Hour)), fields: []string{"viewing.deadline"}},
		{name: "another's viewing system", reason: "VIEWING_SYSTEM_FOREIGN", change: with("viewing.viewingSystem", elsewhere.ViewingSystem), fields: []string{"viewing.viewingSystem"}},
		{name: "no viewing system", reason: "VIEWING_SYSTEM_FOREIGN", change: with("viewing.viewingSystem", uuid.NewString()), fields: []string{"viewing.viewingSystem"}},
		{name: "repeats nothing", reason: "REPEATED_DOCUMENT_INVALID", change: with("repeats", "20260101_NARU000001_9"+decimals(12)), fields: []string{"repeats"}},
		{name: "certificate that is none", reason: "CERTIFICATE_MALFORMED", change: certificate([]byte("no certificate at all")), fields: []string{field}},
		{name: "certificate cut off", reason: "CERTIFICATE_MALFORMED", change: certificate(d.Certificate[:len(d.Certificate)-1]), fields: []string{field}},
		{name: "forged content", reason: "CERTIFICATE_FORGED", change: certificate(certificates.changed(t)), fields: []string{field}},
		{name: "forged signature", reason: "CERTIFICATE_FORGED", change: certificate(append(bytes.Clone(d.Certificate[:len(d.Certificate)-1]), d.Certificate[len(d.Certificate)-1]^1)), fields: []string{field}},
		{name: "signer expired", reason: "CERTIFICATE_EXPIRED", change: certificate(certificates.expired(t)), fields: []string{field}},
		{name: "certificate expired", reason: "CERTIFICATE_EXPIRED", change: certificate(certificates.over(t)), fields: []string{field}},
		{name: "foreign root", reason: "CERTIFICATE_FOREIGN", change: certificate(certificates.foreign(t)), fields: []string{field}},
		{name: "signed by the hub", reason: "CERTIFICATE_FOREIGN", change: certificate(certificates.otherKind(t)), fields: []string{field}},
		{name: "about another document", reason: "CERTIFICATE_HASH_DIFFERS", change: with("documentHash.value", strings.Repeat("cd", 32)), fields: []string{field}},
		{name: "about no attachment", reason: "CERTIFICATE_HASH_DIFFERS", change: certificate(certificates.withAttachment(t)), fields: []string{field}},
		{name: "another member's", reason: "CERTIFICATE_OWNER_DIFFERS", change: certificate(certificates.ofAnother(t)), fields: []string{field}},
		{name: "not uploaded", reason: "CERTIFICATE_NOT_UPLOADED", change: with(field, nil, "registrationCertificateDigest", hex.EncodeToString(random(32))), fields: []string{"registrationCertificateDigest"}},
		{name: "all of it", reason: "INVALID_ITEM", change: func(item object) {
			with("sendDeadline", at(-time.Hour), "viewing.deadline", at(-time.Hour), "viewing.viewingSystem", elsewhere.ViewingSystem, "repeats", "20260101_NARU000001_9"+decimals(12))(item)
			certificate(certificates.foreign(t))(item)
		}, fields: []string{field, "repeats", "sendDeadline", "viewing.deadline", "viewing.viewingSystem"}},
	}
}

// forger makes certificates for a document that the relay must not trust.
type forger struct {
	store     *pki.Store
	document  *harness.Document
	statement archivecert.Statement
	now       time.Time
}

func newForger(t *testing.T, d *harness.Document) forger {
	t.Helper()
	store, err := pki.Open(pki.Options{Dir: filepath.Join(stack.Dir, "sandbox", "pki"), Clock: clock.System()})
	require.NoError(t, err)
	now := clock.System().Now()
	return forger{store, d, archivecert.Statement{
		CertificateNumber: "R-1", DocumentID: uuid.NewString(), Issuer: pki.ArchiveName, Owner: stack.ArchiveMember(t).Name, Hash: d.Hash,
		RegisteredAt: now.Add(-time.Hour), ValidFrom: now.Add(-time.Hour), ValidUntil: now.Add(time.Hour),
	}, now}
}

func (f forger) issue(t *testing.T, signer pki.Signer, change func(*archivecert.Statement)) []byte {
	t.Helper()
	statement := f.statement
	if change != nil {
		change(&statement)
	}
	der, err := archivecert.IssueRegistration(statement, archivecert.Signer(signer), statement.ValidFrom)
	require.NoError(t, err)
	return der
}

// changed changes one digit of a stated time and keeps the signature.
func (f forger) changed(t *testing.T) []byte {
	t.Helper()
	forged := bytes.Clone(f.document.Certificate)
	at := bytes.Index(forged, []byte(f.document.Hash))
	require.Positive(t, at)
	forged[at] = map[bool]byte{true: '1', false: '0'}[forged[at] == '0']
	return forged
}

func (f forger) expired(t *testing.T) []byte {
	t.Helper()
	signer, err := f.store.Expired(pki.Archive)
	require.NoError(t, err)
	return f.issue(t, signer, nil)
}

func (f forger) over(t *testing.T) []byte {
	t.Helper()
	return f.issue(t, f.store.Signer(pki.Archive), func(s *archivecert.Statement) { s.ValidUntil = f.now.Add(-time.Minute) })
}

// ofAnother is of another member of the archive.
func (f forger) ofAnother(t *testing.T) []byte {
	t.Helper()
	return f.issue(t, f.store.Signer(pki.Archive), func(s *archivecert.Statement) { s.Owner += " 지점" })
}

func (f forger) foreign(t *testing.T) []byte {
	t.Helper()
	signer, err := f.store.Foreign(pki.Archive)
	require.NoError(t, err)
	return f.issue(t, signer, nil)
}

func (f forger) otherKind(t *testing.T) []byte {
	t.Helper()
	return f.issue(t, f.store.Signer(pki.Hub), func(s *archivecert.Statement) { s.Issuer = pki.HubName })
}

func (f forger) withAttachment(t *testing.T) []byte {
	t.Helper()
	return f.issue(t, f.store.Signer(pki.Archive), func(s *archivecert.Statement) { s.AttachmentHashes = []string{strings.Repeat("ef", 32)} })
}
