package intake

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/keys"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func fullItem() *intakev1.SendItem {
	at := time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)
	return &intakev1.SendItem{
		OwnKey: "own-1", Recipient: &platformv1.RecipientIdentifier{Ci: proto.String("ci")}, Title: "title",
		DocumentType: 1, Category: 2, DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: "aa"},
		AttachmentHashes: []*platformv1.Digest{{Algorithm: "SHA-256", Value: "bb"}},
		Viewing:          &intakev1.Viewing{Url: "https://a", ViewingSystem: "018F3C1E-0000-7000-8000-000000000001", Deadline: timestamppb.New(at)},
		SendDeadline:     timestamppb.New(at.Add(time.Hour)), RegistrationCertificate: []byte("certificate"), SenderSubAddress: "sub", Repeats: "number", Batch: "batch",
	}
}

// Everything in an item is part of its content, except how the certificate is given, the letter case of a UUID, and time below a
// microsecond.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	mac, err := store.MAC(t.Context(), "fingerprint")
	require.NoError(t, err)
	of := func(tenant string, item *intakev1.SendItem) string {
		return string(fingerprintOf(mac, tenant, authorisation.OfItem(item)))
	}
	base := of("tenant", fullItem())
	require.Len(t, base, 32)
	require.NotEqual(t, base, of("other", fullItem()))
	seen := map[string]string{base: "base"}
	for name, edit := range map[string]func(*intakev1.SendItem){
		"own key": func(i *intakev1.SendItem) { i.OwnKey = "own-2" },
		"ci":      func(i *intakev1.SendItem) { i.Recipient.Ci = proto.String("ci2") },
		"business number": func(i *intakev1.SendItem) {
			i.Recipient = &platformv1.RecipientIdentifier{BusinessNumber: proto.String("ci")}
		},
		"person":              func(i *intakev1.SendItem) { i.Recipient = person("a", "b", "c") },
		"person's parts":      func(i *intakev1.SendItem) { i.Recipient = person("a", "bc", "") },
		"address":             func(i *intakev1.SendItem) { i.Recipient = address("a", "b", "c") },
		"title":               func(i *intakev1.SendItem) { i.Title = "title2" },
		"type":                func(i *intakev1.SendItem) { i.DocumentType = 2 },
		"category":            func(i *intakev1.SendItem) { i.Category = 1 },
		"circulation":         func(i *intakev1.SendItem) { i.WithoutCirculation = true },
		"hash":                func(i *intakev1.SendItem) { i.DocumentHash.Value = "ab" },
		"algorithm":           func(i *intakev1.SendItem) { i.DocumentHash.Algorithm = "SHA-512" },
		"attachment":          func(i *intakev1.SendItem) { i.AttachmentHashes[0].Value = "bc" },
		"no attachment":       func(i *intakev1.SendItem) { i.AttachmentHashes = nil },
		"url":                 func(i *intakev1.SendItem) { i.Viewing.Url = "https://b" },
		"viewing system":      func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = "018F3C1E-0000-7000-8000-000000000002" },
		"viewing deadline":    func(i *intakev1.SendItem) { i.Viewing.Deadline.Nanos += 1000 },
		"no viewing deadline": func(i *intakev1.SendItem) { i.Viewing.Deadline = nil },
		"send deadline":       func(i *intakev1.SendItem) { i.SendDeadline.Seconds++ },
		"no send deadline":    func(i *intakev1.SendItem) { i.SendDeadline = nil },
		"certificate":         func(i *intakev1.SendItem) { i.RegistrationCertificate = []byte("other") },
		"sub-address":         func(i *intakev1.SendItem) { i.SenderSubAddress = "" },
		"repeats":             func(i *intakev1.SendItem) { i.Repeats = "" },
		"batch":               func(i *intakev1.SendItem) { i.Batch = "" },
		"content":             func(i *intakev1.SendItem) { i.Content = "018f3c1e-0000-7000-8000-000000000003" },
		"attachment contents": func(i *intakev1.SendItem) { i.AttachmentContents = []string{"018f3c1e-0000-7000-8000-000000000003"} },
		"phone":               func(i *intakev1.SendItem) { i.Contact = &platformv1.Contact{Phone: "01012345678"} },
		"e-mail":              func(i *intakev1.SendItem) { i.Contact = &platformv1.Contact{Email: "01012345678"} },
	} {
		item := fullItem()
		edit(item)
		got := of("tenant", item)
		require.Empty(t, seen[got], name)
		seen[got] = name
	}
	same := fullItem()
	same.RegistrationCertificate, same.RegistrationCertificateDigest = nil, digestOf([]byte("certificate"))
	same.Viewing.ViewingSystem = "018f3c1e-0000-7000-8000-000000000001"
	same.SendDeadline.Nanos += 999
	require.Equal(t, base, of("tenant", same))
}

func person(name, birth, phone string) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: name, BirthDate: birth, Phone: phone}}
}

func address(platform, address, sub string) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{PlatformAddress: &platformv1.PlatformAddress{PlatformId: platform, Address: address, SubAddress: sub}}
}

// Every field of an item is either part of the fingerprint or left out on purpose. A new field fails this test first.
func TestFingerprintKnowsEveryField(t *testing.T) {
	t.Parallel()
	for message, fields := range map[proto.Message]int{
		&intakev1.SendItem{}: 19, &platformv1.Contact{}: 2, &intakev1.Viewing{}: 3, &platformv1.Digest{}: 2, &platformv1.RecipientIdentifier{}: 4,
		&platformv1.PersonDescription{}: 3, &platformv1.PlatformAddress{}: 3,
	} {
		require.Equal(t, fields, message.ProtoReflect().Descriptor().Fields().Len(), "%s", message.ProtoReflect().Descriptor().FullName())
	}
}

// Time limits are exact to the microsecond, and the defaults count from acceptance.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	accepted := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	limits := Default().Limits
	judge := func(send, viewing time.Time) (deadlines, int) {
		item := &intakev1.SendItem{Viewing: &intakev1.Viewing{}}
		if !send.IsZero() {
			item.SendDeadline = timestamppb.New(send)
		}
		if !viewing.IsZero() {
			item.Viewing.Deadline = timestamppb.New(viewing)
		}
		d, found := deadlinesOf(item, accepted, limits)
		return d, len(found)
	}
	d, n := judge(time.Time{}, time.Time{})
	require.Zero(t, n)
	require.Equal(t, deadlines{send: accepted.AddDate(0, 0, 30), viewing: accepted.AddDate(0, 0, 30)}, d)
	d, n = judge(accepted.AddDate(0, 0, 90).Add(999), accepted.Add(time.Microsecond))
	require.Zero(t, n)
	require.Equal(t, deadlines{send: accepted.AddDate(0, 0, 90), viewing: accepted.Add(time.Microsecond)}, d)
	_, n = judge(accepted.AddDate(0, 0, 90).Add(time.Microsecond), accepted)
	require.Equal(t, 2, n)
	_, n = judge(accepted.Add(999), accepted.AddDate(0, 0, 400).Add(time.Microsecond))
	require.Equal(t, 2, n)
}

// The defaults lack only the archive, and all problems are reported at once.
func TestConfig(t *testing.T) {
	t.Parallel()
	c := Default()
	require.Len(t, config.List(c.Validate()), 1)
	c.Archive.Issuers = []archivecert.IssuerConfig{{Name: "archive", Profile: archivecert.Format, Roots: []string{"root.pem"}}}
	require.NoError(t, c.Validate())
	_, err := c.Archive.New(clock.System())
	require.Error(t, err)
	c.Code, c.Writers, c.Queue.Rows, c.Queue.Bytes, c.Release.ItemsPerSecond = "short", 0, 1, 1, -1
	c.Limits.SendDeadline = c.Limits.SendDeadlineMax + 1
	c.Archive.Skew = -1
	var paths []string
	for _, p := range config.List(c.Validate()) {
		paths = append(paths, p.Path)
	}
	require.ElementsMatch(t, []string{"code", "archive.skew", "writers", "queue.rows", "queue.bytes", "release.items_per_second", "limits.send_deadline"}, paths)
}

// counting is a verifier that accepts everything and counts its calls.
type counting struct{ calls atomic.Int32 }

func (c *counting) Registration([]byte, time.Time) (*archivecert.Registration, error) {
	c.calls.Add(1)
	return &archivecert.Registration{}, nil
}

// Identical certificates in a call are verified once.
func TestCertificatesAreVerifiedOnce(t *testing.T) {
	t.Parallel()
	v := &counting{}
	a := &acceptor{verifier: v, slots: newCheckSlots()}
	var candidates []*candidate
	for i := range 20 {
		item := &intakev1.SendItem{RegistrationCertificate: []byte{byte(i % 3)}}
		candidates = append(candidates, &candidate{item: item, digest: certificateID(authorisation.CertificateDigest(item))})
	}
	of, err := a.certificates(t.Context(), &visit{}, candidates)
	require.NoError(t, err)
	require.Len(t, of, 3)
	require.Equal(t, int32(3), v.calls.Load())
}
