package certificate

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeOffice is what intake and delivery know of documents.
type fakeOffice struct {
	mu    sync.Mutex
	facts map[string]*platformv1.DocumentFacts
	// err is answered to every question; hang leaves it without an answer.
	err   error
	hang  bool
	asked []string
}

func (f *fakeOffice) answer(ctx context.Context, number string) (*platformv1.DocumentFacts, error) {
	f.mu.Lock()
	f.asked = append(f.asked, number)
	facts, err, hang := f.facts[number], f.err, f.hang
	f.mu.Unlock()
	switch {
	case hang:
		<-ctx.Done()
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case facts == nil:
		return nil, fault.New(fault.NotFound, "office", nil, "")
	default:
		return facts, nil
	}
}

func (f *fakeOffice) knows(facts *platformv1.DocumentFacts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.facts == nil {
		f.facts = map[string]*platformv1.DocumentFacts{}
	}
	f.facts[facts.GetEdocNum()] = facts
}

func (f *fakeOffice) fails(err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func (f *fakeOffice) questions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.asked...)
}

type fakeIntake struct {
	intakev1.UnimplementedIntakeLookupServiceServer
	fakeOffice
}

func (f *fakeIntake) GetDocument(ctx context.Context, r *intakev1.GetDocumentRequest) (*intakev1.GetDocumentResponse, error) {
	facts, err := f.answer(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &intakev1.GetDocumentResponse{Facts: facts}, nil
}

type fakeDelivery struct {
	deliveryv1.UnimplementedDeliveryLookupServiceServer
	fakeOffice
}

func (f *fakeDelivery) GetReceived(ctx context.Context, r *deliveryv1.GetReceivedRequest) (*deliveryv1.GetReceivedResponse, error) {
	facts, err := f.answer(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &deliveryv1.GetReceivedResponse{Facts: facts}, nil
}

// accepted lets intake know a document, and entered lets delivery, while the events about it are still on their way.
func (b *bundle) accepted(edocNum string) {
	b.intake.knows(&platformv1.DocumentFacts{EdocNum: edocNum, Sender: b.sender})
}

func (b *bundle) entered(edocNum string) {
	b.accepted(edocNum)
	b.delivery.knows(&platformv1.DocumentFacts{EdocNum: edocNum, Sender: b.sender, Recipient: b.recipient, ReceivedAt: timestamppb.New(b.Clock.Now())})
}

// refused asks for a certificate and gives the fault.
func refused(t *testing.T, c certificatev1.CertificateServiceClient, edocNum string) *fault.Error {
	t.Helper()
	_, err := c.RequestCertificate(t.Context(), ask(edocNum, "req"))
	require.Error(t, err)
	return fault.As(err)
}

// A party is told, and the refusal says, that its document is not registered yet, before any event about the document has come.
func TestAPartyIsToldOfItsDocumentBeforeItsEventsCome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sent, received := b.edoc(t, 1), b.edoc(t, 2)
	b.accepted(sent)
	b.entered(received)
	for i, tt := range []struct {
		name, number string
		client       certificatev1.CertificateServiceClient
	}{
		{"the sender of an accepted document", sent, b.asSender(t)},
		{"the sender of a received document", received, b.asSender(t)},
		{"the recipient of a received document", received, b.asRecipient(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := refused(t, tt.client, tt.number)
			require.Equal(t, fault.Conflict, f.Kind)
			require.Equal(t, "NOT_REGISTERED_YET", f.Reason)
			require.Equal(t, i+1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_registered'`))
			list, err := tt.client.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: tt.number})
			require.NoError(t, err)
			require.Empty(t, list.GetCertificates())
		})
	}
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal`))
	for _, number := range []string{sent, received} {
		kept, err := evidence.BySubject(t.Context(), b.App, number, 10)
		require.NoError(t, err)
		require.NotEmpty(t, kept)
		for _, k := range kept {
			require.Equal(t, "certificate_refused", k.Kind)
			require.Equal(t, b.sender, k.Sender)
			require.Contains(t, string(k.Body), `"outcome":"not_registered"`)
		}
	}
	require.Zero(t, b.count(t, `select count(*) from document`), "an answer is not a fact of this unit")

	b.received(t, received)
	b.registered(t, received)
	intake, delivery := len(b.intake.questions()), len(b.delivery.questions())
	for _, c := range []certificatev1.CertificateServiceClient{b.asSender(t), b.asRecipient(t)} {
		require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, ended(t, c, received, "req").GetState())
	}
	require.Len(t, b.intake.questions(), intake, "what is known here is not asked for")
	require.Len(t, b.delivery.questions(), delivery)
}

// A row that some fact has made without its recipient is a miss to the recipient.
func TestARecipientIsFoundWhereOnlyTheReadTimeIsKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.readTimeRegistered(t, number)
	b.entered(number)
	require.Equal(t, "NOT_REGISTERED_YET", refused(t, b.asRecipient(t), number).Reason)
	require.Equal(t, "NOT_REGISTERED_YET", refused(t, b.asSender(t), number).Reason)
	require.Empty(t, b.intake.questions(), "the sender is known")
	require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, certificatev1.NewCertificateServiceClient(b.Recipient(t, unittest.NewID())), number).Reason)
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_entitled'`))
}

// A stranger learns nothing from what the other units know: each number is looked for in the same way, and recorded as before.
func TestAStrangerLearnsNothingFromALookup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	early, known, unknown := b.edoc(t, 1), b.circulated(t, 2), b.edoc(t, 3)
	b.entered(early)
	b.entered(known)
	for name, c := range map[string]certificatev1.CertificateServiceClient{
		"another sender":                 certificatev1.NewCertificateServiceClient(b.Sender(t, unittest.NewID())),
		"another recipient":              certificatev1.NewCertificateServiceClient(b.Recipient(t, unittest.NewID())),
		"the sender's id as a recipient": certificatev1.NewCertificateServiceClient(b.Recipient(t, b.sender)),
		"the recipient's id as a sender": certificatev1.NewCertificateServiceClient(b.Sender(t, b.recipient)),
	} {
		t.Run(name, func(t *testing.T) {
			before := len(b.intake.questions()) + len(b.delivery.questions())
			want := refused(t, c, unknown)
			require.Equal(t, fault.NotFound, want.Kind)
			require.Equal(t, "DOCUMENT_NOT_FOUND", want.Reason)
			for _, number := range []string{early, known} {
				require.Equal(t, want.Error(), refused(t, c, number).Error())
			}
			require.Equal(t, before+3, len(b.intake.questions())+len(b.delivery.questions()), "each number is asked for once")
			for _, number := range []string{unknown, early, known} {
				_, err := c.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number})
				require.Equal(t, want.Error(), fault.As(err).Error())
			}
		})
	}
	require.Equal(t, 8, b.count(t, `select count(*) from certificate_refusal where outcome = 'unknown_document'`))
	require.Equal(t, 4, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_entitled'`))
	require.Equal(t, 8, b.count(t, `select count(*) from evidence_entry where kind = 'certificate_refused' and subject <> $1 and sender = ''`, known))
}

// An answer about another number than the one asked for is no answer.
func TestALookupThatAnswersSomethingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.intake.facts = map[string]*platformv1.DocumentFacts{number: {EdocNum: b.edoc(t, 2), Sender: b.sender}}
	require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, b.asSender(t), number).Reason)
}

// Who cannot be asked is not taken for a no, whoever calls and whatever the number, and nothing is recorded.
func TestALookupThatFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		hang bool
	}{
		{"away", fault.New(fault.Unavailable, "office", nil, ""), false},
		{"not allowed", fault.New(fault.Denied, "office", nil, "the office's own words"), false},
		{"broken", fault.New(fault.Internal, "office", nil, ""), false},
		{"without an answer", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) {
				if tt.hang {
					c.Lookup.Timeout = config.Duration(50 * time.Millisecond)
				}
			})
			early, known, unknown := b.edoc(t, 1), b.circulated(t, 2), b.edoc(t, 3)
			b.entered(early)
			b.intake.fails(tt.err, tt.hang)
			b.delivery.fails(tt.err, tt.hang)
			for _, call := range []struct {
				client certificatev1.CertificateServiceClient
				number string
			}{
				{b.asSender(t), early},
				{b.asRecipient(t), early},
				{b.asSender(t), unknown},
				{certificatev1.NewCertificateServiceClient(b.Sender(t, unittest.NewID())), known},
			} {
				f := refused(t, call.client, call.number)
				require.Equal(t, fault.Unavailable, f.Kind)
				require.NotContains(t, f.Error(), "own words")
				_, err := call.client.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: call.number})
				require.ErrorIs(t, err, fault.Unavailable)
			}
			require.Zero(t, b.count(t, `select count(*) from certificate_refusal`))
			require.Zero(t, b.count(t, `select count(*) from evidence_entry where kind = 'certificate_refused'`))
			got := ended(t, b.asSender(t), known, "req")
			require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, got.GetState(), "what is known here needs nobody")
		})
	}
}
