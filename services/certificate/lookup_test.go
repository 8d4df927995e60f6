package certificate

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeOffice plays another unit that answers about documents.
type fakeOffice[A proto.Message] struct {
	mu      sync.Mutex
	answers map[string]A
	// err is the answer to every question; hang answers none.
	err   error
	hang  bool
	asked []string
}

func (f *fakeOffice[A]) answer(ctx context.Context, number string) (none A, _ error) {
	f.mu.Lock()
	f.asked = append(f.asked, number)
	answer, found := f.answers[number]
	err, hang := f.err, f.hang
	f.mu.Unlock()
	switch {
	case hang:
		<-ctx.Done()
		return none, ctx.Err()
	case err != nil:
		return none, err
	case !found:
		return none, fault.New(fault.NotFound, "office", nil, "")
	default:
		return answer, nil
	}
}

func (f *fakeOffice[A]) knows(number string, answer A) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string]A{}
	}
	f.answers[number] = answer
}

func (f *fakeOffice[A]) known(number string) (A, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, found := f.answers[number]
	return answer, found
}

func (f *fakeOffice[A]) fails(err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func (f *fakeOffice[A]) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

type fakeIntake struct {
	intakev1.UnimplementedIntakeLookupServiceServer
	fakeOffice[*intakev1.GetDocumentResponse]
	mandates mandates
}

func (f *fakeIntake) GetDocument(ctx context.Context, r *intakev1.GetDocumentRequest) (*intakev1.GetDocumentResponse, error) {
	return f.answer(ctx, r.GetEdocNum())
}

type fakeDelivery struct {
	deliveryv1.UnimplementedDeliveryLookupServiceServer
	fakeOffice[*deliveryv1.GetReceivedResponse]
	ends fakeOffice[*deliveryv1.GetEndResponse]
}

func (f *fakeDelivery) GetEnd(ctx context.Context, r *deliveryv1.GetEndRequest) (*deliveryv1.GetEndResponse, error) {
	return f.ends.answer(ctx, r.GetEdocNum())
}

func (f *fakeDelivery) GetReceived(ctx context.Context, r *deliveryv1.GetReceivedRequest) (*deliveryv1.GetReceivedResponse, error) {
	return f.answer(ctx, r.GetEdocNum())
}

type fakeCirculation struct {
	circulationv1.UnimplementedCirculationLookupServiceServer
	fakeOffice[*circulationv1.GetRegistrationResponse]
}

func (f *fakeCirculation) GetRegistration(ctx context.Context, r *circulationv1.GetRegistrationRequest) (*circulationv1.GetRegistrationResponse, error) {
	return f.answer(ctx, r.GetEdocNum())
}

// accepted makes intake know a document.
func (b *office) accepted(edocNum string) {
	b.intake.knows(edocNum, &intakev1.GetDocumentResponse{Facts: &platformv1.DocumentFacts{EdocNum: edocNum, Sender: b.sender, Circulation: true}})
}

// asked returns the number of questions by unit.
func (b *office) asked() map[string]int {
	return map[string]int{"intake": b.intake.questions(), "delivery": b.delivery.questions(), "circulation": b.circulation.questions()}
}

// refused asks for a certificate and returns the fault. The request id depends only on the number.
func refused(t *testing.T, c certificatev1.CertificateServiceClient, edocNum string) *fault.Error {
	t.Helper()
	_, err := c.RequestCertificate(t.Context(), ask(edocNum, "req-"+edocNum))
	require.Error(t, err)
	return fault.As(err)
}

// aboutADocument is a private fact of this unit that names a document.
type aboutADocument interface {
	proto.Message
	GetEdocNum() string
}

// private returns the private facts about a document in the order in which they were stated, and the names of their kinds.
func (b *office) private(t *testing.T, edocNum string) (kinds []string, events []*platformv1.Event) {
	t.Helper()
	var frames []journal.Sealed
	messages := map[frame.Kind]aboutADocument{}
	for _, message := range []aboutADocument{
		&certificatev1.CertificateRequested{}, &certificatev1.CertificateAccepted{}, &certificatev1.CertificateRefused{}, &certificatev1.CertificateAttempted{},
	} {
		found := journaltest.OfKind(t, b.App, domain, frame.KindOf(message))
		frames, messages[frame.KindOf(message)] = append(frames, found...), message
	}
	slices.SortFunc(frames, func(a, b journal.Sealed) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, f := range frames {
		opened, err := f.Events()
		require.NoError(t, err)
		for _, e := range opened {
			require.NoError(t, proto.Unmarshal(e.GetPayload(), messages[f.Kind]))
			if messages[f.Kind].GetEdocNum() == edocNum {
				kinds, events = append(kinds, string(messages[f.Kind].ProtoReflect().Descriptor().Name())), append(events, e)
			}
		}
	}
	return kinds, events
}

// A party is told that its document is not registered yet, and the stated refusal says the same, from the moment it has the
// document.
func TestAPartyIsToldThatItsDocumentIsNotRegisteredYet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sent, received := b.edoc(t, 1), b.edoc(t, 2)
	b.accepted(sent)
	b.received(received)
	for i, tt := range []struct {
		name, number string
		client       certificatev1.CertificateServiceClient
		asked        map[string]int
	}{
		{"the sender of an accepted document", sent, b.asSender(t), map[string]int{"delivery": 1, "intake": 1, "circulation": 0}},
		{"the sender of a received document", received, b.asSender(t), map[string]int{"delivery": 1, "intake": 0, "circulation": 1}},
		{"the recipient of a received document", received, b.asRecipient(t), map[string]int{"delivery": 1, "intake": 0, "circulation": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := b.asked()
			f := refused(t, tt.client, tt.number)
			after := b.asked()
			for unit, times := range tt.asked {
				require.Equal(t, times, after[unit]-before[unit], unit)
			}
			require.Equal(t, fault.Conflict, f.Kind)
			require.Equal(t, "NOT_REGISTERED_YET", f.Reason)
			require.Equal(t, i+1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_registered'`))
			list, err := tt.client.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: tt.number})
			require.NoError(t, err)
			require.Empty(t, list.GetCertificates())
		})
	}
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal`))
	for number, want := range map[string][]string{
		sent:     {"CertificateRequested", "CertificateRefused"},
		received: {"CertificateRequested", "CertificateRefused", "CertificateRequested", "CertificateRefused"},
	} {
		kinds, events := b.private(t, number)
		require.Equal(t, want, kinds)
		for i, e := range events {
			if kinds[i] == "CertificateRefused" {
				require.Equal(t, b.sender, e.GetSender())
				var told certificatev1.CertificateRefused
				require.NoError(t, proto.Unmarshal(e.GetPayload(), &told))
				require.Equal(t, notRegistered, told.GetOutcome())
			}
		}
	}
}

// What will never be certified is told as final, and the refusal says so: a document that ended before its receipt, and one
// without circulation, whether it is received or not.
func TestWhatWillNeverBeCertified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none, sentNone, cancelled := b.edoc(t, 1), b.edoc(t, 2), b.edoc(t, 3)
	b.received(none)
	got, _ := b.delivery.known(none)
	got.Facts.Circulation = false
	b.intake.knows(sentNone, &intakev1.GetDocumentResponse{Facts: &platformv1.DocumentFacts{EdocNum: sentNone, Sender: b.sender}})
	b.accepted(cancelled)
	b.delivery.ends.knows(cancelled, &deliveryv1.GetEndResponse{Ended: true})
	givenUp := b.edoc(t, 4)
	b.received(givenUp)
	b.circulation.knows(givenUp, &circulationv1.GetRegistrationResponse{GivenUp: true})
	for _, test := range []struct {
		number, reason string
		client         certificatev1.CertificateServiceClient
	}{
		{none, "WITHOUT_CIRCULATION", b.asSender(t)}, {none, "WITHOUT_CIRCULATION", b.asRecipient(t)},
		{sentNone, "WITHOUT_CIRCULATION", b.asSender(t)}, {cancelled, "DOCUMENT_ENDED", b.asSender(t)},
		{cancelled, "DOCUMENT_NOT_FOUND", b.asRecipient(t)}, {givenUp, "REGISTRATION_GIVEN_UP", b.asSender(t)},
	} {
		f := refused(t, test.client, test.number)
		require.Equal(t, test.reason, f.Reason)
	}
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal where outcome = 'without_circulation'`))
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'ended'`))
	b.delivery.ends.fails(fault.New(fault.Unavailable, "delivery", nil, ""), false)
	require.Equal(t, fault.Unavailable, refused(t, b.asSender(t), cancelled).Kind, "not being able to ask is no end")
}

// A recipient is none before the receipt, and a sender's own words about another's document are none of its business.
func TestARecipientHasADocumentFromItsReceiptOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.accepted(number)
	require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, b.asRecipient(t), number).Reason)
	b.received(number)
	require.Equal(t, "NOT_REGISTERED_YET", refused(t, b.asRecipient(t), number).Reason)
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_request`), "the same request, made again")
	kinds, _ := b.private(t, number)
	require.Equal(t, []string{"CertificateRequested", "CertificateRefused", "CertificateRefused"}, kinds)
}

// A stranger learns nothing from what other units know: for every number the same questions are asked, and the request is
// recorded.
func TestAStrangerLearnsNothingFromALookup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	early, known, unknown := b.edoc(t, 1), b.circulated(t, 2), b.edoc(t, 3)
	b.accepted(early)
	for name, c := range map[string]certificatev1.CertificateServiceClient{
		"another sender":                 certificatev1.NewCertificateServiceClient(b.Sender(t, unittest.NewID())),
		"another recipient":              certificatev1.NewCertificateServiceClient(b.Recipient(t, unittest.NewID())),
		"the recipient's id as a sender": certificatev1.NewCertificateServiceClient(b.Sender(t, b.recipient)),
	} {
		t.Run(name, func(t *testing.T) {
			told := func(number string) []any {
				before := b.asked()
				f := refused(t, c, number)
				_, err := c.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number})
				after := b.asked()
				for unit := range after {
					after[unit] -= before[unit]
				}
				return []any{f.Kind, f.Error(), fault.As(err).Error(), after}
			}
			want := told(unknown)
			require.Equal(t, fault.NotFound, want[0])
			for _, number := range []string{early, known} {
				require.Equal(t, want, told(number), "the same answer after the same questions")
			}
		})
	}
	asked := b.Stated(t, &certificatev1.CertificateRequested{})
	require.Len(t, asked, 9)
	for _, e := range asked {
		require.Empty(t, e.GetSender())
	}
	require.Len(t, b.Stated(t, &certificatev1.CertificateRefused{}), 9)
	require.Equal(t, 6, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_entitled'`), "two numbers, to three strangers")
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal where outcome = 'unknown_document'`))
}

// A member of this relay that sent a document has the sender's right to its certificate, in its session.
func TestAMemberThatSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.accepted(number)
	member := certificatev1.NewCertificateServiceClient(b.Recipient(t, b.sender))
	require.Equal(t, "NOT_REGISTERED_YET", refused(t, member, number).Reason)
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_registered'`))
}

// An answer about another number than the requested one counts as no answer.
func TestALookupThatAnswersSomethingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.intake.knows(number, &intakev1.GetDocumentResponse{Facts: &platformv1.DocumentFacts{EdocNum: b.edoc(t, 2), Sender: b.sender}})
	b.delivery.knows(number, &deliveryv1.GetReceivedResponse{Facts: &platformv1.DocumentFacts{EdocNum: b.edoc(t, 2), Sender: b.sender, Recipient: b.recipient}})
	require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, b.asSender(t), number).Reason)
	require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, b.asRecipient(t), number).Reason)
}

// A unit that cannot be asked does not count as a no, for any caller and number: the request is recorded, nothing is decided, and
// the same request succeeds later.
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
					c.Lookup.Timeout = config.Duration(500 * time.Millisecond)
				}
			})
			early, known, unknown, had := b.edoc(t, 1), b.circulated(t, 2), b.edoc(t, 3), b.circulated(t, 4)
			b.accepted(early)
			stranger := certificatev1.NewCertificateServiceClient(b.Sender(t, unittest.NewID()))
			got := ended(t, b.asSender(t), had, "req-"+had)
			away := func(client certificatev1.CertificateServiceClient, number string) {
				f := refused(t, client, number)
				require.Equal(t, fault.Unavailable, f.Kind)
				require.NotContains(t, f.Error(), "own words")
			}
			b.circulation.fails(tt.err, tt.hang)
			away(b.asSender(t), known)
			away(b.asRecipient(t), known)
			require.Equal(t, "DOCUMENT_NOT_FOUND", refused(t, stranger, known).Reason, "circulation is asked for parties only")
			b.intake.fails(tt.err, tt.hang)
			away(b.asSender(t), early)
			b.delivery.fails(tt.err, tt.hang)
			decided := b.count(t, `select count(*) from certificate_refusal`)
			for _, call := range []struct {
				client certificatev1.CertificateServiceClient
				number string
			}{
				{b.asSender(t), early},
				{b.asRecipient(t), early},
				{b.asSender(t), unknown},
				{stranger, had},
			} {
				away(call.client, call.number)
				_, err := call.client.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: call.number})
				require.ErrorIs(t, err, fault.Unavailable)
			}
			require.Equal(t, decided, b.count(t, `select count(*) from certificate_refusal`))
			require.Len(t, b.Stated(t, &certificatev1.CertificateRequested{}), 8, "each request once")
			require.Equal(t, 1, b.count(t, `select count(*) from certificate`))

			// An earlier request is listed, answered and downloaded without asking another unit.
			list, err := b.asSender(t).ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: had})
			require.NoError(t, err)
			require.Len(t, list.GetCertificates(), 1)
			again, err := b.asSender(t).RequestCertificate(t.Context(), ask(had, "req-"+had))
			require.NoError(t, err)
			require.Equal(t, got.GetId(), again.GetCertificate().GetId())
			_, err = download(t, b.asSender(t), got.GetId())
			require.NoError(t, err)

			b.intake.fails(nil, false)
			b.delivery.fails(nil, false)
			b.circulation.fails(nil, false)
			require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, ended(t, b.asSender(t), known, "req-"+known).GetState())
			kinds, _ := b.private(t, known)
			require.Equal(t, []string{
				"CertificateRequested", "CertificateRequested", "CertificateRequested", "CertificateRefused", "CertificateAccepted", "CertificateAttempted",
			}, kinds, "two parties and a stranger asked; one party came again")
		})
	}
}

// While circulation cannot be asked, a certificate cannot be judged: the attempt is repeated later, and the received file is
// kept.
func TestACertificateThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	away := fault.New(fault.Unavailable, "circulation", nil, "")
	b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
		b.circulation.fails([]error{away, nil}[min(attempt, 2)-1], false)
		return b.genuine(r, attempt)
	}
	c, number := b.asSender(t), b.circulated(t, 1)
	r, err := c.RequestCertificate(t.Context(), ask(number, "req"))
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool {
		return b.count(t, `select count(*) from certificate_attempt where outcome = 'unavailable' and detail = 'circulation'`) > 1
	})
	require.Len(t, b.hub.calls(), 1, "the hub is not asked for what cannot be compared")
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_file`))
	require.Empty(t, unittest.Facts[*certificatev1.CertificateFailed](t, b.Bench))
	b.circulation.fails(nil, false)
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, awaitEnd(t, c, r.GetCertificate().GetId()).GetState())
	require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))
}
