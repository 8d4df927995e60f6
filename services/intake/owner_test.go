package intake

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// certifiedTo is an edit of an item: its certificate names this owner.
func (w *world) certifiedTo(t testing.TB, owner string) func(*intakev1.SendItem) {
	return func(i *intakev1.SendItem) {
		i.RegistrationCertificate = w.archive.issue(t, i.GetDocumentHash().GetValue(), func(s *archivecert.Statement) { s.Owner = owner })
	}
}

func (w *world) upload(t testing.TB, sender string, der []byte) error {
	t.Helper()
	_, err := intakev1.NewIntakeServiceClient(w.Sender(t, sender)).UploadRegistrationCertificate(t.Context(),
		&intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: der})
	return err
}

// The owner is one of the memberships recorded of the sender, at the archive that says so, however its name is typed.
func TestOwnerIsTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, w.sender, 2,
		membership("시험용 다른 보관소", "가상상사 지점"), membership(archiveName, "가상상사 본점"), membership("시험용\u3000전자문서보관소", "가나 상사")))
	for _, owner := range []string{"가상상사 본점", "가나 상사", "가나\u3000상사", "\u1100\u1161\u1102\u1161 상사", " 가나  상사 "} {
		w.send(t, w.item(t, "own-"+uuid.NewString()[:8], w.certifiedTo(t, owner)))
	}
	for _, owner := range []string{memberName, "가상상사 지점", "가나상사", "가나 상사 2", "가상상사 본점 가나 상사"} {
		refusal := w.refused(t, w.item(t, "own-refused", w.certifiedTo(t, owner)))
		require.Equal(t, "CERTIFICATE_OWNER_DIFFERS", refusal.Reason, owner)
		require.Equal(t, "item.registrationCertificate", fieldsOf(refusal.Violations))
		require.Equal(t, "certificate.owner_differs", refusal.Violations[0].Rule)
		require.NotContains(t, refusal.Error(), owner, "whose it is stays with the archive")
	}
}

// A certificate is uploaded only by its owner, and nothing of another's is kept.
func TestUploadIsJudgedLikeASend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, sender := range map[string]string{"a member under another name": w.sender, "a sender nobody knows": unittest.NewID()} {
		err := w.upload(t, sender, w.archive.issue(t, randomHash(), func(s *archivecert.Statement) { s.Owner = "다른상사" }))
		require.Equal(t, "CERTIFICATE_OWNER_DIFFERS", fault.ReasonOf(err), name)
		require.Equal(t, "registrationCertificate", fieldsOf(fault.As(err).Violations))
	}
	require.Zero(t, w.count(t, "registration_certificate"))
	require.Zero(t, w.count(t, "certificate_supplier"))
}

// A digest is known to the sender that uploaded the certificate: neither what another one of the same member uploaded nor what
// came with a document is.
func TestDigestIsKnownToItsSupplier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := unittest.NewID()
	w.join(t, other, unittest.NewID())
	hash := randomHash()
	der := w.archive.issue(t, hash)
	byDigest := func(key string) *intakev1.SendItem {
		return w.item(t, key, func(i *intakev1.SendItem) {
			i.DocumentHash.Value, i.RegistrationCertificate, i.RegistrationCertificateDigest = hash, nil, archivecert.Digest(der)
		})
	}
	w.send(t, w.item(t, "own-1", func(i *intakev1.SendItem) { i.DocumentHash.Value, i.RegistrationCertificate = hash, der }))
	require.Equal(t, "CERTIFICATE_NOT_UPLOADED", w.refused(t, byDigest("own-2")).Reason, "it came with a document")
	require.NoError(t, w.upload(t, other, der))
	refusal := w.refused(t, byDigest("own-2"))
	require.Equal(t, "CERTIFICATE_NOT_UPLOADED", refusal.Reason, "another sender uploaded it")
	require.Equal(t, "item.registrationCertificateDigest", fieldsOf(refusal.Violations))
	require.NoError(t, w.upload(t, w.sender, der))
	w.send(t, byDigest("own-2"))

	// Who uploaded it and is no longer its owner cannot send with it.
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, w.sender, 2, membership(archiveName, "가나상사")))
	w.Advance(t, time.Second)
	refusal = w.refused(t, byDigest("own-3"))
	require.Equal(t, "CERTIFICATE_OWNER_DIFFERS", refusal.Reason)
	require.Equal(t, "item.registrationCertificateDigest", fieldsOf(refusal.Violations))
	require.True(t, w.send(t, byDigest("own-2")).GetDuplicate(), "a known key has its answer")
}

// The newest record of memberships stands, in whatever order the records come, and counts within a second. It is kept as it was
// sealed.
func TestMembershipsChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, w.item(t, "own-1"))
	newest := w.recorded(t, w.sender, 3, membership(archiveName, "가나상사"))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, newest, w.recorded(t, w.sender, 2, membership(archiveName, "다라상사")))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, w.sender, 1, membership(archiveName, memberName)))
	w.Advance(t, time.Second)
	w.send(t, w.item(t, "own-2", w.certifiedTo(t, "가나상사")))
	for _, owner := range []string{memberName, "다라상사"} {
		require.Equal(t, "CERTIFICATE_OWNER_DIFFERS", w.refused(t, w.item(t, "own-3", w.certifiedTo(t, owner))).Reason, owner)
	}
	var kept []byte
	require.NoError(t, w.App.QueryRow(t.Context(), `select sealed from archive_membership where principal = $1`, w.sender).Scan(&kept))
	require.Equal(t, newest.Message.(*addressv1.ArchiveMembershipsRecorded).GetSealedMemberships(), kept)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, "nobody", 1, membership(archiveName, memberName)))
	require.Equal(t, 1, w.count(t, "parked_event where reason = 'principal_id_malformed'"))
}

// A viewing system that is bound to hosts has URLs there alone, at any port and however the host is written; one that is not has
// them anywhere.
func TestHostsOfTheViewingSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := func(version uint32, hosts ...string) {
		t.Helper()
		w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(version, &gatewayv1.PrincipalChanged{
			Id: w.system, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: []string{w.sender}, Hosts: hosts,
		}))
		w.Advance(t, time.Second)
	}
	at := func(url string) *intakev1.SendItem {
		return w.item(t, "own-"+uuid.NewString()[:8], func(i *intakev1.SendItem) { i.Viewing.Url = url })
	}
	w.send(t, at("https://anywhere.example/doc"))
	bound(2, "view.example", "xn--4i2b56y.example", "192.0.2.7")
	for _, url := range []string{
		"https://view.example/doc", "https://VIEW.example:8443/doc", "https://view.example./doc", "https://xn--4i2b56y.example/", "https://%EC%97%B4%EB%9E%8C.example/",
		"https://192.0.2.7/doc",
	} {
		w.send(t, at(url))
	}
	for _, url := range []string{
		"https://view.example.evil.example/doc", "https://evil.example/view.example", "https://www.view.example/", "https://evil.example?view.example", "https://192.0.2.8/",
	} {
		refusal := w.refused(t, at(url))
		require.Equal(t, "VIEWING_HOST_FOREIGN", refusal.Reason, url)
		require.Equal(t, "item.viewing.url", fieldsOf(refusal.Violations), url)
		require.Equal(t, "viewing.host_foreign", refusal.Violations[0].Rule)
	}
	refusal := w.refused(t, at("https://view.example@evil.example/"))
	require.Equal(t, "item.viewing.url item.viewing.url", fieldsOf(refusal.Violations), "the user information and the host")
	bound(3)
	w.send(t, at("https://anywhere.example/doc"))
}
