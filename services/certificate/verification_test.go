package certificate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/tsp"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// Anybody has a file verified, and nothing of it is kept; what is no bundle is told as that.
func TestVerifyFile(t *testing.T) {
	t.Parallel()
	folder := "../../e2e/vectors/"
	b := setup(t, func(c *Config) {
		c.Verification.TrustDir, c.Verification.MaxBytes = folder+"trust", 1<<20
	})
	client := certificatev1.NewVerificationServiceClient(b.Bearing(t, ""))
	verify := func(content []byte, hash string) (*certificatev1.ValidationReport, error) {
		stream, err := client.VerifyFile(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.Send(&certificatev1.VerifyFileRequest{DocumentHash: hash}))
		for piece := range slices.Chunk(content, rpc.PieceBytes) {
			if err := stream.Send(&certificatev1.VerifyFileRequest{Data: piece}); err != nil {
				break // the answer says why
			}
		}
		answer, err := stream.CloseAndRecv()
		return answer.GetReport(), err
	}
	good, err := os.ReadFile(folder + "good/submission.asice")
	require.NoError(t, err)
	report, err := verify(good, hashOf(nil))
	require.NoError(t, err)
	require.Len(t, report.GetChecks(), len(bundle.DefinitionsOf(bundle.KindBundle)))
	require.Equal(t, "20260302_NARU000001_0000000000001", report.GetBundle().GetEdocNum())
	require.False(t, report.GetValid(), "another document was presented")
	for _, check := range report.GetChecks() {
		if check.GetOutcome() == failedCheck {
			require.Equal(t, bundle.CheckPresentedDocument, check.GetId())
		}
		require.NotEmpty(t, check.GetKorean())
		require.NotEmpty(t, check.GetEnglish())
	}
	receipt, err := os.ReadFile(folder + "good/receipt_of_batch.txt")
	require.NoError(t, err)
	report, err = verify(receipt, "")
	require.NoError(t, err)
	require.True(t, report.GetValid())
	require.Equal(t, string(bundle.KindReceipt), report.GetKind())
	require.Nil(t, report.GetBundle())
	require.Equal(t, []any{"시험용 중계자", "20260302_NARU000001_0000000000003", "own-3", "2026-03-02T01:10:00.123456Z"}, []any{
		report.GetReceipt().GetRelay(), report.GetReceipt().GetEdocNum(), report.GetReceipt().GetOwnKey(), report.GetReceipt().GetAcceptedAt().AsTime().Format(time.RFC3339Nano),
	})
	log, err := os.ReadFile(folder + "good/viewing_log.txt")
	require.NoError(t, err)
	report, err = verify(log, "")
	require.NoError(t, err)
	require.True(t, report.GetValid())
	told := report.GetViewingLog()
	require.Equal(t, []any{string(bundle.KindViewingLog), "시험용 중계자", "20260302_NARU000001_0000000000001", "recipient", int32(2), int32(1)},
		[]any{report.GetKind(), told.GetRelay(), told.GetEdocNum(), told.GetParty(), told.GetEntries(), told.GetOpened()})
	require.Equal(t, []string{"2026-03-02T03:00:00.123456Z", "2026-03-02T01:30:00.123456Z"},
		[]string{told.GetMadeAt().AsTime().Format(time.RFC3339Nano), told.GetReadAt().AsTime().Format(time.RFC3339Nano)})
	report, err = verify([]byte("no bundle"), "")
	require.NoError(t, err)
	require.Nil(t, report.GetBundle())
	require.Equal(t, failedCheck, report.GetChecks()[0].GetOutcome())
	_, err = verify(make([]byte, 1<<20+1), "")
	require.Equal(t, "FILE_TOO_LARGE", fault.As(err).Reason)
	limits, err := client.GetVerificationLimits(t.Context(), &certificatev1.GetVerificationLimitsRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, limits.GetFileBytes())
	alone := t.TempDir()
	settings, err := os.ReadFile(folder + "trust/" + bundle.TrustFile)
	require.NoError(t, err)
	certificates, _, found := strings.Cut(string(settings), "relays:")
	require.True(t, found)
	require.NoError(t, os.CopyFS(alone, os.DirFS(folder+"trust")))
	require.NoError(t, os.WriteFile(filepath.Join(alone, bundle.TrustFile), []byte(certificates), 0o600))
	client = certificatev1.NewVerificationServiceClient(setup(t, func(c *Config) { c.Verification.TrustDir, c.Verification.MaxBytes = alone, 1<<20 }).Bearing(t, ""))
	_, err = verify(receipt, "")
	require.Equal(t, "KIND_NOT_OFFERED", fault.As(err).Reason, "no relay is trusted")
	none := certificatev1.NewVerificationServiceClient(setup(t).Bearing(t, ""))
	stream, err := none.VerifyFile(t.Context())
	require.NoError(t, err)
	_, err = stream.CloseAndRecv()
	require.Equal(t, "VERIFICATION_NOT_OFFERED", fault.As(err).Reason)
}

// Who asks for it gets the report as a PDF that this relay signed and an authority stamped; without a stamp there is none.
func TestSignedReport(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	client := certificatev1.NewVerificationServiceClient(w.Bearing(t, ""))
	sign := func(client certificatev1.VerificationServiceClient) (*certificatev1.VerifyFileResponse, error) {
		stream, err := client.VerifyFile(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.Send(&certificatev1.VerifyFileRequest{Data: []byte("no bundle")}))
		require.NoError(t, stream.Send(&certificatev1.VerifyFileRequest{SignedReport: true}))
		return stream.CloseAndRecv()
	}
	answer, err := sign(client)
	require.NoError(t, err)
	require.False(t, answer.GetReport().GetValid())
	trust := w.trust(t)
	judged, err := pades.Verify(answer.GetReport().GetSignedReport(), pades.Trust{Roots: trust.Assemblers, TimeStamps: tsp.Trust{Roots: w.tsaRoot.Pool()}}, w.Clock.Now())
	require.NoError(t, err)
	require.True(t, judged.Valid, "%+v", judged)
	limits, err := client.GetVerificationLimits(t.Context(), &certificatev1.GetVerificationLimitsRequest{})
	require.NoError(t, err)
	require.True(t, limits.GetSignedReports())

	w.tsa.Away(true)
	_, err = sign(client)
	require.Equal(t, "SIGNED_REPORT_UNAVAILABLE", fault.As(err).Reason)
	none := certificatev1.NewVerificationServiceClient(setup(t, func(c *Config) { c.Verification.TrustDir = "../../e2e/vectors/trust" }).Bearing(t, ""))
	_, err = sign(none)
	require.Equal(t, "SIGNED_REPORT_UNAVAILABLE", fault.As(err).Reason)
}
