package cms_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
)

// carrying puts elements into the crls field of a message, and certificates once more into its certificates field.
func carrying(t *testing.T, der []byte, crls [][]byte, again ...*x509.Certificate) []byte {
	t.Helper()
	input := cryptobyte.String(der)
	var info, wrapped, data, version, digests, content, certificates, signers cryptobyte.String
	var kind asn1.ObjectIdentifier
	first, second := cbasn1.Tag(0).ContextSpecific().Constructed(), cbasn1.Tag(1).ContextSpecific().Constructed()
	require.True(t, input.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1ObjectIdentifier(&kind) && info.ReadASN1(&wrapped, first) &&
		wrapped.ReadASN1(&data, cbasn1.SEQUENCE) && data.ReadASN1Element(&version, cbasn1.INTEGER) && data.ReadASN1Element(&digests, cbasn1.SET) &&
		data.ReadASN1Element(&content, cbasn1.SEQUENCE) && data.ReadASN1(&certificates, first) && data.ReadASN1Element(&signers, cbasn1.SET))
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(kind)
		b.AddASN1(first, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(version)
				b.AddBytes(digests)
				b.AddBytes(content)
				b.AddASN1(first, func(b *cryptobyte.Builder) {
					b.AddBytes(certificates)
					for _, certificate := range again {
						b.AddBytes(certificate.Raw)
					}
				})
				if len(crls) > 0 {
					b.AddASN1(second, func(b *cryptobyte.Builder) {
						for _, element := range crls {
							b.AddBytes(element)
						}
					})
				}
				b.AddBytes(signers)
			})
		})
	})
	return b.BytesOrPanic()
}

// ocspInfo is an OCSP answer as revocation data of a message (RFC 5940).
func ocspInfo(answer []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 16, 2})
		b.AddBytes(answer)
	})
	return b.BytesOrPanic()
}

// What a message carries or a caller configures about revocation counts from its moment on, if the certificate's own issuer says
// it.
func TestRevocation(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "root", at)
	middle := root.Intermediate(t, "middle", at)
	signer := middle.Signer(t, "signer", at)
	other := middle.Signer(t, "other", at)
	stranger := cmstest.NewRoot(t, "middle", at)
	der, err := cms.Sign([]byte("content"), false, signer.Key, signer.Chain, at.Add(-time.Hour))
	require.NoError(t, err)
	leaf := signer.Chain[0]
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	spki := strings.ToUpper(hex.EncodeToString(key[:]))
	before, after := at.Add(-time.Minute), at.Add(time.Minute)
	onDisk := func(der []byte, armoured bool) cms.RevocationConfig {
		if armoured {
			der = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
		}
		file := filepath.Join(t.TempDir(), "list")
		require.NoError(t, os.WriteFile(file, der, 0o600))
		return cms.RevocationConfig{Lists: []string{file}}
	}
	for name, tt := range map[string]struct {
		message []byte
		config  cms.RevocationConfig
		revoked bool
	}{
		"nothing known":                {message: der},
		"listed before":                {message: der, config: onDisk(middle.Revoke(t, before, leaf), false), revoked: true},
		"listed before, PEM":           {message: der, config: onDisk(middle.Revoke(t, before, leaf), true), revoked: true},
		"listed after":                 {message: der, config: onDisk(middle.Revoke(t, after, leaf), false)},
		"another is listed":            {message: der, config: onDisk(middle.Revoke(t, before, other.Chain[0]), false)},
		"listed by somebody else":      {message: der, config: onDisk(stranger.Revoke(t, before, leaf), false)},
		"its authority is listed":      {message: der, config: onDisk(root.Revoke(t, before, middle.Certificate), false), revoked: true},
		"carries a list":               {message: carrying(t, der, [][]byte{middle.Revoke(t, before, leaf)}), revoked: true},
		"carries a list of later":      {message: carrying(t, der, [][]byte{middle.Revoke(t, after, leaf)})},
		"carries a list of others":     {message: carrying(t, der, [][]byte{middle.Revoke(t, before, other.Chain[0]), root.Revoke(t, before)})},
		"carries an answer":            {message: carrying(t, der, [][]byte{ocspInfo(middle.Answer(t, before, leaf))}), revoked: true},
		"carries an answer of others":  {message: carrying(t, der, [][]byte{ocspInfo(stranger.Answer(t, before, leaf))})},
		"distrusted from before":       {message: der, config: cms.RevocationConfig{Distrusted: []cms.Distrusted{{SPKI: spki, From: before}}}, revoked: true},
		"distrusted from later":        {message: der, config: cms.RevocationConfig{Distrusted: []cms.Distrusted{{SPKI: spki, From: after}}}},
		"the same certificate twice":   {message: carrying(t, der, nil, leaf)},
		"the authority's, three times": {message: carrying(t, der, nil, middle.Certificate, middle.Certificate)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, tt.config.Validate())
			cache := cms.NewChainCache(1)
			for range 2 { // the second time the path is remembered
				_, err := cms.Verify(tt.message, nil, cms.VerifyOptions{Roots: root.Pool(), At: at, Cache: cache, Revocations: cms.NewRevocations(tt.config)})
				if !tt.revoked {
					require.NoError(t, err)
					continue
				}
				require.Equal(t, []cms.Check{cms.Revocation}, cms.FailedChecks(err))
			}
		})
	}
	for name, crls := range map[string][][]byte{
		"noise":    {{0x30, 0x03, 0x02, 0x01, 0x00}},
		"too many": {middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before), middle.Revoke(t, before)},
	} {
		_, err := cms.Verify(carrying(t, der, crls), nil, cms.VerifyOptions{Roots: root.Pool(), At: at})
		require.ErrorIs(t, err, cms.Format, name)
	}
}

// A list is read again when its file changes; what was read of a file that is gone still counts.
func TestListsAreReadAgain(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "root", at)
	signer := root.Signer(t, "signer", at)
	der, err := cms.Sign([]byte("content"), false, signer.Key, signer.Chain, at)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "list.crl")
	config := cms.RevocationConfig{Lists: []string{file}}
	require.Error(t, config.Validate())
	revocations := cms.NewRevocations(config)
	verify := func() []cms.Check {
		_, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: at, Revocations: revocations})
		return cms.FailedChecks(err)
	}
	require.Equal(t, []cms.Check{cms.Revocation}, verify(), "a list that was never read is no list of nobody")
	require.NoError(t, os.WriteFile(file, root.Revoke(t, at.Add(-time.Hour)), 0o600))
	require.NoError(t, config.Validate())
	require.Empty(t, verify())
	require.NoError(t, os.WriteFile(file, root.Revoke(t, at.Add(-time.Hour), signer.Chain[0]), 0o600))
	require.Equal(t, []cms.Check{cms.Revocation}, verify())
	require.NoError(t, os.Remove(file))
	require.Equal(t, []cms.Check{cms.Revocation}, verify())
}

// A signer cannot have signed later than now.
func TestSigningTimeInTheFuture(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "root", at)
	signer := root.Signer(t, "signer", at)
	for ahead, want := range map[time.Duration][]cms.Check{0: nil, time.Minute: nil, time.Hour: {cms.Validity}} {
		der, err := cms.Sign([]byte("content"), false, signer.Key, signer.Chain, at.Add(ahead))
		require.NoError(t, err)
		_, err = cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: at})
		require.Equal(t, want, cms.FailedChecks(err), ahead)
	}
}

func TestRevocationConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, cms.RevocationConfig{}.Validate())
	err := cms.RevocationConfig{Lists: []string{"/nowhere"}, Distrusted: []cms.Distrusted{{SPKI: "ab"}}}.Validate()
	for _, want := range []string{"lists[0]", "distrusted[0].spki", "distrusted[0].from"} {
		require.ErrorContains(t, err, want)
	}
}

// Lists and answers beside a message are judged as those that it carries, and nothing is taken for one that is none.
func TestRevocationBesideAMessage(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	signer, other := root.Signer(t, "시험용 서명자", at), root.Signer(t, "시험용 남", at)
	leaf := signer.Chain[0]
	der, err := cms.Sign([]byte("content"), false, signer.Key, signer.Chain, at)
	require.NoError(t, err)
	stranger := cmstest.NewRoot(t, "시험용 루트", at)
	for name, tc := range map[string]struct {
		lists, answers  [][]byte
		revoked, covers bool
	}{
		"nothing":               {},
		"a list":                {lists: [][]byte{root.Revoke(t, at, leaf)}, revoked: true, covers: true},
		"an answer":             {answers: [][]byte{root.Answer(t, at, leaf)}, revoked: true, covers: true},
		"a list of others":      {lists: [][]byte{root.Revoke(t, at, other.Chain[0])}, covers: true},
		"an answer of others":   {answers: [][]byte{root.Answer(t, at, other.Chain[0])}},
		"a list of a namesake":  {lists: [][]byte{stranger.Revoke(t, at, leaf)}},
		"revoked only later on": {lists: [][]byte{root.Revoke(t, at.Add(time.Hour), leaf)}, covers: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beside, err := cms.NewRevocationData(tc.lists, tc.answers)
			require.NoError(t, err)
			_, err = cms.Verify(der, nil, cms.VerifyOptions{Roots: root.Pool(), At: at, Beside: beside})
			require.Equal(t, tc.revoked, errors.Is(err, cms.Revocation), "%v", err)
			require.Equal(t, tc.covers, beside.Covers(leaf, root.Certificate))
		})
	}
	_, err = cms.NewRevocationData([][]byte{[]byte("list")}, nil)
	require.Error(t, err)
	_, err = cms.NewRevocationData(nil, [][]byte{[]byte("answer")})
	require.Error(t, err)
	_, err = cms.NewRevocationData(make([][]byte, 201), nil)
	require.ErrorContains(t, err, "too many")
	require.False(t, (*cms.RevocationData)(nil).Covers(leaf, root.Certificate))
}
