package viewing

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/viewinglog"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

func (b *bundle) extract(t *testing.T, as grpc.ClientConnInterface, number string, after int32) (*viewingv1.ExtractViewingLogResponse, error) {
	t.Helper()
	return viewingv1.NewAccessServiceClient(as).ExtractViewingLog(t.Context(), &viewingv1.ExtractViewingLogRequest{EdocNum: number, After: after})
}

// verifyLog verifies an extract by the keys that the unit publishes, as anybody can.
func (b *bundle) verifyLog(t *testing.T, answer *viewingv1.ExtractViewingLogResponse) *viewinglog.Log {
	t.Helper()
	set, err := platformv1.NewKeyServiceClient(b.Unit(t, "gateway")).GetKeySet(t.Context(), &platformv1.GetKeySetRequest{})
	require.NoError(t, err)
	var published map[string]*ecdsa.PublicKey
	published, err = authn.ParseKeySet([]byte(set.GetJwks()), keys.ViewingLog)
	require.NoError(t, err)
	judged, err := viewinglog.Judge(answer.GetExtract(), published)
	require.NoError(t, err)
	require.Equal(t, answer.GetSerial(), judged.Log.Serial)
	require.Equal(t, viewinglog.Time(answer.GetMadeAt().AsTime()), judged.Log.MadeAt)
	require.Len(t, judged.Log.Entries, int(answer.GetEntries()))
	return judged.Log
}

// Sender and recipient get a signed extract of who opened the document and when. The recipient's says who it was, the sender's
// does not. Each is stated by its digest.
func TestExtractOfALog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	recipient := unittest.NewID()
	f := b.receive(t, recipient)
	none, err := b.extract(t, b.Sender(t, b.sender), f.GetEdocNum(), 0)
	require.NoError(t, err)
	require.Empty(t, b.verifyLog(t, none).Entries, "nobody has asked for a token")
	_, err = b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	unused := b.Clock.Now()
	b.Advance(t, time.Second)
	v := b.verifiedAgain(t, f)
	_, err = b.report(t, b.system, reportOn(f, v, v.GetVerifiedAt().AsTime()))
	require.NoError(t, err)
	opened := viewinglog.Time(v.GetVerifiedAt().AsTime())
	b.Advance(t, time.Minute)

	answer, err := b.extract(t, b.Sender(t, b.sender), f.GetEdocNum(), 0)
	require.NoError(t, err)
	told := b.verifyLog(t, answer)
	require.Equal(t, viewinglog.Log{
		Format: "naru-viewing-log/1", Serial: answer.GetSerial(), MadeAt: viewinglog.Time(b.Clock.Now()), For: viewinglog.Sender, EdocNum: f.GetEdocNum(),
		DocumentHash: viewinglog.Digest{Algorithm: f.GetDocumentHash().GetAlgorithm(), Value: f.GetDocumentHash().GetValue()}, Sender: b.sender,
		RecipientAddress: f.GetTo().GetAddress(), SentAt: viewinglog.Time(f.GetSentAt().AsTime()), ReceivedAt: viewinglog.Time(f.GetReceivedAt().AsTime()),
		Entries: []viewinglog.Entry{
			{Number: 1, GivenAt: viewinglog.Time(unused), ViewingSystem: b.system},
			{Number: 2, GivenAt: opened, ViewingSystem: b.system, OpenedAt: opened, ReadAt: opened},
		},
	}, *told)
	own, err := b.extract(t, b.Recipient(t, recipient), f.GetEdocNum(), 1)
	require.NoError(t, err)
	rest := b.verifyLog(t, own)
	require.Equal(t, viewinglog.Recipient, rest.For)
	require.Equal(t, []any{1, false, 1, recipient}, []any{rest.After, rest.More, len(rest.Entries), rest.Entries[0].Person})
	require.EqualValues(t, 2, own.GetLast())

	stated := unittest.Facts[*viewingv1.ViewingLogExtracted](t, b.Bench)
	require.Len(t, stated, 3)
	digest := sha256.Sum256([]byte(own.GetExtract()))
	last := stated[2]
	require.Equal(t, []any{f.GetEdocNum(), recipient, "recipient", hex.EncodeToString(digest[:]), int32(1), int32(1)},
		[]any{last.GetEdocNum(), last.GetApplicant(), last.GetParty(), last.GetDigest(), last.GetAfter(), last.GetEntries()})
	require.Equal(t, own.GetSerial(), b.Stated(t, &viewingv1.ViewingLogExtracted{})[2].GetSubject())
}

// Nobody else gets one, and learns nothing; without delivery a document that nobody has opened is not looked up.
func TestExtractOfAnothersLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, _ := b.verified(t)
	unseen := b.receive(t, unittest.NewID())
	for _, as := range []grpc.ClientConnInterface{b.Sender(t, unittest.NewID()), b.Recipient(t, unittest.NewID())} {
		for _, number := range []string{f.GetEdocNum(), unseen.GetEdocNum(), "20260101_NARU000001_0000000099999"} {
			_, err := b.extract(t, as, number, 0)
			requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND)
		}
	}
	require.Empty(t, b.Stated(t, &viewingv1.ViewingLogExtracted{}))
	b.delivery.fails(errors.New("away"), false)
	_, err := b.extract(t, b.Sender(t, b.sender), unseen.GetEdocNum(), 0)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = b.extract(t, b.Sender(t, b.sender), f.GetEdocNum(), 0)
	require.NoError(t, err)
}

// Of an organisation its representatives get the extract, which names who acted; its other staff do not.
func TestExtractOfAnOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	organisation, person := unittest.NewID(), unittest.NewID()
	b.address.authorise(organisation, person, unittest.NewID())
	f := b.receive(t, organisation)
	acting := b.ActingFor(t, organisation, person)
	_, err := viewingv1.NewViewingTokenServiceClient(acting).IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	b.address.is(addressv1.AuthorityRole_AUTHORITY_ROLE_AUTHORISED)
	_, err = b.extract(t, acting, f.GetEdocNum(), 0)
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	b.address.is(addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE)
	answer, err := b.extract(t, acting, f.GetEdocNum(), 0)
	require.NoError(t, err)
	require.Equal(t, person, b.verifyLog(t, answer).Entries[0].Person)
	require.Equal(t, person, b.Stated(t, &viewingv1.ViewingLogExtracted{})[0].GetActor())
}
