package intake

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeContent is a content unit that knows some uploads.
type fakeContent struct {
	contentv1.UnimplementedContentServiceServer
	known map[string]*contentv1.Content
	away  bool
}

func (f *fakeContent) register(r grpc.ServiceRegistrar) { contentv1.RegisterContentServiceServer(r, f) }

func (f *fakeContent) GetContents(_ context.Context, r *contentv1.GetContentsRequest) (*contentv1.GetContentsResponse, error) {
	if f.away {
		return nil, status.Error(codes.Unavailable, "away")
	}
	answer := &contentv1.GetContentsResponse{}
	for _, id := range r.GetIds() {
		if c := f.known[id]; c != nil {
			answer.Contents = append(answer.Contents, c)
		}
	}
	return answer, nil
}

// upload makes an upload known that is ready to be sent.
func (f *fakeContent) upload(owner string, expires time.Time, edit ...func(*contentv1.Content)) *contentv1.Content {
	c := &contentv1.Content{
		Id: unittest.NewID(), Owner: owner, State: contentv1.UploadState_UPLOAD_STATE_READY, Size: 10,
		Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: randomHash()}, MediaType: "application/pdf", ExpiresAt: timestamppb.New(expires),
	}
	for _, change := range edit {
		change(c)
	}
	f.known[c.GetId()] = c
	return c
}

// platformWorld is a world with a content unit beside it.
func platformWorld(t *testing.T) (*world, *fakeContent) {
	t.Helper()
	content := &fakeContent{known: map[string]*contentv1.Content{}}
	return newWorld(t, unittest.Neighbour("content", content.register)), content
}

// handing makes an item that hands uploads over.
func (w *world) handing(t testing.TB, key string, document string, attachments ...string) *intakev1.SendItem {
	t.Helper()
	return w.item(t, key, func(i *intakev1.SendItem) {
		i.DocumentHash, i.Viewing, i.RegistrationCertificate = nil, nil, nil
		i.Content, i.AttachmentContents = document, attachments
	})
}

// A document that is handed over is accepted with the hashes of its uploads; what the archive says of it comes later.
func TestHandedOver(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	later := w.archive.at.Add(24 * time.Hour)
	document, attachment := content.upload(w.sender, later), content.upload(w.sender, later)
	item := w.handing(t, "own-1", document.GetId(), attachment.GetId())
	got := w.send(t, item)

	claims := w.verifyReceipt(t, got.GetReceipt())
	require.Equal(t, document.GetHash().GetValue(), claims.DocumentHash.Value)
	require.Empty(t, claims.RegistrationCertificateDigest)

	var accepted intakev1.DocumentAccepted
	events := w.Stated(t, &intakev1.DocumentAccepted{})
	require.Len(t, events, 1)
	require.NoError(t, proto.Unmarshal(events[0].GetPayload(), &accepted))
	facts := accepted.GetFacts()
	require.Equal(t, platformv1.ViewingMode_VIEWING_MODE_RELAY, facts.GetViewingMode())
	require.Equal(t, document.GetId(), facts.GetDocumentContent())
	require.Equal(t, []string{attachment.GetId()}, facts.GetAttachmentContents())
	require.True(t, proto.Equal(document.GetHash(), facts.GetDocumentHash()))
	require.Len(t, facts.GetAttachmentHashes(), 1)
	require.True(t, proto.Equal(attachment.GetHash(), facts.GetAttachmentHashes()[0]))
	require.Empty(t, facts.GetViewingSystem())
	require.Empty(t, facts.GetRegistrar())
	require.Nil(t, facts.GetRegisteredAt())
	require.Empty(t, accepted.GetCertificateProfile())
	named := unittest.Facts[*intakev1.ContentsNamed](t, w.Bench)
	require.Len(t, named, 1)
	require.Equal(t, []string{document.GetId(), attachment.GetId()}, named[0].GetUploads())

	// The same again answers the first receipt, also when the upload is not known any more.
	delete(content.known, document.GetId())
	again := w.send(t, item)
	require.True(t, again.GetDuplicate())
	require.Equal(t, got.GetReceipt(), again.GetReceipt())
	// Another upload under the same key is another content.
	other := content.upload(w.sender, later)
	require.Equal(t, "OWN_KEY_CONFLICT", w.refused(t, w.handing(t, "own-1", other.GetId())).Reason)
}

// What is wrong with an upload is told with the field that names it, and each fault has its own reason.
func TestHandedOverRefused(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	at := w.archive.at
	later := at.Add(24 * time.Hour)
	good := content.upload(w.sender, later)
	wrong := &platformv1.Digest{Algorithm: "SHA-256", Value: randomHash()}
	for _, tc := range []struct {
		name, reason, field string
		item                func() *intakev1.SendItem
	}{
		{"unknown", "CONTENT_NOT_READY", "item.content", func() *intakev1.SendItem { return w.handing(t, "k", unittest.NewID()) }},
		{"somebody else's", "CONTENT_NOT_READY", "item.content", func() *intakev1.SendItem {
			return w.handing(t, "k", content.upload(unittest.NewID(), later).GetId())
		}},
		{"not whole", "CONTENT_NOT_READY", "item.content", func() *intakev1.SendItem {
			return w.handing(t, "k", content.upload(w.sender, later, func(c *contentv1.Content) { c.State = contentv1.UploadState_UPLOAD_STATE_RECEIVING }).GetId())
		}},
		{"refused file", "CONTENT_NOT_READY", "item.attachmentContents[0]", func() *intakev1.SendItem {
			bad := content.upload(w.sender, later, func(c *contentv1.Content) { c.State = contentv1.UploadState_UPLOAD_STATE_REFUSED })
			return w.handing(t, "k", good.GetId(), bad.GetId())
		}},
		{"about to be deleted", "CONTENT_NOT_READY", "item.content", func() *intakev1.SendItem {
			return w.handing(t, "k", content.upload(w.sender, at.Add(contentMargin)).GetId())
		}},
		{"other hash", "CONTENT_HASH_DIFFERS", "item.documentHash", func() *intakev1.SendItem {
			item := w.handing(t, "k", good.GetId())
			item.DocumentHash = wrong
			return item
		}},
		{"other attachment hash", "CONTENT_HASH_DIFFERS", "item.attachmentHashes[0]", func() *intakev1.SendItem {
			item := w.handing(t, "k", good.GetId(), content.upload(w.sender, later).GetId())
			item.AttachmentHashes = []*platformv1.Digest{wrong}
			return item
		}},
		{"too few attachment hashes", "CONTENT_HASH_DIFFERS", "item.attachmentHashes", func() *intakev1.SendItem {
			item := w.handing(t, "k", good.GetId(), content.upload(w.sender, later).GetId(), content.upload(w.sender, later).GetId())
			item.AttachmentHashes = []*platformv1.Digest{wrong}
			return item
		}},
		{"with a certificate", "INVALID_ITEM", "item", func() *intakev1.SendItem {
			item := w.handing(t, "k", good.GetId())
			item.RegistrationCertificate = []byte("x")
			return item
		}},
		{"with a viewing system", "INVALID_ITEM", "item.viewing.url", func() *intakev1.SendItem {
			item := w.handing(t, "k", good.GetId())
			item.Viewing = &intakev1.Viewing{Url: "https://view.example/", ViewingSystem: w.system}
			return item
		}},
		{"attachments without a document", "INVALID_ITEM", "item.attachmentContents", func() *intakev1.SendItem {
			return w.item(t, "k", func(i *intakev1.SendItem) { i.AttachmentContents = []string{good.GetId()} })
		}},
		{"neither document nor reference", "INVALID_ITEM", "item", func() *intakev1.SendItem { return w.handing(t, "k", "") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refused := w.refused(t, tc.item())
			require.Equal(t, tc.reason, refused.Reason)
			require.NotEmpty(t, refused.Violations)
			require.Equal(t, tc.field, refused.Violations[0].Field)
		})
	}
	require.Zero(t, w.count(t, "document"))

	content.away = true
	refused := w.refused(t, w.handing(t, "k", good.GetId()))
	require.Equal(t, fault.Unavailable, refused.Kind)
	require.Equal(t, "CONTENT_UNAVAILABLE", refused.Reason)
	// What hands nothing over does not need the content unit.
	w.send(t, w.item(t, "own-1"))
}

// A member of this relay sends in its session, from its own address, and its acts are the sender's own.
func TestMembersSend(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	later := w.archive.at.Add(24 * time.Hour)
	member := unittest.NewID()
	client := intakev1.NewIntakeServiceClient(w.Recipient(t, member))
	document := content.upload(member, later)
	_, err := client.Send(t.Context(), &intakev1.SendRequest{Item: w.handing(t, "own-1", document.GetId())})
	require.Equal(t, "SENDER_ADDRESS_NOT_REGISTERED", fault.As(err).Reason, "not before the hub has registered its address (guide 4.2.1)")

	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: "m@x", OccurredAt: w.archive.at, Message: &addressv1.AddressRegistered{
		Address: "m@x", PlatformId: unittest.Platform, ValidFrom: timestamppb.New(w.archive.at.Add(-time.Hour)), Recipient: member,
	}})
	_, err = client.Send(t.Context(), &intakev1.SendRequest{Item: w.handing(t, "own-1", document.GetId())})
	require.NoError(t, err)
	var accepted intakev1.DocumentAccepted
	require.NoError(t, proto.Unmarshal(w.Stated(t, &intakev1.DocumentAccepted{})[0].GetPayload(), &accepted))
	require.Equal(t, member, accepted.GetFacts().GetSender())
	require.Equal(t, member, accepted.GetFacts().GetActor())
	require.Equal(t, "m@x", accepted.GetFacts().GetFrom().GetAddress())
	require.NotEmpty(t, accepted.GetAuthentication().GetTokenId())
	_, err = uuid.Parse(accepted.GetFacts().GetDocumentContent())
	require.NoError(t, err)
}

// For an organisation sends who has the right to now, whatever the session said when it began.
func TestSentForAnOrganisation(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	organisation, person := w.member(t, "org@x"), unittest.NewID()
	document := content.upload(organisation, w.archive.at.Add(24*time.Hour))
	client := intakev1.NewIntakeServiceClient(w.ActingFor(t, organisation, person))
	request := &intakev1.SendRequest{Item: w.handing(t, "own-1", document.GetId())}
	w.roles.give(person, "authorisations", "documents.read", "documents.receive")
	_, err := client.Send(t.Context(), request)
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	require.Zero(t, w.count(t, "document"))

	w.roles.give(person, "documents.read", "documents.send")
	_, err = client.Send(t.Context(), request)
	require.NoError(t, err)
	facts := unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench)[0].GetFacts()
	require.Equal(t, []string{organisation, person}, []string{facts.GetSender(), facts.GetActor()})
}
