package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// An accepted item has a number with its KST date, a receipt that anyone can verify, and a complete fact, which contains nothing
// personal in clear and says how its sender was authenticated.
func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)}}
		i.RegistrationCertificate = w.archive.issue(t, i.GetDocumentHash().GetValue(), func(s *archivecert.Statement) {
			s.AttachmentHashes = []string{strings.Repeat("ab", 32)}
		})
		i.SenderSubAddress, i.Batch = "민원실", "2026-03"
	})
	got := w.send(t, item)
	now := w.Clock.Now()

	number, err := id.ParseEdocNumber(got.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, now.In(id.KST).Format(time.DateOnly), number.Date().Format(time.DateOnly))
	require.Equal(t, "NARU000001", number.Code())
	local := now.In(id.KST)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, id.KST)
	require.Equal(t, now.Sub(midnight).Milliseconds()*100_000+1, number.Serial(), "the first of the block of this moment")
	require.Equal(t, now, got.GetAcceptedAt().AsTime())
	require.False(t, got.GetDuplicate())
	require.Empty(t, got.GetWarnings())

	digest := archivecert.Digest(item.GetRegistrationCertificate())
	require.Equal(t, receipt.Claims{
		EdocNum: got.GetEdocNum(), DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: item.GetDocumentHash().GetValue()},
		RegistrationCertificateDigest: digest, AcceptedAt: now.Format("2006-01-02T15:04:05.000000Z"), OwnKey: "own-1", Sender: w.sender,
	}, *w.verifyReceipt(t, got.GetReceipt()))

	events := w.Stated(t, &intakev1.DocumentAccepted{})
	require.Len(t, events, 1)
	require.Equal(t, got.GetEdocNum(), events[0].GetSubject())
	require.Equal(t, uint32(1), events[0].GetOrdinal())
	require.Equal(t, w.sender, events[0].GetSender())
	require.Equal(t, now, events[0].GetOccurredAt().AsTime())
	var accepted intakev1.DocumentAccepted
	require.NoError(t, proto.Unmarshal(events[0].GetPayload(), &accepted))
	facts := proto.Clone(accepted.GetFacts()).(*platformv1.DocumentFacts)
	require.NotEmpty(t, facts.GetSealedTitle())
	require.NotEmpty(t, facts.GetSealedViewingIdentifier())
	facts.SealedTitle, facts.SealedViewingIdentifier = nil, nil
	at := w.archive.at
	require.True(t, proto.Equal(&platformv1.DocumentFacts{
		EdocNum: got.GetEdocNum(), Sender: w.sender, Actor: w.sender, OwnKey: "own-1", Batch: "2026-03", Lane: platformv1.Lane_LANE_EXPRESS,
		From:         &platformv1.Party{PlatformId: unittest.Platform, Address: senderAddressText, SubAddress: "민원실", ValidFrom: timestamppb.New(at.Add(-time.Hour))},
		DocumentType: item.GetDocumentType(), Category: item.GetCategory(), Circulation: true,
		DocumentHash: item.GetDocumentHash(), AttachmentHashes: item.GetAttachmentHashes(), ViewingMode: platformv1.ViewingMode_VIEWING_MODE_SENDER,
		ViewingSystem: w.system, ViewingUrl: item.GetViewing().GetUrl(), SendDeadline: timestamppb.New(now.Add(30 * 24 * time.Hour)),
		ViewingDeadline: timestamppb.New(now.Add(30 * 24 * time.Hour)), AcceptedAt: timestamppb.New(now), RegisteredAt: timestamppb.New(at.Add(-time.Minute)),
		RegistrationCertificateDigest: digest, RegisteredHash: item.GetDocumentHash(),
	}, facts), "%v", facts)
	for _, personal := range []string{testCI, testTitle} {
		require.NotContains(t, string(events[0].GetPayload()), personal)
		require.NotContains(t, w.Logs.String(), personal)
	}

	receiptDigest := sha256.Sum256([]byte(got.GetReceipt()))
	require.Equal(t, receiptDigest[:], accepted.GetReceiptDigest())
	require.Len(t, accepted.GetFingerprint(), 32)
	require.Equal(t, "client-of-"+w.sender, accepted.GetAuthentication().GetClient())
	require.NotEmpty(t, accepted.GetAuthentication().GetTokenId())
	require.Equal(t, policyVersion, events[0].GetPolicy())
}

// verifyReceipt verifies a receipt with the keys that intake publishes.
func (w *world) verifyReceipt(t *testing.T, text string) *receipt.Claims {
	t.Helper()
	set, err := platformv1.NewKeyServiceClient(w.Unit(t, "gateway")).GetKeySet(t.Context(), &platformv1.GetKeySetRequest{})
	require.NoError(t, err)
	claims, err := receipt.Verify(text, []byte(set.GetJwks()))
	require.NoError(t, err)
	return claims
}

// Each sealed value can be opened by its readers under the document's number, and holds what the sender sent.
func TestSealedValuesOpenForTheirReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: "가나다", BirthDate: "19900101", Phone: "01000000000"}}
	})
	number := w.send(t, item).GetEdocNum()
	accepted := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 1)[0]
	recipient, err := proto.MarshalOptions{Deterministic: true}.Marshal(item.GetRecipient())
	require.NoError(t, err)
	for _, tc := range []struct {
		reader  string
		purpose sealed.Purpose
		value   []byte
		want    []byte
	}{
		{"address", sealedDescription, accepted.GetSealedRecipient(), recipient},
		{"viewing", sealedIdentifier, accepted.GetFacts().GetSealedViewingIdentifier(), recipient},
		{"delivery", sealedTitle, accepted.GetFacts().GetSealedTitle(), []byte(testTitle)},
	} {
		got, err := w.reader(t, tc.reader, tc.purpose).Open(t.Context(), tc.purpose, number, tc.value)
		require.NoError(t, err, tc.reader)
		require.Equal(t, tc.want, got)
	}
	_, err = w.reader(t, "address", sealedDescription).Open(t.Context(), sealedDescription, "another", accepted.GetSealedRecipient())
	require.ErrorIs(t, err, fault.Corrupt)
}

// Delivery learns how the recipient can be invited: as the sender says, else at the phone by which it names a person, else not at
// all. A contact may stand beside an address.
func TestContactIsSealedForDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	person := &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: "가나다", BirthDate: "19900101", Phone: "01000000000"}}
	given := &platformv1.Contact{Phone: "+82 10-1111-2222", Email: "ga@example.test"}
	for name, tc := range map[string]struct {
		to      *platformv1.RecipientIdentifier
		contact *platformv1.Contact
		want    *platformv1.Contact
	}{
		"a person's phone":     {person, nil, &platformv1.Contact{Phone: "01000000000"}},
		"another than that":    {person, given, &platformv1.Contact{Phone: "01011112222", Email: "ga@example.test"}},
		"beside an address":    {address("NARUTEST01", "somebody", ""), &platformv1.Contact{Email: "ga@example.test"}, &platformv1.Contact{Email: "ga@example.test"}},
		"nothing at which":     {address("NARUTEST01", "somebody", ""), nil, nil},
		"a business's contact": {&platformv1.RecipientIdentifier{BusinessNumber: proto.String("1234567891")}, given, &platformv1.Contact{Phone: "01011112222", Email: "ga@example.test"}},
	} {
		number := w.send(t, w.item(t, id.New().String(), func(i *intakev1.SendItem) {
			i.Recipient, i.Contact = tc.to, nil
			if tc.contact != nil {
				i.Contact, _ = proto.Clone(tc.contact).(*platformv1.Contact)
			}
		})).GetEdocNum()
		accepted := unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench)
		at := slices.IndexFunc(accepted, func(a *intakev1.DocumentAccepted) bool { return a.GetFacts().GetEdocNum() == number })
		require.GreaterOrEqual(t, at, 0, "stated with the acceptance")
		value := accepted[at].GetFacts().GetSealedContact()
		if tc.want == nil {
			require.Empty(t, value, name)
			continue
		}
		raw, err := w.reader(t, "delivery", sealedContact).Open(t.Context(), sealedContact, number, value)
		require.NoError(t, err, name)
		var got platformv1.Contact
		require.NoError(t, proto.Unmarshal(raw, &got))
		require.True(t, proto.Equal(tc.want, &got), name)
	}
}

// Text is stored in its normal form, and the same request in another encoding is the same request.
func TestTextIsKeptInItsForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.Title = "국세\u3000고지"
		i.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{
			Name: strings.Repeat("\u1100\u1161\u11a8", 14), BirthDate: "19900101", Phone: "01000000000"}}
	})
	first := w.send(t, item)
	accepted := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 1)[0]
	title, err := w.reader(t, "delivery", sealedTitle).Open(t.Context(), sealedTitle, first.GetEdocNum(), accepted.GetFacts().GetSealedTitle())
	require.NoError(t, err)
	require.Equal(t, "국세 고지", string(title))
	identifier, err := w.reader(t, "viewing", sealedIdentifier).Open(t.Context(), sealedIdentifier, first.GetEdocNum(), accepted.GetFacts().GetSealedViewingIdentifier())
	require.NoError(t, err)
	var told platformv1.RecipientIdentifier
	require.NoError(t, proto.Unmarshal(identifier, &told))
	require.Equal(t, strings.Repeat("각", 14), told.GetPerson().GetName())

	composed := proto.Clone(item).(*intakev1.SendItem)
	composed.Title, composed.Recipient.Person.Name = "국세 고지", strings.Repeat("각", 14)
	again := w.send(t, composed)
	require.True(t, again.GetDuplicate())
	require.Equal(t, first.GetEdocNum(), again.GetEdocNum())
}

// reader returns the box of another unit, which asks this unit for its keys.
func (w *world) reader(t *testing.T, name string, opens sealed.Purpose) *sealed.Box {
	t.Helper()
	ask := unit.DataKeys(func(string) (grpc.ClientConnInterface, error) { return w.Unit(t, name), nil })
	return unittest.Keyring(t, sealed.Deps{Unit: name, Opens: []sealed.Purpose{opens}, Clock: w.Clock, Source: ask}).Box()
}

// The same key with the same content returns the first number and the first receipt's bytes, even if meanwhile the deadline has
// passed or the certificate has expired, or if the certificate is named by digest. Other content is a conflict that returns the
// number.
func TestRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := randomHash()
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.DocumentHash.Value = hash
		i.RegistrationCertificate = w.archive.issue(t, hash, func(s *archivecert.Statement) { s.ValidUntil = w.archive.at.Add(time.Hour) })
		i.SendDeadline = timestamppb.New(w.archive.at.Add(30 * time.Minute))
	})
	first := w.send(t, item)
	w.Advance(t, time.Second)

	same := func(i *intakev1.SendItem) {
		t.Helper()
		again := w.send(t, i)
		require.True(t, again.GetDuplicate())
		again.Duplicate = false
		require.True(t, proto.Equal(first, again), "%v", again)
	}
	same(item)
	byDigest := proto.Clone(item).(*intakev1.SendItem)
	byDigest.RegistrationCertificate, byDigest.RegistrationCertificateDigest = nil, archivecert.Digest(item.GetRegistrationCertificate())
	same(byDigest)

	w.Advance(t, 45*time.Minute)
	same(item)
	other := proto.Clone(item).(*intakev1.SendItem)
	other.Title = "다른 제목"
	conflict := w.refused(t, other)
	require.Equal(t, fault.Conflict, conflict.Kind)
	require.Equal(t, "OWN_KEY_CONFLICT", conflict.Reason)
	require.Equal(t, first.GetEdocNum(), conflict.Metadata["existingEdocNum"])

	require.Equal(t, 1, w.count(t, "document"))
	require.Len(t, w.Stated(t, &intakev1.DocumentAccepted{}), 1)
	require.Equal(t, 1, w.count(t, "registration_certificate"))
}

// After the certificate has expired, a new key with it is refused, while the known key is still answered.
func TestRepeatOutlivesTheCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := randomHash()
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.DocumentHash.Value = hash
		i.RegistrationCertificate = w.archive.issue(t, hash, func(s *archivecert.Statement) { s.ValidUntil = w.archive.at.Add(10 * time.Minute) })
	})
	first := w.send(t, item)
	w.Advance(t, 11*time.Minute)
	require.Equal(t, first.GetReceipt(), w.send(t, item).GetReceipt())
	item.OwnKey = "own-2"
	require.Equal(t, "CERTIFICATE_EXPIRED", w.refused(t, item).Reason)
}

// Own keys are scoped to their sender: another sender can use the same key for its own document.
func TestKeysBelongToTheirSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, w.item(t, "own-1"))
	other, system := unittest.NewID(), unittest.NewID()
	w.join(t, other, system)
	client := intakev1.NewIntakeServiceClient(w.Sender(t, other))
	resp, err := client.Send(t.Context(), &intakev1.SendRequest{Item: w.item(t, "own-1", func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = system })})
	require.NoError(t, err)
	require.NotEqual(t, first.GetEdocNum(), resp.GetAcceptance().GetEdocNum())
	require.False(t, resp.GetAcceptance().GetDuplicate())
}

// A warning is returned, but the item is accepted.
func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.send(t, w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.Title = strings.Repeat("가", 41)
		i.SendDeadline = timestamppb.New(w.archive.at.Add(80 * 24 * time.Hour))
	}))
	require.Equal(t, []string{"TITLE_OVER_40", "VIEWING_ENDS_BEFORE_SEND_DEADLINE"}, got.GetWarnings())
	require.Len(t, unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench), 1)
}

// An item with a new own key can name an earlier document that it repeats.
func TestRepeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, w.item(t, "own-1"))
	w.send(t, w.item(t, "own-2", func(i *intakev1.SendItem) { i.Repeats = first.GetEdocNum() }))
	require.Equal(t, first.GetEdocNum(), unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench)[1].GetFacts().GetRepeats())
}

// A certificate is uploaded once and then named by digest. The entitled units can get it, and it is the same for every sender.
func TestUploadedCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := randomHash()
	der := w.archive.issue(t, hash)
	for range 2 {
		resp, err := w.client.UploadRegistrationCertificate(t.Context(), &intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: der})
		require.NoError(t, err)
		require.Equal(t, archivecert.Digest(der), resp.GetDigest())
	}
	other := unittest.NewID()
	w.join(t, other, unittest.NewID())
	_, err := intakev1.NewIntakeServiceClient(w.Sender(t, other)).UploadRegistrationCertificate(t.Context(),
		&intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: der})
	require.NoError(t, err)
	require.Equal(t, 1, w.count(t, "registration_certificate"))
	supplied := w.Stated(t, &intakev1.RegistrationCertificateSupplied{})
	require.Len(t, supplied, 2, "that it was supplied is stated for each sender, once")
	require.Equal(t, []string{w.sender, other}, []string{supplied[0].GetSender(), supplied[1].GetSender()})
	require.Equal(t, []string{archivecert.Digest(der) + "/" + w.sender, archivecert.Digest(der) + "/" + other}, []string{supplied[0].GetSubject(), supplied[1].GetSubject()})

	got := w.send(t, w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.DocumentHash.Value = hash
		i.RegistrationCertificate, i.RegistrationCertificateDigest = nil, archivecert.Digest(der)
	}))
	lookup := intakev1.NewIntakeLookupServiceClient(w.Unit(t, "certificate"))
	kept, err := lookup.GetRegistrationCertificate(t.Context(), &intakev1.GetRegistrationCertificateRequest{Digest: archivecert.Digest(der)})
	require.NoError(t, err)
	require.Equal(t, der, kept.GetRegistrationCertificate())
	_, err = lookup.GetRegistrationCertificate(t.Context(), &intakev1.GetRegistrationCertificateRequest{Digest: strings.Repeat("00", 32)})
	require.ErrorIs(t, err, fault.NotFound)

	for _, caller := range []string{"status", "certificate"} {
		facts, err := intakev1.NewIntakeLookupServiceClient(w.Unit(t, caller)).GetDocument(t.Context(), &intakev1.GetDocumentRequest{EdocNum: got.GetEdocNum()})
		require.NoError(t, err, caller)
		require.True(t, proto.Equal(unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench)[0].GetFacts(), facts.GetFacts()), caller)
	}
	_, err = intakev1.NewIntakeLookupServiceClient(w.Unit(t, "status")).GetDocument(t.Context(), &intakev1.GetDocumentRequest{EdocNum: "20200101_NARU000001_0000000000001"})
	require.ErrorIs(t, err, fault.NotFound)
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))

	address := intakev1.NewIntakeLookupServiceClient(w.Unit(t, "address"))
	recipient, err := address.GetSealedRecipient(t.Context(), &intakev1.GetSealedRecipientRequest{EdocNum: got.GetEdocNum()})
	require.NoError(t, err)
	require.NotEmpty(t, recipient.GetSealedRecipient())
	require.Equal(t, unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench)[0].GetSealedRecipient(), recipient.GetSealedRecipient())
	_, err = address.GetSealedRecipient(t.Context(), &intakev1.GetSealedRecipientRequest{EdocNum: "20200101_NARU000001_0000000000001"})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
	_, err = intakev1.NewIntakeLookupServiceClient(w.Unit(t, "status")).GetSealedRecipient(t.Context(), &intakev1.GetSealedRecipientRequest{EdocNum: got.GetEdocNum()})
	require.ErrorIs(t, err, fault.Denied, "address alone asks")

	forged := append([]byte{}, der...)
	forged[len(forged)-1] ^= 1
	_, err = w.client.UploadRegistrationCertificate(t.Context(), &intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: forged})
	require.Equal(t, "CERTIFICATE_FORGED", fault.ReasonOf(err))
	require.Equal(t, 1, w.count(t, "registration_certificate"))
}

// A certificate is kept sealed, because it names its owner, and is handed to neighbours as it was supplied.
func TestCertificatesAreKeptSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.item(t, "own-1")
	der := item.GetRegistrationCertificate()
	w.send(t, item)
	uploaded := w.archive.issue(t, randomHash())
	_, err := w.client.UploadRegistrationCertificate(t.Context(), &intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: uploaded})
	require.NoError(t, err)
	require.Equal(t, 2, w.count(t, "registration_certificate"))
	var clear int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from registration_certificate where position($1::bytea in certificate) > 0`,
		[]byte(`"owner"`)).Scan(&clear))
	require.Contains(t, string(der), `"owner"`)
	require.Zero(t, clear)
	for _, supplied := range [][]byte{der, uploaded} {
		digest := sha256.Sum256(supplied)
		kept, err := intakev1.NewIntakeLookupServiceClient(w.Unit(t, "delivery")).GetRegistrationCertificate(t.Context(),
			&intakev1.GetRegistrationCertificateRequest{Digest: hex.EncodeToString(digest[:])})
		require.NoError(t, err)
		require.Equal(t, supplied, kept.GetRegistrationCertificate())
	}
}

// Uploads that share a transaction are stored and stated once per sender, whoever uploads what at the same time.
func TestUploadsOfOneTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var uploads []*upload
	for range 3 {
		der := w.archive.issue(t, randomHash())
		value, err := sealCertificate(t.Context(), w.Env.Sealed, sha256.Sum256(der), der)
		require.NoError(t, err)
		for _, sender := range []string{w.sender, unittest.NewID()} {
			uploads = append(uploads, &upload{digest: sha256.Sum256(der), der: der, sealed: value, tenant: uuid.MustParse(sender), caller: authn.Principal{ID: sender}, at: w.Clock.Now()})
		}
	}
	slices.SortFunc(uploads, func(x, y *upload) int { return strings.Compare(x.subject(), y.subject()) })
	for range 2 {
		require.NoError(t, w.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error { return keepUploads(t.Context(), tx, uploads) }))
	}
	require.Equal(t, 3, w.count(t, "registration_certificate"))
	var want, told []string
	for _, u := range uploads {
		want = append(want, u.subject())
	}
	for _, e := range w.Stated(t, &intakev1.RegistrationCertificateSupplied{}) {
		require.Contains(t, e.GetSubject(), e.GetSender())
		told = append(told, e.GetSubject())
	}
	require.ElementsMatch(t, want, told)
}

// A cancel is stated once, in the document's lane, however often it is requested. Another sender's document is not found.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	single := w.send(t, w.item(t, "own-1")).GetEdocNum()
	batch, err := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{w.item(t, "own-2")}})
	require.NoError(t, err)
	bulk := batch.GetOutcomes()[0].GetAccepted().GetEdocNum()
	for range 2 {
		for _, number := range []string{single, bulk} {
			_, err := w.client.Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
			require.NoError(t, err)
		}
	}
	requested := unittest.Facts[*intakev1.CancelRequested](t, w.Bench)
	require.Len(t, requested, 2)
	require.Equal(t, single, requested[0].GetEdocNum())
	require.Equal(t, platformv1.Lane_LANE_EXPRESS, requested[0].GetLane())
	require.Equal(t, platformv1.Lane_LANE_BULK, requested[1].GetLane())
	require.Equal(t, "client-of-"+w.sender, requested[0].GetAuthentication().GetClient())

	other := intakev1.NewIntakeServiceClient(w.Sender(t, unittest.NewID()))
	for _, number := range []string{single, "20209999_NARU000001_0000000000001"} {
		_, err = other.Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
		require.ErrorIs(t, err, fault.NotFound)
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
	}
}

func TestGetLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := intakev1.NewIntakeServiceClient(w.Unit(t, "gateway")).GetLimits(t.Context(), &intakev1.GetLimitsRequest{})
	require.NoError(t, err)
	require.Equal(t, int32(1000), got.GetBatchItems())
	require.Equal(t, int64(16<<20), got.GetBatchBytes())
	require.Equal(t, 90*24*time.Hour, got.GetSendDeadlineMax().AsDuration())
	require.Equal(t, 400*24*time.Hour, got.GetViewingDeadlineMax().AsDuration())
	require.Equal(t, 10*time.Minute, got.GetViewingTokenLife().AsDuration())
}

// A certificate is identified by its digest, whether the item contains the certificate or only the digest.
func TestDigestOfCertificate(t *testing.T) {
	t.Parallel()
	der := []byte("certificate")
	digest := authorisation.CertificateDigest(&intakev1.SendItem{RegistrationCertificate: der})
	require.Equal(t, archivecert.Digest(der), hex.EncodeToString(digest))
	require.Equal(t, digest, authorisation.CertificateDigest(&intakev1.SendItem{RegistrationCertificateDigest: archivecert.Digest(der)}))
}
