package hubcert_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/hub/hubcert"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const document = "%PDF-1.7 시험용 문서"

var now = time.Date(2026, 3, 2, 3, 0, 0, 123456000, time.UTC)

func hashOf(s string) string {
	d := sha256.Sum256([]byte(s))
	return hex.EncodeToString(d[:])
}

type bundle struct {
	t        *testing.T
	keys     *pki.Store
	renderer *hubcert.Renderer
	verifier *hubcert.Verifier
}

func setup(t *testing.T) bundle {
	t.Helper()
	c := clock.NewFake(now)
	keys, err := pki.Open(pki.Options{Dir: t.TempDir(), Clock: c})
	require.NoError(t, err)
	renderer, err := hubcert.NewRenderer(keys)
	require.NoError(t, err)
	verifier, err := hubcert.NewVerifier(keys, c)
	require.NoError(t, err)
	return bundle{t, keys, renderer, verifier}
}

func draft(change func(*hub.CertificateDraft)) hub.CertificateDraft {
	read := now.Add(-time.Minute)
	docType := int16(0)
	d := hub.CertificateDraft{
		Number: "2026-0302-0000-0001", Applicant: "sender", Reason: "제출용", IssuedAt: now,
		Circulation: hub.Circulation{
			EdocNum: "20260302_NARU000001_0000000000001", Subject: "시험 안내문", SendEaddr: "sender", RecvEaddr: "recipient",
			SendPlatformID: "naru-01-relay", RecvPlatformID: "peer-01-relay", SendName: "가상구청", RecvName: "강나루",
			SendDate: now.Add(-time.Hour), RecvDate: now.Add(-time.Hour), ReadDate: &read, DocType: &docType,
			ContentHash: strings.ToUpper(hashOf(document)), FileHashes: []string{},
		},
	}
	if change != nil {
		change(&d)
	}
	return d
}

func (b bundle) render(d hub.CertificateDraft) []byte {
	b.t.Helper()
	pdf, err := b.renderer.RenderCertificate(b.t.Context(), d)
	require.NoError(b.t, err)
	return pdf
}

func (b bundle) original(content string, kind pki.Kind) []byte {
	b.t.Helper()
	signer := b.keys.Signer(kind)
	der, err := archivecert.IssueOriginal(archivecert.Statement{
		CertificateNumber: "o-1", DocumentID: "d-1", Issuer: signer.Chain[0].Subject.CommonName, Owner: "가상구청", Hash: hashOf(content),
		RegisteredAt: now.Add(-2 * time.Hour), ValidFrom: now.Add(-2 * time.Hour), ValidUntil: now.AddDate(1, 0, 0),
	}, hashOf("registration"), archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, now)
	require.NoError(b.t, err)
	return der
}

// failed verifies a pair and returns the checks that did not pass.
func (b bundle) failed(distribution, original []byte, content string) []string {
	b.t.Helper()
	checks, err := b.verifier.VerifyPair(b.t.Context(), hub.Pair{Distribution: distribution, Original: original, Document: []byte(content), At: now})
	require.NoError(b.t, err)
	require.Len(b.t, checks, 13)
	failed := []string{}
	for _, c := range checks {
		require.Equal(b.t, c.Passed, c.Detail == "", c.Name)
		if !c.Passed {
			failed = append(failed, c.Name)
		}
	}
	return failed
}

func TestPairIsVerified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good, original := b.render(draft(nil)), b.original(document, pki.Archive)
	cut := []byte(strings.Replace(string(good), "%PDF-", "%PDX-", 1))
	tests := []struct {
		name         string
		distribution []byte
		original     []byte
		document     string
		want         []string
	}{
		{"genuine", good, original, document, []string{}},
		{"other document", good, original, document + " ", []string{"hash.distribution_document", "hash.original_document"}},
		{"original of another document", good, b.original("other", pki.Archive), document, []string{"hash.original_document", "hash.distribution_original"}},
		{
			"certificate of another document", b.render(draft(func(d *hub.CertificateDraft) { d.Circulation.ContentHash = hashOf("other") })),
			original, document, []string{"hash.distribution_document", "hash.distribution_original"},
		},
		{
			"expired signer", b.render(draft(func(d *hub.CertificateDraft) { d.Fault = scenario.CertificateExpired })),
			original, document, []string{"distribution.valid"},
		},
		{
			"foreign signer", b.render(draft(func(d *hub.CertificateDraft) { d.Fault = scenario.CertificateForeignSigner })),
			original, document, []string{"distribution.trusted", "hash.distribution_document", "hash.distribution_original"},
		},
		{
			"no certificate at all", cut, original, document,
			[]string{
				"distribution.format", "distribution.intact", "distribution.trusted", "distribution.issuer", "distribution.valid",
				"hash.distribution_document", "hash.distribution_original",
			},
		},
		{
			"original by somebody else", good, b.original(document, pki.Hub), document,
			[]string{"original.issuer", "hash.original_document", "hash.distribution_original"},
		},
		{
			"original cut short", good, original[:len(original)-1], document,
			[]string{
				"original.format", "original.intact", "original.trusted", "original.issuer", "original.valid",
				"hash.original_document", "hash.distribution_original",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, b.failed(tt.distribution, tt.original, tt.document))
		})
	}
}

func TestWhatCannotBeStatedIsNotCertifiable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*hub.CertificateDraft){
		"hash of another algorithm": func(d *hub.CertificateDraft) { d.Circulation.ContentHash = strings.Repeat("ab", 48) },
		"title that is no line":     func(d *hub.CertificateDraft) { d.Circulation.Subject = "a\u2028b" },
	} {
		_, err := b.renderer.RenderCertificate(t.Context(), draft(change))
		require.ErrorIs(t, err, hub.ErrNotCertifiable, name)
	}
}
