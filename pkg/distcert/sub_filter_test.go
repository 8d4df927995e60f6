package distcert_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
)

// signingCertificateV2 is the attribute that names the certificate (RFC 5035).
func signingCertificateV2(certificate []byte) []pkcs7.Attribute {
	type id struct{ Hash []byte }
	hash := sha256.Sum256(certificate)
	return []pkcs7.Attribute{{
		Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}, Value: struct{ Certs []id }{[]id{{hash[:]}}},
	}}
}

// signedElsewhere is a paper without a time of its own, signed by another library. named are the signed attributes beside
// those that every signature has.
func signedElsewhere(t testing.TB, signer cmstest.Signer, form string, named []pkcs7.Attribute) []byte {
	t.Helper()
	p := newPaper(encoded(t)).replace(t, 5, distcert.SubFilterPAdES, form).replace(t, 5, "/M (D:20260302100203+09'00') ", "")
	return p.signWith(t, func(content []byte) ([]byte, error) {
		signed, err := pkcs7.NewSignedData(content)
		require.NoError(t, err)
		signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
		require.NoError(t, signed.AddSigner(signer.Chain[0], signer.Key, pkcs7.SignerInfoConfig{ExtraSignedAttributes: named}))
		signed.Detach()
		return signed.Finish()
	})
}

// A form of signature is accepted where it is configured, if it is what it says it is: PAdES names its certificate, PKCS #7
// need not, and one that does must name the right one.
func TestSubFilters(t *testing.T) {
	t.Parallel()
	now := clock.System().Now() // the other library uses the present time
	root := cmstest.NewRoot(t, "시험용 루트", now)
	hub, other := root.Signer(t, hubName, now), root.Signer(t, "시험용 다른 허브", now)
	foreign := cmstest.NewRoot(t, "시험용 루트", now).Signer(t, hubName, now)
	named := signingCertificateV2(hub.Chain[0].Raw)
	const pades, pkcs = distcert.SubFilterPAdES, distcert.SubFilterPKCS7
	changed := signedElsewhere(t, hub, pkcs, nil)
	changed = bytes.Replace(changed, []byte("[0 0 200 200]"), []byte("[0 0 200 201]"), 1)
	for name, tc := range map[string]struct {
		pdf      []byte
		accepted []string
		failed   distcert.Check
		want     string // none: accepted
	}{
		"PAdES":                                  {pdf: signedElsewhere(t, hub, pades, named)},
		"PAdES where both are":                   {pdf: signedElsewhere(t, hub, pades, named), accepted: []string{pkcs, pades}},
		"PKCS #7":                                {pdf: signedElsewhere(t, hub, pkcs, nil), accepted: []string{pades, pkcs}},
		"PKCS #7 alone":                          {pdf: signedElsewhere(t, hub, pkcs, nil), accepted: []string{pkcs}},
		"PKCS #7 that names its certificate":     {pdf: signedElsewhere(t, hub, pkcs, named), accepted: []string{pkcs}},
		"PKCS #7 by default":                     {pdf: signedElsewhere(t, hub, pkcs, nil), failed: distcert.ErrFormat, want: "no signingCertificateV2"},
		"PKCS #7 by default that names it":       {pdf: signedElsewhere(t, hub, pkcs, named), failed: distcert.ErrFormat, want: "is not " + pades},
		"PAdES where only the other is":          {pdf: signedElsewhere(t, hub, pades, named), accepted: []string{pkcs}, failed: distcert.ErrFormat, want: "is not " + pkcs},
		"PAdES that does not name it":            {pdf: signedElsewhere(t, hub, pades, nil), failed: distcert.ErrFormat, want: "no signingCertificateV2"},
		"PAdES that does not, where both are":    {pdf: signedElsewhere(t, hub, pades, nil), accepted: []string{pades, pkcs}, failed: distcert.ErrFormat, want: "does not name its certificate"},
		"the form with SHA-1":                    {pdf: signedElsewhere(t, hub, "adbe.pkcs7.sha1", named), accepted: []string{pades, pkcs}, failed: distcert.ErrFormat, want: "is not " + pades + " or " + pkcs},
		"PKCS #7 that names another certificate": {pdf: signedElsewhere(t, hub, pkcs, signingCertificateV2(other.Chain[0].Raw)), accepted: []string{pkcs}, failed: distcert.ErrSignature, want: "signature"},
		"PKCS #7, changed":                       {pdf: changed, accepted: []string{pkcs}, failed: distcert.ErrSignature, want: "changed after signing"},
		"PKCS #7 of another signer":              {pdf: signedElsewhere(t, other, pkcs, nil), accepted: []string{pkcs}, failed: distcert.ErrIdentity, want: "not a pinned one"},
		"PKCS #7 of the name under another root": {pdf: signedElsewhere(t, foreign, pkcs, nil), accepted: []string{pkcs}, failed: distcert.ErrChain, want: "under no pinned root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, checks, err := distcert.Verify(tc.pdf, distcert.Options{
				Profile: distcert.ProfilePinnedSigner, Roots: root.Pool(), At: now, SubFilters: tc.accepted,
				PinnedSigner: distcert.Pins{Subjects: []string{hub.Chain[0].Subject.String()}},
			})
			if tc.want != "" {
				require.Nil(t, got)
				require.Equal(t, []distcert.Check{tc.failed}, distcert.FailedChecks(err), "%v", err)
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			want := allTrue
			want.Validity = proof.NotCheckable
			require.Equal(t, want, checks)
			require.WithinDuration(t, now, got.SignedAt, time.Minute)
		})
	}
}

// A form is one of those that can be read; the sandbox's certificates have no other than PAdES.
func TestConfigOfSubFilters(t *testing.T) {
	t.Parallel()
	c := distcert.Config{Profile: distcert.ProfilePinnedSigner, RootsFile: "root.pem", SPKI: []string{strings.Repeat("0", 64)}}
	require.NoError(t, c.Validate())
	c.SubFilters = []string{distcert.SubFilterPAdES, distcert.SubFilterPKCS7}
	require.NoError(t, c.Validate())
	c.Profile = distcert.ProfileSandbox
	require.ErrorContains(t, c.Validate(), "sub_filters[1]")
	c.SubFilters = []string{"adbe.pkcs7.sha1"}
	require.ErrorContains(t, c.Validate(), "sub_filters[0]")
}
