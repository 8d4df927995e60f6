package cms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
)

var (
	at      = time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)
	content = []byte("전자문서 시험 본문")
)

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	root := cmstest.NewRoot(t, "시험용 루트", at)
	for _, tc := range []struct {
		name     string
		key      crypto.Signer
		detached bool
	}{
		{name: "P-256 attached", key: cmstest.NewKey(t)},
		{name: "P-256 detached", key: cmstest.NewKey(t), detached: true},
		{name: "RSA-2048 attached", key: rsaKey},
		{name: "RSA-2048 detached", key: rsaKey, detached: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			signer := root.Intermediate(t, "시험용 중간", at).SignerWithKey(t, tc.key, "서명자", at)
			der, err := cms.Sign(content, tc.detached, signer.Key, signer.Chain, at)
			require.NoError(t, err)
			var given []byte
			if tc.detached {
				require.NotContains(t, string(der), string(content))
				given = content
			}
			result, err := cms.Verify(der, given, cms.VerifyOptions{Roots: root.Pool(), At: at, RequireBinding: true})
			require.NoError(t, err)
			require.Equal(t, content, result.Content)
			require.Equal(t, signer.Chain[0].Raw, result.Signer.Raw)
			require.Equal(t, time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC), result.SigningTime)
			require.Equal(t, crypto.SHA256, result.Digest)
			require.True(t, result.Bound)
		})
	}
}

// An independent implementation accepts what Sign makes.
func TestSignIsReadByAnotherLibrary(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	signer := root.Signer(t, "서명자", at)
	der, err := cms.Sign(content, true, signer.Key, signer.Chain, at)
	require.NoError(t, err)
	parsed, err := pkcs7.Parse(der)
	require.NoError(t, err)
	parsed.Content = content
	require.NoError(t, parsed.VerifyWithChainAtTime(root.Pool(), at))
	var signedAt time.Time
	require.NoError(t, parsed.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &signedAt))
	require.Equal(t, at.Truncate(time.Second), signedAt)
	parsed.Content = []byte("다른 본문")
	require.Error(t, parsed.Verify())
}

// Verify accepts what an independent implementation signs with SHA-256, and refuses that implementation's default, SHA-1.
func TestVerifyReadsAnotherLibrary(t *testing.T) {
	t.Parallel()
	now := clock.System().Now() // the other library uses the present time
	root := cmstest.NewRoot(t, "시험용 루트", now)
	signer := root.Signer(t, "서명자", now)
	sign := func(digest asn1.ObjectIdentifier) []byte {
		data, err := pkcs7.NewSignedData(content)
		require.NoError(t, err)
		data.SetDigestAlgorithm(digest)
		require.NoError(t, data.AddSigner(signer.Chain[0], signer.Key, pkcs7.SignerInfoConfig{}))
		der, err := data.Finish()
		require.NoError(t, err)
		return der
	}
	opts := cms.VerifyOptions{Roots: root.Pool(), At: now}
	result, err := cms.Verify(sign(pkcs7.OIDDigestAlgorithmSHA256), nil, opts)
	require.NoError(t, err)
	require.Equal(t, content, result.Content)
	_, err = cms.Verify(sign(pkcs7.OIDDigestAlgorithmSHA1), nil, opts)
	require.Equal(t, []cms.Check{cms.Format}, cms.FailedChecks(err))
	opts.RequireBinding = true
	_, err = cms.Verify(sign(pkcs7.OIDDigestAlgorithmSHA256), nil, opts)
	require.Equal(t, []cms.Check{cms.Format}, cms.FailedChecks(err), "no signingCertificateV2")
}

func TestVerifyRefusals(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	foreign := cmstest.NewRoot(t, "시험용 다른 루트", at)
	signer := root.Signer(t, "서명자", at)
	sign := func(s cmstest.Signer, detached bool, when time.Time) []byte {
		der, err := cms.Sign(content, detached, s.Key, s.Chain, when)
		require.NoError(t, err)
		return der
	}
	good := sign(signer, false, at)
	flip := func(der, within []byte) []byte {
		i := bytes.LastIndex(der, within)
		require.NotEqual(t, -1, i)
		changed := bytes.Clone(der)
		changed[i+len(within)-1] ^= 1
		return changed
	}
	for _, tc := range []struct {
		name     string
		der      []byte
		detached []byte
		opts     cms.VerifyOptions
		failed   []cms.Check
	}{
		{name: "content changed", der: flip(good, content), failed: []cms.Check{cms.Digest}},
		{name: "detached content differs", der: sign(signer, true, at), detached: []byte("다른 본문"), failed: []cms.Check{cms.Digest}},
		{name: "signature changed", der: flip(good, good), failed: []cms.Check{cms.Signature}},
		{name: "byte after the message", der: append(bytes.Clone(good), 0), failed: []cms.Check{cms.Format}},
		{name: "cut", der: good[:len(good)-1], failed: []cms.Check{cms.Format}},
		{name: "empty", der: nil, failed: []cms.Check{cms.Format}},
		{name: "detached without content", der: sign(signer, true, at), failed: []cms.Check{cms.Format}},
		{name: "attached with content given", der: good, detached: content, failed: []cms.Check{cms.Format}},
		{name: "too large", der: good, opts: cms.VerifyOptions{MaxBytes: len(good) - 1}, failed: []cms.Check{cms.Format}},
		{name: "foreign root", der: good, opts: cms.VerifyOptions{Roots: foreign.Pool()}, failed: []cms.Check{cms.Chain}},
		{name: "expired", der: good, opts: cms.VerifyOptions{At: at.AddDate(2, 0, 0)}, failed: []cms.Check{cms.Validity}},
		{name: "not yet valid", der: good, opts: cms.VerifyOptions{At: at.AddDate(-2, 0, 0)}, failed: []cms.Check{cms.Validity}},
		{
			name: "expired and foreign", der: good, opts: cms.VerifyOptions{Roots: foreign.Pool(), At: at.AddDate(2, 0, 0)},
			failed: []cms.Check{cms.Chain, cms.Validity},
		},
		{
			name: "content changed and foreign root", der: flip(good, content), opts: cms.VerifyOptions{Roots: foreign.Pool()},
			failed: []cms.Check{cms.Digest, cms.Chain},
		},
		{name: "claimed time before the certificate", der: sign(signer, false, at.AddDate(-3, 0, 0)), failed: []cms.Check{cms.Validity}},
		{
			name: "key usage without signatures",
			der: sign(root.Signer(t, "암호화", at, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
				false, at),
			failed: []cms.Check{cms.Usage},
		},
		{
			name: "authority as signer",
			der: sign(root.Signer(t, "인증기관", at, func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage = true, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign
				c.UnknownExtKeyUsage = nil
			}), false, at),
			failed: []cms.Check{cms.Usage},
		},
		{
			name: "server certificate as signer",
			der: sign(root.Signer(t, "서버", at, func(c *x509.Certificate) {
				c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			}), false, at),
			failed: []cms.Check{cms.Usage},
		},
		{
			name: "another kind is asked for", der: good,
			opts:   cms.VerifyOptions{Kind: cms.TimeStampToken},
			failed: []cms.Check{cms.Format},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := tc.opts
			if opts.Roots == nil {
				opts.Roots = root.Pool()
			}
			if opts.At.IsZero() {
				opts.At = at
			}
			result, err := cms.Verify(tc.der, tc.detached, opts)
			require.Nil(t, result)
			require.Equal(t, tc.failed, cms.FailedChecks(err), "%v", err)
			var failure *cms.Failure
			require.ErrorAs(t, err, &failure)
		})
	}
}

// A certificate with the signer's issuer, serial number and key but other content is not accepted as the signer's.
func TestVerifyRefusesSubstitutedCertificate(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	key := cmstest.NewKey(t)
	first := root.SignerWithKey(t, key, "서명자", at)
	var twin cmstest.Signer
	// The swap needs equal lengths, but the length of an ECDSA signature varies by a byte or two.
	for twin.Key == nil || len(twin.Chain[0].Raw) != len(first.Chain[0].Raw) {
		twin = root.SignerWithKey(t, key, "서명자", at, func(c *x509.Certificate) {
			c.SerialNumber, c.NotAfter = first.Chain[0].SerialNumber, at.AddDate(9, 0, 0)
		})
	}
	der, err := cms.Sign(content, false, first.Key, first.Chain, at)
	require.NoError(t, err)
	i := bytes.Index(der, first.Chain[0].Raw)
	require.Positive(t, i)
	swapped := bytes.Clone(der)
	copy(swapped[i:], twin.Chain[0].Raw)
	_, err = cms.Verify(swapped, nil, cms.VerifyOptions{Roots: root.Pool(), At: at})
	require.Equal(t, []cms.Check{cms.Signature}, cms.FailedChecks(err))
}

func TestVerifyRefusesSecondSigner(t *testing.T) {
	t.Parallel()
	now := clock.System().Now() // the other library uses the present time
	root := cmstest.NewRoot(t, "시험용 루트", now)
	data, err := pkcs7.NewSignedData(content)
	require.NoError(t, err)
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	for _, name := range []string{"하나", "둘"} {
		signer := root.Signer(t, name, now)
		require.NoError(t, data.AddSigner(signer.Chain[0], signer.Key, pkcs7.SignerInfoConfig{}))
	}
	der, err := data.Finish()
	require.NoError(t, err)
	_, err = cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: now})
	require.ErrorContains(t, err, "not exactly one signer")
}

func TestSignRefusals(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	signer := root.Signer(t, "서명자", at)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	weak := root.SignerWithKey(t, small, "약함", at)
	_, err = cms.Sign(content, false, cmstest.NewKey(t), signer.Chain, at)
	require.ErrorContains(t, err, "not the signer's")
	_, err = cms.Sign(content, false, weak.Key, weak.Chain, at)
	require.ErrorContains(t, err, "size of the RSA key")
	_, err = cms.Sign(content, false, signer.Key, nil, at)
	require.Error(t, err)
	_, err = cms.Sign(content, false, signer.Key, signer.Chain, time.Time{})
	require.ErrorContains(t, err, "no signing time")
}

func TestSigningTimeForms(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	signer := root.Signer(t, "서명자", at)
	for _, tc := range []struct {
		name string
		at   time.Time
		hex  string
	}{
		// Tag 0x17 is UTCTime with thirteen characters, 0x18 GeneralizedTime with fifteen.
		{name: "before 2050", at: time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC), hex: "170d" + hex.EncodeToString([]byte("491231235959Z"))},
		{name: "from 2050", at: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC), hex: "180f" + hex.EncodeToString([]byte("20500101000000Z"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			later := cmstest.NewRoot(t, "시험용 루트", tc.at)
			signer := later.Signer(t, "서명자", tc.at)
			der, err := cms.Sign(content, false, signer.Key, signer.Chain, tc.at)
			require.NoError(t, err)
			require.Contains(t, hex.EncodeToString(der), tc.hex)
			result, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: later.Pool(), At: tc.at})
			require.NoError(t, err)
			require.Equal(t, tc.at, result.SigningTime)
		})
	}
	der, err := cms.SignWith(content, signer.Key, signer.Chain, cms.SignOptions{OmitSigningTime: true})
	require.NoError(t, err)
	result, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: at})
	require.NoError(t, err)
	require.Zero(t, result.SigningTime)
}

func TestChainCache(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	foreign := cmstest.NewRoot(t, "시험용 다른 루트", at)
	cache := cms.NewChainCache(2)
	opts := cms.VerifyOptions{Roots: root.Pool(), At: at, Cache: cache}
	sign := func(s cmstest.Signer) []byte {
		der, err := cms.Sign(content, false, s.Key, s.Chain, at)
		require.NoError(t, err)
		return der
	}
	signer := root.Signer(t, "서명자", at)
	der := sign(signer)
	for range 3 {
		_, err := cms.Verify(der, nil, opts)
		require.NoError(t, err)
	}
	require.Equal(t, 1, cache.Len())

	later := opts
	later.At = at.AddDate(2, 0, 0)
	_, err := cms.Verify(der, nil, later)
	require.ErrorIs(t, err, cms.Validity, "a hit respects the time")
	elsewhere := opts
	elsewhere.Roots = foreign.Pool()
	_, err = cms.Verify(der, nil, elsewhere)
	require.ErrorIs(t, err, cms.Chain, "a hit respects the roots")
	other := opts
	other.Kind = cms.TimeStampToken
	_, err = cms.Verify(der, nil, other)
	require.ErrorIs(t, err, cms.Format, "a hit respects the kind")
	forged := bytes.Clone(der)
	forged[len(forged)-1] ^= 1
	_, err = cms.Verify(forged, nil, opts)
	require.ErrorIs(t, err, cms.Signature, "a hit replaces no signature check")
	_, err = cms.Verify(sign(foreign.Signer(t, "남", at)), nil, opts)
	require.ErrorIs(t, err, cms.Chain)
	require.Equal(t, 1, cache.Len(), "failures are not kept")

	for _, name := range []string{"둘", "셋", "넷"} {
		_, err = cms.Verify(sign(root.Signer(t, name, at)), nil, opts)
		require.NoError(t, err)
	}
	require.Equal(t, 2, cache.Len(), "bounded")
}

func FuzzVerify(f *testing.F) {
	root := cmstest.NewRoot(f, "시험용 루트", at)
	signer := root.Signer(f, "서명자", at)
	for _, detached := range []bool{false, true} {
		der, err := cms.Sign(content, detached, signer.Key, signer.Chain, at)
		require.NoError(f, err)
		f.Add(der, detached)
	}
	f.Add([]byte{0x30, 0x80}, false)
	roots, cache := root.Pool(), cms.NewChainCache(4)
	f.Fuzz(func(t *testing.T, der []byte, detached bool) {
		var given []byte
		if detached {
			given = content
		}
		result, err := cms.Verify(der, given, cms.VerifyOptions{Roots: roots, At: at, Cache: cache})
		if err == nil {
			require.Equal(t, content, result.Content, "only the signed content can ever pass")
			return
		}
		var failure *cms.Failure
		require.ErrorAs(t, err, &failure)
	})
}

func BenchmarkVerify(b *testing.B) {
	root := cmstest.NewRoot(b, "시험용 루트", at)
	signer := root.Signer(b, "서명자", at)
	der, err := cms.Sign(content, false, signer.Key, signer.Chain, at)
	require.NoError(b, err)
	for _, bc := range []struct {
		name  string
		cache *cms.ChainCache
	}{{"cold", nil}, {"cached", cms.NewChainCache(16)}} {
		b.Run(bc.name, func(b *testing.B) {
			opts := cms.VerifyOptions{Roots: root.Pool(), At: at, Cache: bc.cache}
			for b.Loop() {
				if _, err := cms.Verify(der, nil, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
