package archivecert_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

const (
	issuer             = "시험용 전자문서보관소"
	documentHash       = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	attachmentHash     = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
	otherHash          = "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13"
	registrationDigest = "1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014"
)

var at = time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)

func statement() archivecert.Statement {
	return archivecert.Statement{
		CertificateNumber: "R-2026-000001", DocumentID: "doc-1", Issuer: issuer, Owner: "가상상사 <시험>",
		Hash: documentHash, AttachmentHashes: []string{attachmentHash},
		RegisteredAt: at, ValidFrom: at, ValidUntil: at.AddDate(10, 0, 0),
	}
}

type world struct {
	root, foreign *cmstest.Authority
	signer        archivecert.Signer
	verifier      *archivecert.Verifier
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{root: cmstest.NewRoot(t, "시험용 루트", at), foreign: cmstest.NewRoot(t, "시험용 다른 루트", at)}
	w.signer = archivecert.Signer(w.root.Signer(t, issuer, at))
	verifier, err := archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{sandboxIssuer(w.root)}, Clock: clock.NewFake(at),
	})
	require.NoError(t, err)
	w.verifier = verifier
	return w
}

func sandboxIssuer(root *cmstest.Authority) archivecert.Issuer {
	return archivecert.Issuer{Name: issuer, Profile: archivecert.Format, Roots: root.Pool()}
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := statement()
	s.Hash = strings.ToUpper(s.Hash)
	der, err := archivecert.IssueRegistration(s, w.signer, at)
	require.NoError(t, err)
	require.Less(t, len(der), archivecert.MaxBytes)
	got, err := w.verifier.Registration(der, time.Time{})
	require.NoError(t, err)
	require.Equal(t, statement(), got.Statement)
	require.Equal(t, archivecert.Digest(der), got.Digest)
	require.Equal(t, issuer, got.Signer.Subject.CommonName)

	require.Empty(t, got.NotCheckable)
	notCheckable, err := got.Covers(strings.ToUpper(documentHash), []string{attachmentHash})
	require.NoError(t, err)
	require.Empty(t, notCheckable)
	for hash, attachments := range map[string][]string{otherHash: {attachmentHash}, documentHash: nil, strings.ToUpper(documentHash): {otherHash}} {
		_, err := got.Covers(hash, attachments)
		require.ErrorIs(t, err, archivecert.ErrHash)
	}
}

// Who deposited it for somebody says so.
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := statement()
	s.OnBehalfOf = "office.naru"
	der, err := archivecert.IssueRegistration(s, w.signer, at)
	require.NoError(t, err)
	got, err := w.verifier.Registration(der, time.Time{})
	require.NoError(t, err)
	require.Equal(t, s, got.Statement)
	s.OnBehalfOf = "two\nlines"
	_, err = archivecert.IssueRegistration(s, w.signer, at)
	require.ErrorIs(t, err, archivecert.ErrFormat)
}

func TestOriginal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := statement()
	s.AttachmentHashes, s.ValidFrom = nil, at.Add(time.Hour)
	der, err := archivecert.IssueOriginal(s, registrationDigest, w.signer, at.Add(time.Hour))
	require.NoError(t, err)
	got, err := w.verifier.Original(der, at.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, s, got.Statement)
	require.Equal(t, registrationDigest, got.RegistrationCertificateDigest)

	_, err = archivecert.IssueOriginal(s, "", w.signer, at)
	require.ErrorIs(t, err, archivecert.ErrFormat)
}

// The signed content is the documented JSON, byte for byte.
func TestContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := func(der []byte, err error) []byte {
		require.NoError(t, err)
		result, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: w.root.Pool(), At: at})
		require.NoError(t, err)
		return result.Content
	}
	golden.Equal(t, content(archivecert.IssueRegistration(statement(), w.signer, at)), "registration.json")
	bare := statement()
	bare.AttachmentHashes = nil
	golden.Equal(t, content(archivecert.IssueOriginal(bare, registrationDigest, w.signer, at)), "original.json")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issue := func(signer archivecert.Signer, edit ...func(*archivecert.Statement)) []byte {
		s := statement()
		for _, change := range edit {
			change(&s)
		}
		der, err := archivecert.IssueRegistration(s, signer, at)
		require.NoError(t, err)
		return der
	}
	good := issue(w.signer)
	replace := func(old, replacement string) []byte {
		require.Len(t, replacement, len(old))
		require.Contains(t, string(good), old)
		return bytes.Replace(good, []byte(old), []byte(replacement), 1)
	}
	original, err := archivecert.IssueOriginal(statement(), registrationDigest, w.signer, at)
	require.NoError(t, err)
	expiredSigner := archivecert.Signer(w.root.Signer(t, issuer, at, func(c *x509.Certificate) { c.NotAfter = at.Add(time.Hour) }))
	for _, tc := range []struct {
		name   string
		der    []byte
		at     time.Time
		failed []archivecert.Check
	}{
		{name: "forged hash", der: replace(documentHash, otherHash), failed: []archivecert.Check{archivecert.ErrSignature}},
		{name: "forged signature", der: append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1), failed: []archivecert.Check{archivecert.ErrSignature}},
		{name: "content expired", der: issue(w.signer, func(s *archivecert.Statement) { s.ValidUntil = at.Add(time.Minute) }), at: at.Add(time.Hour), failed: []archivecert.Check{archivecert.ErrExpired}},
		{name: "signer expired", der: issue(expiredSigner), at: at.Add(2 * time.Hour), failed: []archivecert.Check{archivecert.ErrExpired}},
		{name: "not yet valid", der: good, at: at.Add(-time.Microsecond), failed: []archivecert.Check{archivecert.ErrExpired}},
		{name: "foreign root", der: issue(archivecert.Signer(w.foreign.Signer(t, issuer, at))), failed: []archivecert.Check{archivecert.ErrChain}},
		{
			name: "another signer under the pinned root", der: issue(archivecert.Signer(w.root.Signer(t, "시험용 다른 보관소", at))),
			failed: []archivecert.Check{archivecert.ErrForeign},
		},
		{
			name: "in another archive's name", der: issue(w.signer, func(s *archivecert.Statement) { s.Issuer = "시험용 다른 보관소" }),
			failed: []archivecert.Check{archivecert.ErrForeign},
		},
		{name: "wrong kind", der: original, failed: []archivecert.Check{archivecert.ErrKind}},
		{name: "trailing byte", der: append(bytes.Clone(good), 0), failed: []archivecert.Check{archivecert.ErrFormat}},
		{name: "too large", der: make([]byte, archivecert.MaxBytes+1), failed: []archivecert.Check{archivecert.ErrFormat}},
		{name: "no bytes", failed: []archivecert.Check{archivecert.ErrFormat}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := w.verifier.Registration(tc.der, tc.at)
			require.Nil(t, got)
			require.Equal(t, tc.failed, archivecert.FailedChecks(err), "%v", err)
			var failure *archivecert.Failure
			require.ErrorAs(t, err, &failure)
		})
	}
	_, err = w.verifier.Original(good, at)
	require.Equal(t, []archivecert.Check{archivecert.ErrKind}, archivecert.FailedChecks(err))
}

// Properly signed content is refused if it is not in the one documented encoding.
func TestContentRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	der, err := archivecert.IssueRegistration(statement(), w.signer, at)
	require.NoError(t, err)
	result, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: w.root.Pool(), At: at})
	require.NoError(t, err)
	good := string(result.Content)
	for _, tc := range []struct{ name, old, replacement string }{
		{"white space", `,"kind"`, `, "kind"`},
		{"name in other case", `"kind"`, `"Kind"`},
		{"name twice", `"kind":"registration"`, `"kind":"original","kind":"registration"`},
		{"unknown name", `"kind"`, `"extra":1,"kind"`},
		{"other format", "naru-sandbox-archive/1", "naru-sandbox-archive/2"},
		{"short hash", documentHash, documentHash[2:]},
		{"hash not hexadecimal", documentHash, "z" + documentHash[1:]},
		{"other algorithm", "SHA-256", "SHA-1"},
		{"time without fraction", "2026-03-02T01:02:03.456789Z", "2026-03-02T01:02:03Z"},
		{"time with zone", `"validFrom":"2026-03-02T01:02:03.456789Z"`, `"validFrom":"2026-03-02T10:02:03.456789+09:00"`},
		{"valid before registered", `"validFrom":"2026`, `"validFrom":"2025`},
		{"ends before it begins", `"validUntil":"2036`, `"validUntil":"2016`},
		{"empty owner", "가상상사 <시험>", ""},
		{"line feed in owner", "가상상사", `가상\n상사`},
		{"path as document id", "doc-1", "../doc"},
		{"empty list", `["` + attachmentHash + `"]`, `[]`},
		{"eleven attachments", `["` + attachmentHash + `"]`, `["` + strings.Repeat(attachmentHash+`","`, 10) + attachmentHash + `"]`},
		{"registration with a reference", `Z"}`, `Z","registrationCertificateDigest":"` + registrationDigest + `"}`},
		{"something after", `Z"}`, `Z"}{}`},
		{"not an object", good, `[]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, good, tc.old)
			changed := strings.Replace(good, tc.old, tc.replacement, 1)
			der, err := cms.Sign([]byte(changed), false, w.signer.Key, w.signer.Chain, at)
			require.NoError(t, err)
			_, err = w.verifier.Registration(der, at)
			require.Equal(t, []archivecert.Check{archivecert.ErrFormat}, archivecert.FailedChecks(err), "%v", err)
			require.NotContains(t, err.Error(), "가상상사")
		})
	}
	// Upper-case hexadecimal is the only variation that is accepted; it is normalised.
	upper, err := cms.Sign([]byte(strings.Replace(good, documentHash, strings.ToUpper(documentHash), 1)), false, w.signer.Key, w.signer.Chain, at)
	require.NoError(t, err)
	got, err := w.verifier.Registration(upper, at)
	require.NoError(t, err)
	require.Equal(t, documentHash, got.Hash)
}

func TestSkewAllowsAnArchiveClockAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	der, err := archivecert.IssueRegistration(statement(), w.signer, at)
	require.NoError(t, err)
	verifier, err := archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{sandboxIssuer(w.root)}, Clock: clock.NewFake(at), Skew: time.Second,
	})
	require.NoError(t, err)
	_, err = verifier.Registration(der, at.Add(-time.Second))
	require.NoError(t, err)
	_, err = verifier.Registration(der, at.Add(-time.Second-time.Microsecond))
	require.ErrorIs(t, err, archivecert.ErrExpired)
}

func TestNewRefusals(t *testing.T) {
	t.Parallel()
	good := archivecert.Issuer{Name: issuer, Profile: archivecert.Format, Roots: x509.NewCertPool()}
	edited := func(edit func(*archivecert.Issuer)) archivecert.Options {
		one := good
		edit(&one)
		return archivecert.Options{Issuers: []archivecert.Issuer{one}, Clock: clock.NewFake(at)}
	}
	for _, opts := range []archivecert.Options{
		{Clock: clock.NewFake(at)},
		{Issuers: []archivecert.Issuer{good}},
		{Issuers: []archivecert.Issuer{good, good}, Clock: clock.NewFake(at)},
		edited(func(i *archivecert.Issuer) { i.Name = "" }),
		edited(func(i *archivecert.Issuer) { i.Profile = "other" }),
		edited(func(i *archivecert.Issuer) { i.Roots = nil }),
	} {
		_, err := archivecert.New(opts)
		require.Error(t, err)
	}
}

// FuzzRegistration signs the fuzzer's content, so that it reaches the content parser. Whatever is accepted must be exactly what
// Issue makes from the parsed values.
func FuzzRegistration(f *testing.F) {
	w := newWorld(f)
	der, err := archivecert.IssueRegistration(statement(), w.signer, at)
	require.NoError(f, err)
	result, err := cms.Verify(der, nil, cms.VerifyOptions{Roots: w.root.Pool(), At: at})
	require.NoError(f, err)
	f.Add(result.Content)
	f.Add([]byte(`{"format":"naru-sandbox-archive/1"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, content []byte) {
		der, err := cms.Sign(content, false, w.signer.Key, w.signer.Chain, at)
		require.NoError(t, err)
		got, err := w.verifier.Registration(der, at)
		if err != nil {
			var failure *archivecert.Failure
			require.ErrorAs(t, err, &failure)
			return
		}
		again, err := archivecert.IssueRegistration(got.Statement, w.signer, at)
		require.NoError(t, err)
		second, err := w.verifier.Registration(again, at)
		require.NoError(t, err)
		require.Equal(t, got.Statement, second.Statement)
	})
}
