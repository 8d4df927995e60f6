package cms_test

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
)

// The files under testdata were signed by OpenSSL 3.0.
func TestVerifyOpenSSL(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		return data
	}
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(read("root.pem")))
	text := []byte("signed by another tool")
	for _, tc := range []struct {
		name     string
		detached bool
		binding  bool
		digest   crypto.Hash // zero: refused
	}{
		{name: "ec-sha256.der", binding: true, digest: crypto.SHA256},
		{name: "rsa-keyid-sha384.der", binding: true, digest: crypto.SHA384},
		{name: "rsa-detached-sha512.der", detached: true, binding: true, digest: crypto.SHA512},
		{name: "rsa-pss.der"},
		{name: "ec-noattr.der"},
		{name: "ec-ber.der"}, // indefinite lengths
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var given []byte
			if tc.detached {
				given = text
			}
			result, err := cms.Verify(read(tc.name), given, cms.VerifyOptions{
				Roots: roots, At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), RequireBinding: tc.binding,
			})
			if tc.digest == 0 {
				require.Equal(t, []cms.Check{cms.Format}, cms.FailedChecks(err), "%v", err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, text, result.Content)
			require.Equal(t, tc.digest, result.Digest)
		})
	}
}

// A strict reader must refuse these attributes.
func TestVerifyAttributes(t *testing.T) {
	t.Parallel()
	now := clock.System().Now() // the other library uses the present time
	root := cmstest.NewRoot(t, "시험용 루트", now)
	signer := root.Signer(t, "서명자", now)
	other := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 4}
	timeStamp := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oldBinding := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	for _, tc := range []struct {
		name string
		with pkcs7.SignerInfoConfig
		want string
	}{
		{name: "unknown signed attribute", with: pkcs7.SignerInfoConfig{ExtraSignedAttributes: []pkcs7.Attribute{{Type: other, Value: 1}}}},
		{name: "signature time stamp", with: pkcs7.SignerInfoConfig{ExtraUnsignedAttributes: []pkcs7.Attribute{{Type: timeStamp, Value: struct{ Of int }{1}}}}},
		{
			name: "signature time stamp of another type", want: "time stamps over the signature",
			with: pkcs7.SignerInfoConfig{ExtraUnsignedAttributes: []pkcs7.Attribute{{Type: timeStamp, Value: 1}}},
		},
		{
			name: "digest twice", want: "given twice",
			with: pkcs7.SignerInfoConfig{ExtraSignedAttributes: []pkcs7.Attribute{{Type: pkcs7.OIDAttributeMessageDigest, Value: []byte("x")}}},
		},
		{
			name: "binding by SHA-1", want: "bound by SHA-1",
			with: pkcs7.SignerInfoConfig{ExtraSignedAttributes: []pkcs7.Attribute{{Type: oldBinding, Value: 1}}},
		},
		{
			name: "unsigned attribute", want: "unsigned attribute is not accepted",
			with: pkcs7.SignerInfoConfig{ExtraUnsignedAttributes: []pkcs7.Attribute{{Type: other, Value: 1}}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			data, err := pkcs7.NewSignedData(content)
			require.NoError(t, err)
			data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
			require.NoError(t, data.AddSigner(signer.Chain[0], signer.Key, tc.with))
			der, err := data.Finish()
			require.NoError(t, err)
			_, err = cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: now})
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, cms.Format)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
