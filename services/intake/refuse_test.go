package intake

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Each reason to refuse an item has its own code and names its field; nothing of a refused item is stored.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := newArchive(t, w.archive.at)
	otherSigner := &archive{root: w.archive.root, signer: archivecert.Signer(w.archive.root.Signer(t, "시험용 다른 보관소", w.archive.at)), at: w.archive.at}
	expired := &archive{root: w.archive.root, at: w.archive.at, signer: archivecert.Signer(w.archive.root.Signer(t, archiveName, w.archive.at,
		func(c *x509.Certificate) { c.NotAfter = w.archive.at.Add(-time.Second) }))}
	original, err := archivecert.IssueOriginal(archivecert.Statement{
		CertificateNumber: "O-1", DocumentID: "doc-1", Issuer: archiveName, Owner: "가상상사", Hash: randomHash(),
		RegisteredAt: w.archive.at.Add(-time.Minute), ValidFrom: w.archive.at.Add(-time.Minute), ValidUntil: w.archive.at.AddDate(1, 0, 0),
	}, randomHash(), w.archive.signer, w.archive.at)
	require.NoError(t, err)
	certified := func(by *archive, edit ...func(*archivecert.Statement)) func(*intakev1.SendItem) {
		return func(i *intakev1.SendItem) {
			i.RegistrationCertificate = by.issue(t, i.GetDocumentHash().GetValue(), edit...)
		}
	}
	foreign := unittest.NewID()
	w.join(t, unittest.NewID(), foreign)

	for _, tc := range []struct {
		name           string
		edit           func(*intakev1.SendItem)
		reason, fields string
	}{
		{"many rules", func(i *intakev1.SendItem) {
			i.OwnKey, i.Title, i.DocumentHash.Value, i.Viewing.Url = " own", "", "AB", "http://view.example"
		}, "INVALID_ITEM", "ownKey title documentHash.value viewing.url"},
		{"nothing", func(i *intakev1.SendItem) { proto.Reset(i) }, "INVALID_ITEM", ""},
		{"two recipients", func(i *intakev1.SendItem) { i.Recipient.BusinessNumber = proto.String("1234567891") }, "INVALID_ITEM", "recipient"},
		{"no recipient", func(i *intakev1.SendItem) { i.Recipient = nil }, "INVALID_ITEM", "recipient"},
		{"no certificate", func(i *intakev1.SendItem) { i.RegistrationCertificate = nil }, "INVALID_ITEM", "."},
		{"control character in a name", func(i *intakev1.SendItem) {
			i.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: "가\x07나", BirthDate: "19900101", Phone: "01000000000"}}
		}, "INVALID_ITEM", "recipient.person.name"},
		{"a broken rule and a passed deadline are told together", func(i *intakev1.SendItem) {
			i.OwnKey, i.SendDeadline = "no key", timestamppb.New(w.archive.at)
		}, "INVALID_ITEM", "ownKey sendDeadline"},
		{"a broken rule and a certificate of nobody's are told together", func(i *intakev1.SendItem) {
			i.OwnKey, i.RegistrationCertificate = "no key", []byte("certificate")
		}, "INVALID_ITEM", "ownKey registrationCertificate"},
		{"an unreadable hash alone is told, not that the certificate is about another", func(i *intakev1.SendItem) {
			i.DocumentHash.Value = "zz"
		}, "INVALID_ITEM", "documentHash.value"},
		{"deadlines passed and too far", func(i *intakev1.SendItem) {
			i.SendDeadline, i.Viewing.Deadline = timestamppb.New(w.archive.at), timestamppb.New(w.archive.at.Add(401*24*time.Hour))
		}, "INVALID_ITEM", "sendDeadline viewing.deadline"},
		{"send deadline too far", func(i *intakev1.SendItem) {
			i.SendDeadline = timestamppb.New(w.archive.at.Add(90*24*time.Hour + time.Microsecond))
		}, "INVALID_ITEM", "sendDeadline"},
		{"viewing system of another", func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = foreign }, "VIEWING_SYSTEM_FOREIGN", "viewing.viewingSystem"},
		{"unknown viewing system", func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = unittest.NewID() }, "VIEWING_SYSTEM_FOREIGN", "viewing.viewingSystem"},
		{"sender as viewing system", func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = w.sender }, "VIEWING_SYSTEM_FOREIGN", "viewing.viewingSystem"},
		{"repeats an unknown document", func(i *intakev1.SendItem) { i.Repeats = "20200101_NARU000001_0000000000001" }, "REPEATED_DOCUMENT_INVALID", "repeats"},
		{"certificate is noise", func(i *intakev1.SendItem) { i.RegistrationCertificate = []byte("noise") }, "CERTIFICATE_MALFORMED", "registrationCertificate"},
		{"certificate of the other kind", func(i *intakev1.SendItem) { i.RegistrationCertificate = original }, "CERTIFICATE_MALFORMED", "registrationCertificate"},
		{"forged hash", func(i *intakev1.SendItem) {
			hash := randomHash()
			i.RegistrationCertificate = bytes.Replace(i.GetRegistrationCertificate(), []byte(i.GetDocumentHash().GetValue()), []byte(hash), 1)
			i.DocumentHash.Value = hash
		}, "CERTIFICATE_FORGED", "registrationCertificate"},
		{"foreign root", certified(stranger), "CERTIFICATE_FOREIGN", "registrationCertificate"},
		{"issuer not allowed", certified(otherSigner), "CERTIFICATE_FOREIGN", "registrationCertificate"},
		{"certificate expired", certified(w.archive, func(s *archivecert.Statement) { s.ValidUntil = w.archive.at.Add(-time.Microsecond) }), "CERTIFICATE_EXPIRED", "registrationCertificate"},
		{"certificate not valid yet", certified(w.archive, func(s *archivecert.Statement) { s.ValidFrom = w.archive.at.Add(time.Second) }), "CERTIFICATE_EXPIRED", "registrationCertificate"},
		{"signer expired", certified(expired), "CERTIFICATE_EXPIRED", "registrationCertificate"},
		{"about another document", func(i *intakev1.SendItem) { i.DocumentHash.Value = randomHash() }, "CERTIFICATE_HASH_DIFFERS", "registrationCertificate"},
		{"another algorithm", func(i *intakev1.SendItem) {
			i.DocumentHash = &platformv1.Digest{Algorithm: "SHA-512", Value: i.GetDocumentHash().GetValue() + i.GetDocumentHash().GetValue()}
		}, "INVALID_ITEM", "documentHash.algorithm documentHash.value"},
		{"an attachment's hash of another algorithm", func(i *intakev1.SendItem) {
			i.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-384", Value: strings.Repeat("ab", 48)}}
		}, "INVALID_ITEM", "attachmentHashes[0].algorithm attachmentHashes[0].value"},
		{"other attachments", certified(w.archive, func(s *archivecert.Statement) { s.AttachmentHashes = []string{randomHash()} }), "CERTIFICATE_HASH_DIFFERS", "registrationCertificate"},
		{"attachments that the archive has not registered", func(i *intakev1.SendItem) {
			i.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-256", Value: randomHash()}}
		}, "CERTIFICATE_HASH_DIFFERS", "registrationCertificate"},
		{"a title that shows nothing", func(i *intakev1.SendItem) { i.Title = "\u00a0\u3164" }, "INVALID_ITEM", "title"},
		{"a name that shows nothing", func(i *intakev1.SendItem) {
			i.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: "\u00a0", BirthDate: "19900101", Phone: "01000000000"}}
		}, "INVALID_ITEM", "recipient.person.name"},
		{"a title whose direction turns", func(i *intakev1.SendItem) { i.Title = "청구\u202e서" }, "INVALID_ITEM", "title"},
		{"a URL without a host", func(i *intakev1.SendItem) { i.Viewing.Url = "https:///doc" }, "INVALID_ITEM", "viewing.url"},
		{"a URL of nothing but a port", func(i *intakev1.SendItem) { i.Viewing.Url = "https://:8443/doc" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with an impossible port", func(i *intakev1.SendItem) { i.Viewing.Url = "https://view.example:99999/" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with port 0", func(i *intakev1.SendItem) { i.Viewing.Url = "https://view.example:0/" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with user information", func(i *intakev1.SendItem) { i.Viewing.Url = "https://naru.example@evil.example/" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with the relay's parameter", func(i *intakev1.SendItem) { i.Viewing.Url = "https://view.example/?a=1&%74oken=x" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with a host that is no name", func(i *intakev1.SendItem) { i.Viewing.Url = "https://view..example/" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with an address for nobody", func(i *intakev1.SendItem) { i.Viewing.Url = "https://0.0.0.0/" }, "INVALID_ITEM", "viewing.url"},
		{"a URL with user information, the relay's parameter and a host that is no name", func(i *intakev1.SendItem) {
			i.Viewing.Url = "https://naru@view..example/?token=x"
		}, "INVALID_ITEM", "viewing.url viewing.url viewing.url"},
		{"another member's", certified(w.archive, func(s *archivecert.Statement) { s.Owner = "가상상사 주식회사" }), "CERTIFICATE_OWNER_DIFFERS", "registrationCertificate"},
		{"another member's, about another document", func(i *intakev1.SendItem) {
			i.RegistrationCertificate = w.archive.issue(t, randomHash(), func(s *archivecert.Statement) { s.Owner = "다른상사" })
		}, "CERTIFICATE_OWNER_DIFFERS", "registrationCertificate registrationCertificate"},
		{"never uploaded", func(i *intakev1.SendItem) {
			i.RegistrationCertificate, i.RegistrationCertificateDigest = nil, randomHash()
		}, "CERTIFICATE_NOT_UPLOADED", "registrationCertificateDigest"},
		{"several things", func(i *intakev1.SendItem) {
			i.Viewing.ViewingSystem, i.DocumentHash.Value, i.Repeats = foreign, randomHash(), "20200101_NARU000001_0000000000001"
		}, "VIEWING_SYSTEM_FOREIGN", "viewing.viewingSystem registrationCertificate repeats"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			item := w.item(t, "own-1", tc.edit)
			refusal := w.refused(t, item)
			require.Equal(t, tc.reason, refusal.Reason)
			require.Equal(t, fault.Invalid, refusal.Kind)
			require.Equal(t, "intake", refusal.Domain)
			if tc.fields != "" {
				require.Equal(t, placed("item", tc.fields), fieldsOf(refusal.Violations))
			}
			require.NotEmpty(t, refusal.Violations)
			for _, v := range refusal.Violations {
				require.NotEmpty(t, v.Rule)
				require.NotEmpty(t, v.Message)
			}
			batch, err := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{{}, item}})
			require.NoError(t, err)
			outcome := batch.GetOutcomes()[1].GetRefused()
			require.Equal(t, tc.reason, outcome.GetReason())
			require.Len(t, outcome.GetViolations(), len(refusal.Violations))
			for i, v := range refusal.Violations {
				require.Equal(t, "items[1]"+strings.TrimPrefix(v.Field, "item"), outcome.GetViolations()[i].GetField())
			}
			for _, table := range []string{"own_key", "document"} {
				require.Zero(t, w.count(t, table), table)
			}
			require.Empty(t, w.Stated(t, &intakev1.DocumentAccepted{}))
		})
	}
}

// placed prefixes paths inside an item, separated by spaces, with the item's own path; "." is the item itself.
func placed(place, fields string) string {
	paths := strings.Fields(fields)
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(place+"."+strings.TrimPrefix(path, "."), ".")
	}
	return strings.Join(paths, " ")
}

// An archive's key that is distrusted from a moment on is not believed, and one that will be is.
func TestDistrustedArchive(t *testing.T) {
	t.Parallel()
	a := newArchive(t, clock.System().Now())
	digest := sha256.Sum256(a.signer.Chain[0].RawSubjectPublicKeyInfo)
	der := a.issue(t, randomHash())
	judged := func(from time.Time) error {
		v, err := archivecert.New(archivecert.Options{Issuers: []archivecert.Issuer{{Name: archiveName, Profile: archivecert.Format, Roots: a.root.Pool()}}, Clock: clock.System(),
			Revocations: cms.NewRevocations(cms.RevocationConfig{Distrusted: []cms.Distrusted{{SPKI: hex.EncodeToString(digest[:]), From: from}}})})
		require.NoError(t, err)
		_, err = v.Registration(der, a.at)
		return err
	}
	require.NoError(t, judged(a.at.Add(time.Hour)))
	found := certificateFinding(fieldCertificate, judged(a.at.Add(-time.Hour)))
	require.Equal(t, intakev1.Reason_REASON_CERTIFICATE_REVOKED, found.reason)
	require.Equal(t, "certificate.revoked", found.where.Rule)
}

// The attachments that the certificate lists must be exactly the item's.
func TestAttachments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attachment := randomHash()
	w.send(t, w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-256", Value: attachment}}
		i.RegistrationCertificate = w.archive.issue(t, i.GetDocumentHash().GetValue(), func(s *archivecert.Statement) { s.AttachmentHashes = []string{attachment} })
	}))
	require.Equal(t, "CERTIFICATE_HASH_DIFFERS", w.refused(t, w.item(t, "own-2", func(i *intakev1.SendItem) {
		i.RegistrationCertificate = w.archive.issue(t, i.GetDocumentHash().GetValue(), func(s *archivecert.Statement) { s.AttachmentHashes = []string{attachment} })
	})).Reason)
}

// A sender without a registered address is told so. It may send as soon as the address is registered, and no longer after its
// withdrawal.
func TestSenderAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sender, system := unittest.NewID(), unittest.NewID()
	client := intakev1.NewIntakeServiceClient(w.Sender(t, sender))
	send := func(key string) string {
		_, err := client.Send(t.Context(), &intakev1.SendRequest{Item: w.item(t, key, func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = system })})
		return fault.ReasonOf(err)
	}
	require.Equal(t, "SENDER_ADDRESS_NOT_REGISTERED", send("own-1"), "nobody knows the sender")
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS,
		w.principal(1, &gatewayv1.PrincipalChanged{Id: sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: "a@x"}),
		w.principal(1, &gatewayv1.PrincipalChanged{Id: system, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: []string{sender}}))
	require.Equal(t, "SENDER_ADDRESS_NOT_REGISTERED", send("own-1"))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, sender, 1, membership(archiveName, memberName)))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.registered(sender, "a@x", w.archive.at.Add(time.Minute)))
	require.Equal(t, "SENDER_ADDRESS_NOT_REGISTERED", send("own-1"), "registered from a later time on")
	w.Advance(t, time.Minute)
	require.Empty(t, send("own-1"))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.withdrawn(sender, "a@x", w.archive.at.Add(2*time.Minute)))
	w.Advance(t, time.Minute)
	require.Equal(t, "SENDER_ADDRESS_NOT_REGISTERED", send("own-2"))
}

// A suspended sender or viewing system is refused within a second.
func TestSuspension(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, w.item(t, "own-1"))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS,
		w.principal(2, &gatewayv1.PrincipalChanged{Id: w.system, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: []string{w.sender}, Suspended: true}))
	w.Advance(t, time.Second)
	require.Equal(t, "VIEWING_SYSTEM_FOREIGN", w.refused(t, w.item(t, "own-2")).Reason)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS,
		w.principal(2, &gatewayv1.PrincipalChanged{Id: w.sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: senderAddressText, Suspended: true}))
	w.Advance(t, time.Second)
	refusal := w.refused(t, w.item(t, "own-2"))
	require.Equal(t, fault.Denied, refusal.Kind)
	require.Equal(t, "SENDER_SUSPENDED", refusal.Reason)
}

// While the clock is not trusted, nothing that makes evidence is done.
func TestUntrustedClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	number := w.send(t, w.item(t, "own-1")).GetEdocNum()
	w.Clock.Advance(20 * time.Minute) // makes the last measurement too old
	_, sendErr := w.client.Send(t.Context(), &intakev1.SendRequest{Item: w.item(t, "own-2")})
	_, batchErr := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{w.item(t, "own-2")}})
	_, uploadErr := w.client.UploadRegistrationCertificate(t.Context(), &intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: w.archive.issue(t, randomHash())})
	_, cancelErr := w.client.Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
	for _, err := range []error{sendErr, batchErr, uploadErr, cancelErr} {
		require.ErrorIs(t, err, fault.Unavailable)
		require.Equal(t, "CLOCK_UNTRUSTED", fault.ReasonOf(err))
	}
	require.Equal(t, 1, w.count(t, "document"))
}

// A batch with too many bytes is refused as a whole, before any item is checked.
func TestBatchTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.item(t, "own-1", func(i *intakev1.SendItem) { i.RegistrationCertificate = bytes.Repeat([]byte{1}, 17<<10) })
	items := make([]*intakev1.SendItem, 1000)
	for i := range items {
		items[i] = item
	}
	_, err := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: items})
	require.Equal(t, "BATCH_TOO_LARGE", fault.ReasonOf(err))
	_, err = w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: make([]*intakev1.SendItem, 1001)})
	require.ErrorIs(t, err, fault.Invalid)
}

// Principals that are not senders cannot send, and only the named units can read documents.
func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := intakev1.NewIntakeServiceClient(w.ViewingSystem(t, w.system)).Send(t.Context(), &intakev1.SendRequest{Item: w.item(t, "own-1")})
	require.ErrorIs(t, err, fault.Denied)
	_, err = intakev1.NewIntakeLookupServiceClient(w.Unit(t, "viewing")).GetDocument(t.Context(), &intakev1.GetDocumentRequest{EdocNum: "20200101_NARU000001_0000000000001"})
	require.ErrorIs(t, err, fault.Denied)
	_, err = intakev1.NewIntakeServiceClient(w.Unit(t, "gateway")).Send(t.Context(), &intakev1.SendRequest{Item: w.item(t, "own-1")})
	require.ErrorIs(t, err, fault.Unauthenticated)
}

// A request without an item gets every rule of an item.
func TestNoItem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusal := w.refused(t, nil)
	require.Equal(t, "INVALID_ITEM", refusal.Reason)
	require.Contains(t, strings.Fields(fieldsOf(refusal.Violations)), "item.ownKey")
}
