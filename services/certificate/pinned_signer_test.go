package certificate

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/sandbox/certpdf" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/pki"     //nolint:depguard // as above
)

var envelopeChecks = []protoreflect.Name{"signature", "chain", "identity"}

// pinnedSigner reads the hub's file by its signer alone.
func pinnedSigner(accepted ...string) func(*Config) {
	return func(c *Config) { c.Issuer.Profile, c.Issuer.NotCheckable = distcert.ProfilePinnedSigner, accepted }
}

var whatNobodyReads = []string{"validity", "hash", "edoc_num", "cert_num", "parties", "attachments", "sent_at", "received_at", "read_at"}

// A file whose statements cannot be read is issued where the policy names all that is not checkable, and everybody is told what
// that is.
func TestPinnedSigner(t *testing.T) {
	t.Parallel()
	b := setup(t, pinnedSigner(whatNobodyReads...))
	got := ended(t, b.asSender(t), b.circulated(t, 1), "req")
	require.Equal(t, stateIssued, got.GetState(), got.GetReason())
	same(t, outcomes(uncheckable, passedCheck, envelopeChecks...), got.GetChecks())
	require.Equal(t, b.Clock.Now().Truncate(time.Second), got.GetIssuedAt().AsTime(), "the time of the signature")
	require.Nil(t, got.GetValidUntil())
	shown, err := protojson.Marshal(got.GetChecks())
	require.NoError(t, err)
	var inJSON map[string]string
	require.NoError(t, json.Unmarshal(shown, &inJSON))
	require.Equal(t, "CHECK_OUTCOME_NOT_CHECKABLE", inJSON["receivedAt"])
	require.ElementsMatch(t, whatNobodyReads, unittest.AwaitFacts[*certificatev1.CertificateIssued](t, b.Bench, 1)[0].GetNotCheckable())
	attempted := &certificatev1.CertificateAttempted{}
	_, private := b.private(t, got.GetEdocNum())
	require.NoError(t, proto.Unmarshal(private[2].GetPayload(), attempted))
	require.ElementsMatch(t, whatNobodyReads, attempted.GetNotCheckable())
	require.Equal(t, []string{"format", "signature", "chain", "identity"}, attempted.GetPassed())
	require.Equal(t, distcert.ProfilePinnedSigner, attempted.GetProfile())
	_, err = download(t, b.asSender(t), got.GetId())
	require.NoError(t, err)
	_, err = b.App.Exec(t.Context(), `update certificate set not_checkable = array_remove(not_checkable, 'hash')`)
	require.ErrorContains(t, err, "certificate_issued_only_checked")
	_, err = b.App.Exec(t.Context(), `update certificate set passed = array_remove(passed, 'chain'), not_checkable = not_checkable || '{chain}'`)
	require.ErrorContains(t, err, "certificate_issued_only_checked")
}

// The hub's signature is PAdES, so where only another form is accepted its file fails.
func TestPinnedSignerOfAnotherForm(t *testing.T) {
	t.Parallel()
	b := setup(t, pinnedSigner(whatNobodyReads...), func(c *Config) { c.Issuer.SubFilters = []string{distcert.SubFilterPKCS7} })
	got := ended(t, b.asSender(t), b.circulated(t, 1), "req")
	require.Equal(t, "CHECK_FAILED", got.GetReason())
}

// Whatever the policy does not name is demanded, and what the signer's own statements allow is checked: who signed, that nothing
// was changed, that it was signed since it was asked for.
func TestPinnedSignerRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy []string
		issue  func(b *office, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error)
		want   *certificatev1.Checks
	}{
		"no policy":   {want: outcomes(uncheckable, passedCheck, envelopeChecks...)},
		"all but one": {policy: whatNobodyReads[1:], want: outcomes(uncheckable, passedCheck, envelopeChecks...)},
		"another signer": {policy: whatNobodyReads, issue: func(b *office, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error) {
			return b.render(b.content(r), b.pki.Signer(pki.Archive))
		}, want: nil},
		"an older file of the signer": {policy: whatNobodyReads, issue: func(b *office, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error) {
			signer := b.pki.Signer(pki.Hub)
			pdf, err := certpdf.Render(b.content(r), certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: b.Clock.Now().Add(-time.Minute)})
			return &hubv1.IssueDistributionCertificateResponse{CertNum: certNum, Pdf: pdf}, err
		}, want: func() *certificatev1.Checks {
			c := outcomes(uncheckable, passedCheck, envelopeChecks...)
			c.Validity = failedCheck
			return c
		}()},
		"changed": {policy: whatNobodyReads, issue: func(b *office, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error) {
			a, err := b.genuine(r, 1)
			a.GetPdf()[12] ^= 1
			return a, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, pinnedSigner(tc.policy...))
			if tc.issue != nil {
				b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
					return tc.issue(b, r)
				}
			}
			got := ended(t, b.asSender(t), b.circulated(t, 1), "req")
			require.Equal(t, stateNotIssued, got.GetState())
			require.Equal(t, "CHECK_FAILED", got.GetReason())
			if tc.want != nil {
				same(t, tc.want, got.GetChecks())
			}
			_, err := download(t, b.asSender(t), got.GetId())
			require.Error(t, err)
		})
	}
}
