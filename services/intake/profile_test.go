package intake

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const stamperName = "시험용 시점확인센터"

// stamper is an archive whose certificates are time stamps.
type stamper struct {
	root   *cmstest.Authority
	signer cmstest.Signer
	at     time.Time
}

// newStampedWorld is a world that accepts time stamps under a policy, too.
func newStampedWorld(t *testing.T, notCheckable ...string) (*world, stamper) {
	t.Helper()
	at := clock.System().Now()
	s := stamper{root: cmstest.NewRoot(t, "시험용 시점확인 루트", at)}
	s.signer = s.root.TimeStamper(t, stamperName, at)
	file := filepath.Join(t.TempDir(), "stamper.pem")
	require.NoError(t, os.WriteFile(file, s.root.PEM(), 0o600))
	w := newWorldOf(t, []archivecert.IssuerConfig{{
		Name: stamperName, Profile: archivecert.ProfileTimeStamp, Roots: []string{file}, NotCheckable: notCheckable,
	}})
	s.at = w.Clock.Now().Add(-time.Minute)
	return w, s
}

func (s stamper) stamped(t testing.TB) func(*intakev1.SendItem) {
	return func(i *intakev1.SendItem) { i.RegistrationCertificate = s.stamp(t, i.GetDocumentHash().GetValue()) }
}

func (s stamper) stamp(t testing.TB, hash string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(hash)
	require.NoError(t, err)
	token, err := attestation.IssueTimeStamp(attestation.Stamp{Hash: [32]byte(raw), Serial: cmstest.Serial(t), At: s.at}, s.signer.Key, s.signer.Chain)
	require.NoError(t, err)
	return token
}

// A document is accepted with a time stamp as its registration certificate where the policy names what that cannot say; the
// sender and the evidence are told what was not checkable.
func TestTimeStampAsCertificate(t *testing.T) {
	t.Parallel()
	w, s := newStampedWorld(t, "owner", "validity")
	require.Equal(t, "CERTIFICATE_OWNER_DIFFERS", w.refused(t, w.item(t, "own-0", s.stamped(t))).Reason, "not even a member of that archive")
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, w.sender, 2, membership(archiveName, memberName), membership(stamperName, "회원 17")))
	w.Advance(t, time.Second)

	accepted := w.send(t, w.item(t, "own-1", s.stamped(t)))
	require.Equal(t, []string{"CERTIFICATE_NOT_CHECKABLE_OWNER", "CERTIFICATE_NOT_CHECKABLE_VALIDITY"}, accepted.GetWarnings())
	w.send(t, w.item(t, "own-2"))
	facts := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 2)
	require.Equal(t, archivecert.ProfileTimeStamp, facts[0].GetCertificateProfile())
	require.Equal(t, []string{"owner", "validity"}, facts[0].GetCertificateNotCheckable())
	require.Equal(t, s.at.Truncate(time.Second), facts[0].GetFacts().GetRegisteredAt().AsTime())
	require.Equal(t, facts[0].GetFacts().GetDocumentHash().GetValue(), facts[0].GetFacts().GetRegisteredHash().GetValue())
	require.Equal(t, archivecert.Format, facts[1].GetCertificateProfile())
	require.Empty(t, facts[1].GetCertificateNotCheckable())

	other := w.refused(t, w.item(t, "own-3", func(i *intakev1.SendItem) { i.RegistrationCertificate = s.stamp(t, randomHash()) }))
	require.Equal(t, "CERTIFICATE_HASH_DIFFERS", other.Reason)
	attached := w.refused(t, w.item(t, "own-4", s.stamped(t), func(i *intakev1.SendItem) {
		i.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-256", Value: randomHash()}}
	}))
	require.Equal(t, "CERTIFICATE_NOT_CHECKABLE", attached.Reason, "the policy does not name attachments")
	require.Equal(t, "certificate.not_checkable", attached.Violations[0].Rule)

	hash := randomHash()
	der := s.stamp(t, hash)
	require.NoError(t, w.upload(t, w.sender, der))
	w.send(t, w.item(t, "own-"+uuid.NewString()[:8], func(i *intakev1.SendItem) {
		i.DocumentHash.Value, i.RegistrationCertificate, i.RegistrationCertificateDigest = hash, nil, archivecert.Digest(der)
	}))
}

// Without a policy what is not checkable is refused, at both doors of intake.
func TestNotCheckableIsRefused(t *testing.T) {
	t.Parallel()
	for _, policy := range [][]string{nil, {"owner"}, {"validity", "attachments"}} {
		w, s := newStampedWorld(t, policy...)
		w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, w.sender, 2, membership(stamperName, "회원 17")))
		w.Advance(t, time.Second)
		refusal := w.refused(t, w.item(t, "own-1", s.stamped(t)))
		require.Equal(t, "CERTIFICATE_NOT_CHECKABLE", refusal.Reason)
		require.Equal(t, "item.registrationCertificate", fieldsOf(refusal.Violations))
		require.ErrorContains(t, w.upload(t, w.sender, s.stamp(t, randomHash())), "does not say its owner")
	}
}
