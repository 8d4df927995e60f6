package archivecert_test

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/proof"
)

var allUnsaid = proof.Policy{archivecert.CheckOwner, archivecert.CheckAttachments, archivecert.CheckValidity}

func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "openssl", name))
	require.NoError(t, err)
	return data
}

// vectorVerifier trusts the archives of the vectors, each with its profile.
func vectorVerifier(t testing.TB, edit ...func(*archivecert.Issuer)) *archivecert.Verifier {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(vector(t, "root.pem")))
	var issuers []archivecert.Issuer
	for signer, profile := range map[string]string{"tsa": archivecert.ProfileTimeStamp, "dvcs": archivecert.ProfileDVCS, "archive": archivecert.ProfileDetached} {
		issuer := archivecert.Issuer{Name: "시험용 " + signer, Signer: signer, Profile: profile, Roots: roots, NotCheckable: allUnsaid}
		for _, change := range edit {
			change(&issuer)
		}
		issuers = append(issuers, issuer)
	}
	v, err := archivecert.New(archivecert.Options{Issuers: issuers, Clock: clock.NewFake(vectorsAt)})
	require.NoError(t, err)
	return v
}

var vectorsAt = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func profileOf(signer, profile string) func(*archivecert.Issuer) {
	return func(i *archivecert.Issuer) {
		if i.Signer == signer {
			i.Profile = profile
		}
	}
}

// Certificates that another implementation made (testdata/openssl/make.sh).
func TestOpenSSLCertificates(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256(vector(t, "document"))
	hash := hex.EncodeToString(sum[:])
	v := vectorVerifier(t)
	for name, want := range map[string]struct {
		number string
		with   *archivecert.Verifier
	}{
		"token.der": {number: "2626"}, "token-sha1-binding.der": {number: "2627"}, "dvcs-cpd.der": {number: "2628"}, "dvcs-ccpd.der": {number: "2628"},
		"detached.der":     {number: archivecert.Digest(vector(t, "detached.der"))},
		"encapsulated.der": {number: archivecert.Digest(vector(t, "encapsulated.der")), with: vectorVerifier(t, profileOf("archive", archivecert.ProfileEncapsulated))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := v
			if want.with != nil {
				with = want.with
			}
			got, err := with.Registration(vector(t, name), vectorsAt)
			require.NoError(t, err)
			require.Equal(t, hash, got.Hash)
			require.Equal(t, want.number, got.CertificateNumber)
			require.Equal(t, "시험용 "+got.Signer.Subject.CommonName, got.Issuer)
			require.WithinRange(t, got.RegisteredAt, got.Signer.NotBefore, vectorsAt)
			require.Empty(t, got.Owner)
			require.Equal(t, []string{archivecert.CheckOwner, archivecert.CheckValidity}, got.NotCheckable)
			notCheckable, err := got.Covers(hash, nil)
			require.NoError(t, err)
			require.Empty(t, notCheckable, "there are no attachments to check")
			notCheckable, err = got.Covers(hash, []string{otherHash})
			require.NoError(t, err)
			require.Equal(t, []string{archivecert.CheckAttachments}, notCheckable)
			_, err = got.Covers(otherHash, nil)
			require.ErrorIs(t, err, archivecert.ErrHash)
			_, err = with.Original(vector(t, name), vectorsAt)
			require.Equal(t, []archivecert.Check{archivecert.ErrKind}, archivecert.FailedChecks(err), "none of these formats has original certificates")
			for _, early := range []time.Time{got.RegisteredAt.Add(-time.Second), got.Signer.NotBefore.Add(-time.Hour)} {
				_, err = with.Registration(vector(t, name), early)
				require.Equal(t, []archivecert.Check{archivecert.ErrExpired}, archivecert.FailedChecks(err))
			}
		})
	}
}

// What they must be refused for.
func TestOpenSSLRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file string
		with func(*archivecert.Issuer)
		want archivecert.Check
	}{
		"hash of SHA-512":                  {file: "token-of-sha512.der", want: archivecert.ErrFormat},
		"response of another service":      {file: "dvcs-vsd.der", want: archivecert.ErrFormat},
		"status is rejection":              {file: "dvcs-rejected.der", want: archivecert.ErrFormat},
		"document inside, not wanted":      {file: "encapsulated.der", want: archivecert.ErrFormat},
		"document not inside":              {file: "detached.der", with: profileOf("archive", archivecert.ProfileEncapsulated), want: archivecert.ErrFormat},
		"token under another profile":      {file: "token.der", with: profileOf("tsa", archivecert.ProfileEncapsulated), want: archivecert.ErrFormat},
		"another policy of a token":        {file: "token.der", with: func(i *archivecert.Issuer) { i.Policies = []string{"1.2.3.4.9"} }, want: archivecert.ErrPolicy},
		"another policy of a response":     {file: "dvcs-cpd.der", with: func(i *archivecert.Issuer) { i.Policies = []string{"1.2.3.4.1"} }, want: archivecert.ErrPolicy},
		"nothing may be not checkable":     {file: "token.der", with: func(i *archivecert.Issuer) { i.NotCheckable = nil }, want: archivecert.ErrNotCheckable},
		"the owner may be, not the period": {file: "token.der", with: func(i *archivecert.Issuer) { i.NotCheckable = proof.Policy{"owner"} }, want: archivecert.ErrNotCheckable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vectorVerifier(t)
			if tc.with != nil {
				v = vectorVerifier(t, tc.with)
			}
			_, err := v.Registration(vector(t, tc.file), vectorsAt)
			require.Equal(t, []archivecert.Check{tc.want}, archivecert.FailedChecks(err), "%v", err)
		})
	}
	// Accepted policies are enough, and attachments are not accepted by naming the others.
	v := vectorVerifier(t, func(i *archivecert.Issuer) {
		i.Policies, i.NotCheckable = []string{"1.2.3.4.1", "1.2.3.4.2"}, proof.Policy{"owner", "validity"}
		if i.Profile == archivecert.ProfileDetached {
			i.Policies = nil
		}
	})
	for _, file := range []string{"token.der", "dvcs-ccpd.der", "detached.der"} {
		got, err := v.Registration(vector(t, file), vectorsAt)
		require.NoError(t, err)
		_, err = got.Covers(got.Hash, []string{otherHash})
		require.ErrorIs(t, err, archivecert.ErrNotCheckable)
	}
}

// tokenWorld signs contents of time stamps and responses with keys of its own.
type tokenWorld struct {
	root     *cmstest.Authority
	verifier *archivecert.Verifier
}

func usage(critical bool, purposes ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		value, _ := asn1.Marshal(purposes)
		c.UnknownExtKeyUsage = nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}}
	}
}

var (
	timeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	dvcs         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 10}
)

func newTokenWorld(t testing.TB) tokenWorld {
	t.Helper()
	w := tokenWorld{root: cmstest.NewRoot(t, "시험용 루트", at)}
	v, err := archivecert.New(archivecert.Options{Clock: clock.NewFake(at), Issuers: []archivecert.Issuer{
		{Name: "tsa", Profile: archivecert.ProfileTimeStamp, Roots: w.root.Pool(), NotCheckable: allUnsaid},
		{Name: "dvcs", Profile: archivecert.ProfileDVCS, Roots: w.root.Pool(), NotCheckable: allUnsaid},
	}})
	require.NoError(t, err)
	w.verifier = v
	return w
}

func sign(t testing.TB, kind cms.Kind, content []byte, signer cmstest.Signer) []byte {
	t.Helper()
	der, err := cms.SignWith(content, signer.Key, signer.Chain, cms.SignOptions{Kind: kind, At: at})
	require.NoError(t, err)
	return der
}

// vectorContent is the signed content of a vector.
func vectorContent(t testing.TB, name string, kind cms.Kind) []byte {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(vector(t, "root.pem")))
	result, err := cms.Verify(vector(t, name), nil, cms.VerifyOptions{Kind: kind, Roots: roots, At: vectorsAt})
	require.NoError(t, err)
	return result.Content
}

// minimal is a TSTInfo without optional fields at the tests' time, which edit may change.
func minimal(t testing.TB, genTime string, more func(*cryptobyte.Builder)) []byte {
	t.Helper()
	hash, err := hex.DecodeString(documentHash)
	require.NoError(t, err)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 3})
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1})
			})
			b.AddASN1OctetString(hash)
		})
		b.AddASN1Int64(17)
		b.AddASN1(cbasn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte(genTime)) })
		if more != nil {
			more(b)
		}
	})
	return b.BytesOrPanic()
}

// A time stamp has a form, and a signer for time stamps alone.
func TestTimeStampRefusals(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	const genTime = "20260302010203.25Z"
	tsa := w.root.Signer(t, "tsa", at, usage(true, timeStamping))
	got, err := w.verifier.Registration(sign(t, cms.TimeStampToken, minimal(t, genTime, nil), tsa), at)
	require.NoError(t, err)
	require.Equal(t, documentHash, got.Hash)
	require.Equal(t, "17", got.CertificateNumber)
	require.Equal(t, at.Truncate(time.Second).Add(250*time.Millisecond), got.RegisteredAt)

	named := func(tag uint8, add func(*cryptobyte.Builder)) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddASN1(cbasn1.Tag(tag).ContextSpecific().Constructed(), add) }
	}
	extension := func(critical bool) func(*cryptobyte.Builder) {
		return named(1, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 3, 4})
				if critical {
					b.AddASN1Boolean(true)
				}
				b.AddASN1OctetString([]byte{5, 0})
			})
		})
	}
	_, err = w.verifier.Registration(sign(t, cms.TimeStampToken, minimal(t, genTime, extension(false)), tsa), at)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		content []byte
		signer  cmstest.Signer
		want    archivecert.Check
	}{
		"zero at the end of the fraction": {content: minimal(t, "20260302010203.250Z", nil), want: archivecert.ErrFormat},
		"time with a zone":                {content: minimal(t, "20260302100203+0900", nil), want: archivecert.ErrFormat},
		"no such day":                     {content: minimal(t, "20260230010203Z", nil), want: archivecert.ErrFormat},
		"in the future":                   {content: minimal(t, "20260302010204Z", nil), want: archivecert.ErrExpired},
		"before its signer":               {content: minimal(t, "20250102010203Z", nil), want: archivecert.ErrExpired},
		"critical extension":              {content: minimal(t, genTime, extension(true)), want: archivecert.ErrFormat},
		"another name than the signer's": {content: minimal(t, genTime, named(0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x30, 0}) })
		})), want: archivecert.ErrFormat},
		"something after":              {content: append(minimal(t, genTime, nil), 5, 0), want: archivecert.ErrFormat},
		"something after its fields":   {content: minimal(t, genTime, func(b *cryptobyte.Builder) { b.AddASN1NULL() }), want: archivecert.ErrFormat},
		"no TSTInfo":                   {content: []byte("text"), want: archivecert.ErrFormat},
		"signer for documents":         {signer: w.root.Signer(t, "tsa", at), want: archivecert.ErrChain},
		"signer for anything":          {signer: w.root.Signer(t, "tsa", at, func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }), want: archivecert.ErrChain},
		"usage not critical":           {signer: w.root.Signer(t, "tsa", at, usage(false, timeStamping)), want: archivecert.ErrChain},
		"signer for more than that":    {signer: w.root.Signer(t, "tsa", at, usage(true, timeStamping, dvcs)), want: archivecert.ErrChain},
		"signer of another root":       {signer: cmstest.NewRoot(t, "다른 루트", at).Signer(t, "tsa", at, usage(true, timeStamping)), want: archivecert.ErrChain},
		"a stranger":                   {signer: w.root.Signer(t, "stranger", at, usage(true, timeStamping)), want: archivecert.ErrForeign},
		"the key of another profile's": {signer: w.root.Signer(t, "dvcs", at, usage(true, dvcs)), want: archivecert.ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.content == nil {
				tc.content = minimal(t, genTime, nil)
			}
			if tc.signer.Key == nil {
				tc.signer = tsa
			}
			_, err := w.verifier.Registration(sign(t, cms.TimeStampToken, tc.content, tc.signer), at)
			require.Equal(t, []archivecert.Check{tc.want}, archivecert.FailedChecks(err), "%v", err)
		})
	}
	_, err = w.verifier.Registration(sign(t, cms.DVCSResponse, vectorContent(t, "dvcs-cpd.der", cms.DVCSResponse), w.root.Signer(t, "dvcs", at, usage(false, dvcs))), at)
	require.Equal(t, []archivecert.Check{archivecert.ErrChain}, archivecert.FailedChecks(err), "a DVCS says critically what it is")
}

// Whatever bytes an archive signs, reading them ends in a certificate of one hash, number and time, or in a named failure.
func fuzzContent(f *testing.F, kind cms.Kind, signer string, purpose asn1.ObjectIdentifier) {
	w := newTokenWorld(f)
	key := w.root.Signer(f, signer, at, usage(true, purpose))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := w.verifier.Registration(sign(t, kind, content, key), at)
		if err != nil {
			var failure *archivecert.Failure
			require.ErrorAs(t, err, &failure)
			return
		}
		_, ok := proof.Hash(got.Hash)
		require.True(t, ok)
		require.NotEmpty(t, got.CertificateNumber)
		require.LessOrEqual(t, len(got.CertificateNumber), 64)
		require.False(t, got.RegisteredAt.IsZero())
		require.False(t, got.RegisteredAt.After(at))
	})
}

func FuzzTimeStamp(f *testing.F) {
	f.Add(minimal(f, "20260302010203Z", nil))
	f.Add(vectorContent(f, "token.der", cms.TimeStampToken))
	fuzzContent(f, cms.TimeStampToken, "tsa", timeStamping)
}

func FuzzDVCS(f *testing.F) {
	f.Add(vectorContent(f, "dvcs-cpd.der", cms.DVCSResponse))
	f.Add(vectorContent(f, "dvcs-vsd.der", cms.DVCSResponse))
	fuzzContent(f, cms.DVCSResponse, "dvcs", dvcs)
}
