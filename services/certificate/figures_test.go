package certificate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/sandbox/certpdf" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/pki"     //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// fakeAddresses plays the address unit: everybody has an address but those named in none.
type fakeAddresses struct {
	addressv1.UnimplementedAddressServiceServer
	mu   sync.Mutex
	none map[string]bool
	err  error
}

func (f *fakeAddresses) GetOwnerAddress(_ context.Context, r *addressv1.GetOwnerAddressRequest) (*addressv1.GetOwnerAddressResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.err != nil:
		return nil, f.err
	case f.none[r.GetOwner()]:
		return nil, fault.New(fault.NotFound, "address", addressv1.Reason_REASON_NOT_A_MEMBER, "")
	default:
		return &addressv1.GetOwnerAddressResponse{Address: senderAddr}, nil
	}
}

type figuresAnswer = *hubv1.IssueFiguresCertificateResponse

func (f *fakeHub) IssueFiguresCertificate(_ context.Context, r *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
	f.mu.Lock()
	f.figuresAsked = append(f.figuresAsked, r)
	attempt, figured := len(f.figuresAsked), f.figured
	f.mu.Unlock()
	return figured(r, attempt)
}

// figured issues a genuine certificate of figures, signed by the signer.
func (b *office) figured(r *hubv1.IssueFiguresCertificateRequest, signer pki.Signer) (figuresAnswer, error) {
	pdf, err := certpdf.RenderFigures(certpdf.Figures{
		Address: r.GetAddress(), Name: "나루상사", Period: r.GetPeriod(), ReceivedOfSent: 5, ReadOfSent: 3, Received: 4, Read: 2, IssuedAt: b.Clock.Now(),
	}, certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: b.Clock.Now()})
	if err != nil {
		return nil, err
	}
	return &hubv1.IssueFiguresCertificateResponse{
		Address: r.GetAddress(), Period: r.GetPeriod(), ReceivedOfSent: 5, ReadOfSent: 3, Received: 4, Read: 2,
		Statement: []byte(`{"resultCode":1,"period":"` + r.GetPeriod() + `"}`), Pdf: pdf, Exchange: id.New().String(),
	}, nil
}

func figuresSetup(t testing.TB, change ...func(c *Config)) *office {
	t.Helper()
	b := setup(t, change...)
	b.hub.figured = func(r *hubv1.IssueFiguresCertificateRequest, _ int) (figuresAnswer, error) {
		return b.figured(r, b.pki.Signer(pki.Hub))
	}
	return b
}

func (b *office) figures(t testing.TB) certificatev1.FiguresServiceClient {
	t.Helper()
	return certificatev1.NewFiguresServiceClient(b.Sender(t, b.sender))
}

// figuresEnded asks for a month's figures and waits until the request has ended.
func figuresEnded(t testing.TB, c certificatev1.FiguresServiceClient, period, requestID string) *certificatev1.Figures {
	t.Helper()
	asked, err := c.RequestFigures(t.Context(), &certificatev1.RequestFiguresRequest{Period: period, RequestId: requestID})
	require.NoError(t, err)
	var got *certificatev1.Figures
	await.Require(t, unittest.Patience, func() bool {
		answer, err := c.GetFigures(t.Context(), &certificatev1.GetFiguresRequest{Id: asked.GetFigures().GetId()})
		require.NoError(t, err)
		got = answer.GetFigures()
		return got.GetState() != certificatev1.CertificateState_CERTIFICATE_STATE_REQUESTED
	})
	return got
}

// A party gets the figures of its own address, with the PDF and the JSON part as they came; the same request is asked once;
// others see nothing.
func TestFigures(t *testing.T) {
	t.Parallel()
	b := figuresSetup(t)
	got := figuresEnded(t, b.figures(t), "2025-03", "f-1")
	require.Equal(t, stateIssued, got.GetState())
	require.Equal(t, []any{senderAddr, "2025-03", int64(5), int64(3), int64(4), int64(2)},
		[]any{got.GetAddress(), got.GetPeriod(), got.GetReceivedOfSent(), got.GetReadOfSent(), got.GetReceived(), got.GetRead()})
	require.Equal(t, b.Clock.Now().Truncate(time.Second), got.GetIssuedAt().AsTime())
	require.Equal(t, got.GetId(), figuresEnded(t, b.figures(t), "2025-03", "f-1").GetId())
	require.Len(t, b.hub.figuresAsked, 1)
	require.Equal(t, senderAddr, b.hub.figuresAsked[0].GetAddress())

	pdf, err := b.figures(t).DownloadFigures(t.Context(), &certificatev1.DownloadFiguresRequest{Id: got.GetId()})
	require.NoError(t, err)
	require.Equal(t, "application/pdf", pdf.GetContentType())
	digest := sha256.Sum256(pdf.GetData())
	require.Equal(t, hex.EncodeToString(digest[:]), got.GetPdfDigest())
	statement, err := b.figures(t).DownloadFiguresStatement(t.Context(), &certificatev1.DownloadFiguresStatementRequest{Id: got.GetId()})
	require.NoError(t, err)
	require.Equal(t, []string{"application/json", `{"resultCode":1,"period":"2025-03"}`}, []string{statement.GetContentType(), string(statement.GetData())})
	digest = sha256.Sum256(statement.GetData())
	require.Equal(t, hex.EncodeToString(digest[:]), got.GetStatementDigest())
	require.Zero(t, b.count(t, `select count(*) from figures_file, unnest(pieces) p where position('%PDF-1' in encode(p, 'escape')) > 0`))

	more := figuresEnded(t, b.figures(t), "2025-04", "f-2")
	page, err := b.figures(t).ListFigures(t.Context(), &certificatev1.ListFiguresRequest{PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, more.GetId(), page.GetFigures()[0].GetId())
	page, err = b.figures(t).ListFigures(t.Context(), &certificatev1.ListFiguresRequest{PageSize: 1, PageToken: page.GetNextPageToken()})
	require.NoError(t, err)
	require.Equal(t, got.GetId(), page.GetFigures()[0].GetId())
	require.Empty(t, page.GetNextPageToken())

	stranger := certificatev1.NewFiguresServiceClient(b.Recipient(t, b.recipient))
	_, err = stranger.GetFigures(t.Context(), &certificatev1.GetFiguresRequest{Id: got.GetId()})
	require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err))
	_, err = stranger.DownloadFigures(t.Context(), &certificatev1.DownloadFiguresRequest{Id: got.GetId()})
	require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err))
	require.Len(t, b.Stated(t, &certificatev1.FiguresAttempted{}), 2)
}

// What is refused before the hub is asked.
func TestFiguresThatAreNotAskedFor(t *testing.T) {
	t.Parallel()
	b := figuresSetup(t)
	figuresEnded(t, b.figures(t), "2025-03", "f-1")
	ask := func(c certificatev1.FiguresServiceClient, period, requestID string) string {
		_, err := c.RequestFigures(t.Context(), &certificatev1.RequestFiguresRequest{Period: period, RequestId: requestID})
		return fault.ReasonOf(err)
	}
	next := b.Clock.Now().In(id.KST).AddDate(0, 0, 32).Format("2006-01")
	require.Equal(t, "INVALID_REQUEST", ask(b.figures(t), next, "f-2"))
	require.Equal(t, "INVALID_REQUEST", ask(b.figures(t), "2025-13", "f-2"))
	require.Equal(t, "REQUEST_ID_REUSED", ask(b.figures(t), "2025-04", "f-1"))
	b.addresses.none = map[string]bool{b.recipient: true}
	recipient := certificatev1.NewFiguresServiceClient(b.Recipient(t, b.recipient))
	require.Equal(t, "WITHOUT_ADDRESS", ask(recipient, "2025-03", "f-1"))
	b.addresses.mu.Lock()
	b.addresses.err = fault.New(fault.Unavailable, "address", nil, "")
	b.addresses.mu.Unlock()
	_, err := b.figures(t).RequestFigures(t.Context(), &certificatev1.RequestFiguresRequest{Period: "2025-05", RequestId: "f-3"})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = b.figures(t).GetFigures(t.Context(), &certificatev1.GetFiguresRequest{Id: uuid.NewString()})
	require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err))
	require.Len(t, b.hub.figuresAsked, 1)
}

// A file that fails a check is kept and never handed out.
func TestFiguresThatAreNotHandedOut(t *testing.T) {
	t.Parallel()
	b := figuresSetup(t)
	for i, tt := range []struct {
		name   string
		change func(a figuresAnswer, r *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error)
		failed []string
	}{
		{"forged: a byte changed", func(a figuresAnswer, _ *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			a.Pdf[12] ^= 0x01
			return a, nil
		}, []string{"signature"}},
		{"of a stranger", func(_ figuresAnswer, r *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			signer, err := b.pki.Foreign(pki.Hub)
			if err != nil {
				return nil, err
			}
			return b.figured(r, signer)
		}, []string{"chain"}},
		{"of another sandbox system", func(_ figuresAnswer, r *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			return b.figured(r, b.pki.Signer(pki.Archive))
		}, []string{"chain", "identity"}},
		{"about another address", func(a figuresAnswer, _ *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			a.Address = "somebody-else"
			return a, nil
		}, []string{"address"}},
		{"about another month", func(a figuresAnswer, _ *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			a.Period = "2025-01"
			return a, nil
		}, []string{"period"}},
		{"no PDF", func(a figuresAnswer, _ *hubv1.IssueFiguresCertificateRequest) (figuresAnswer, error) {
			a.Pdf = []byte("%PDF-1.7")
			return a, nil
		}, []string{"format", "signature", "chain", "identity", "validity"}},
	} {
		b.hub.mu.Lock()
		b.hub.figured = func(r *hubv1.IssueFiguresCertificateRequest, _ int) (figuresAnswer, error) {
			a, err := b.figured(r, b.pki.Signer(pki.Hub))
			if err != nil {
				return nil, err
			}
			return tt.change(a, r)
		}
		b.hub.mu.Unlock()
		got := figuresEnded(t, b.figures(t), "2025-03", fmt.Sprintf("f-%d", i))
		require.Equal(t, []any{stateNotIssued, "CHECK_FAILED"}, []any{got.GetState(), got.GetReason()}, tt.name)
		require.Empty(t, got.GetPdfDigest())
		require.Zero(t, got.GetReceived())
		_, err := b.figures(t).DownloadFigures(t.Context(), &certificatev1.DownloadFiguresRequest{Id: got.GetId()})
		require.Equal(t, "NOT_ISSUED", fault.ReasonOf(err), tt.name)
		stated := unittest.AwaitFacts[*certificatev1.FiguresAttempted](t, b.Bench, i+1)
		require.Subset(t, stated[i].GetFailed(), tt.failed, tt.name)
		require.Equal(t, 2, b.count(t, `select count(*) from figures_file where id = $1`, got.GetId()), tt.name)
	}
}

// An earlier file of the same signer, for the same month, is no answer to a later request.
func TestFiguresOfAnEarlierRequest(t *testing.T) {
	t.Parallel()
	b := figuresSetup(t)
	earlier, err := b.figured(&hubv1.IssueFiguresCertificateRequest{Address: senderAddr, Period: "2025-03"}, b.pki.Signer(pki.Hub))
	require.NoError(t, err)
	b.Clock.Advance(time.Minute)
	b.hub.figured = func(*hubv1.IssueFiguresCertificateRequest, int) (figuresAnswer, error) { return earlier, nil }
	got := figuresEnded(t, b.figures(t), "2025-03", "f-1")
	require.Equal(t, []any{stateNotIssued, "CHECK_FAILED"}, []any{got.GetState(), got.GetReason()})
	require.Equal(t, []string{"validity"}, unittest.AwaitFacts[*certificatev1.FiguresAttempted](t, b.Bench, 1)[0].GetFailed())
}

// That the hub has no circulation in a month ends the request; another refusal is asked again for the patience, and an
// unavailable hub until it answers.
func TestHubRefusesFigures(t *testing.T) {
	t.Parallel()
	b := figuresSetup(t)
	b.hub.figured = func(*hubv1.IssueFiguresCertificateRequest, int) (figuresAnswer, error) {
		return nil, hubFault(fault.Conflict, hubv1.Reason_REASON_NO_CIRCULATION)
	}
	got := figuresEnded(t, b.figures(t), "2025-03", "f-1")
	require.Equal(t, []any{stateNotIssued, "NO_FIGURES"}, []any{got.GetState(), got.GetReason()})
	require.Equal(t, "ERR-01-501", unittest.AwaitFacts[*certificatev1.FiguresAttempted](t, b.Bench, 1)[0].GetHubCode())

	b.hub.mu.Lock()
	b.hub.figured = func(r *hubv1.IssueFiguresCertificateRequest, attempt int) (figuresAnswer, error) {
		switch attempt {
		case 2:
			return nil, hubFault(fault.Unavailable, hubv1.Reason_REASON_HUB_UNAVAILABLE)
		case 3:
			return nil, hubFault(fault.Conflict, hubv1.Reason_REASON_HUB_REFUSED)
		default:
			return b.figured(r, b.pki.Signer(pki.Hub))
		}
	}
	b.hub.mu.Unlock()
	got = figuresEnded(t, b.figures(t), "2025-03", "f-2")
	require.Equal(t, stateIssued, got.GetState())
	require.Empty(t, got.GetRefusal())

	b.hub.mu.Lock()
	b.hub.figured = func(*hubv1.IssueFiguresCertificateRequest, int) (figuresAnswer, error) {
		return nil, hubFault(fault.Conflict, hubv1.Reason_REASON_HUB_REFUSED)
	}
	b.hub.mu.Unlock()
	asked, err := b.figures(t).RequestFigures(t.Context(), &certificatev1.RequestFiguresRequest{Period: "2025-03", RequestId: "f-3"})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool {
		answer, err := b.figures(t).GetFigures(t.Context(), &certificatev1.GetFiguresRequest{Id: asked.GetFigures().GetId()})
		require.NoError(t, err)
		return answer.GetFigures().GetRefusal() == "ERR-01-501"
	})
	b.Advance(t, 25*time.Hour)
	b.database.Advance(25 * time.Hour)
	got = figuresEnded(t, b.figures(t), "2025-03", "f-3")
	require.Equal(t, []any{stateNotIssued, "HUB_REFUSED"}, []any{got.GetState(), got.GetReason()})
}
