package distcert_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

const (
	hubName      = "시험용 유통허브"
	edocNum      = "20260302_NARU000001_0000000000042"
	documentHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	otherHash    = "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13"
)

var at = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func content() distcert.Content {
	return distcert.Content{
		CertNum: "2026-0302-0001-0042", EdocNum: edocNum, Title: "고지서 <시험> & \"인용\"",
		Sender:    distcert.Party{Address: "가상구청_세무과", SubAddress: "징수팀", PlatformID: "naru-01-relay", Name: "가상구청"},
		Recipient: distcert.Party{Address: "abc01071660123", PlatformID: "naru-02-relay"},
		SentAt:    at.Add(-time.Hour), ReceivedAt: at.Add(-time.Hour), ReadAt: at.Add(-time.Minute),
		Hash: documentHash, AttachmentHashes: []string{otherHash},
		Applicant: "abc01071660123", Reason: "제출용", IssuedAt: at, ValidUntil: at.AddDate(0, 6, 0),
	}
}

func encoded(t testing.TB, edit ...func(*distcert.Content)) []byte {
	t.Helper()
	c := content()
	for _, change := range edit {
		change(&c)
	}
	text, err := c.Encode()
	require.NoError(t, err)
	return text
}

type world struct {
	root, foreign *cmstest.Authority
	hub           cmstest.Signer
}

func newWorld(t testing.TB) world {
	t.Helper()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	return world{root: root, foreign: cmstest.NewRoot(t, "시험용 루트", at), hub: root.Signer(t, hubName, at)}
}

func (w world) options(when time.Time) distcert.Options {
	return distcert.Options{
		Roots: w.root.Pool(), At: when,
		PinnedSigner: distcert.Pins{Subjects: []string{w.hub.Chain[0].Subject.String()}},
	}
}

var allTrue = distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed, Validity: proof.Passed}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := newPaper(encoded(t)).sign(t, w.hub)
	got, checks, err := distcert.Verify(pdf, w.options(at))
	require.NoError(t, err)
	require.Equal(t, allTrue, checks)
	require.Equal(t, content(), got.Content)
	require.Equal(t, "SHA-256", got.Algorithm)
	require.Equal(t, at, got.SignedAt)
	require.Equal(t, w.hub.Chain[0].Raw, got.Signer.Raw)
	digest := sha256.Sum256(pdf)
	require.Equal(t, hex.EncodeToString(digest[:]), got.Digest)

	spki := sha256.Sum256(w.hub.Chain[0].RawSubjectPublicKeyInfo)
	byKey := w.options(at)
	byKey.PinnedSigner = distcert.Pins{SPKI: []string{strings.ToUpper(hex.EncodeToString(spki[:]))}}
	_, checks, err = distcert.Verify(pdf, byKey)
	require.NoError(t, err)
	require.Equal(t, allTrue, checks)

	require.NoError(t, got.Match(edocNum, strings.ToUpper(documentHash)))
	require.ErrorIs(t, got.Match(edocNum, otherHash), distcert.ErrHash)
	require.ErrorIs(t, got.Match("20260302_NARU000001_0000000000043", documentHash), distcert.ErrEdocNum)
	both := got.Match("", "")
	require.ErrorContains(t, both, "number")
	require.ErrorContains(t, both, "hash")
}

// A document that was not viewed has no read time.
func TestVerifyNotViewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := encoded(t, func(c *distcert.Content) { c.ReadAt = time.Time{} })
	require.Contains(t, string(text), `"readAt":null`)
	got, _, err := distcert.Verify(newPaper(text).sign(t, w.hub), w.options(at))
	require.NoError(t, err)
	require.Zero(t, got.ReadAt)
}

// A signature that is well formed but not trustworthy: every failed check is reported, and the others stay true.
func TestVerifyTrust(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := newPaper(encoded(t)).sign(t, w.hub)
	flip := func(old, replacement string) []byte {
		require.Contains(t, string(good), old)
		return bytes.Replace(good, []byte(old), []byte(replacement), 1)
	}
	short := w.root.Signer(t, hubName, at, func(c *x509.Certificate) { c.NotAfter = at.AddDate(0, 1, 0) })
	server := w.root.Signer(t, hubName, at, func(c *x509.Certificate) {
		c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	for _, tc := range []struct {
		name   string
		pdf    []byte
		at     time.Time
		checks distcert.Checks
		failed []distcert.Check
	}{
		{
			name: "byte of the text flipped", pdf: flip("[0 0 200 200]", "[0 0 200 201]"),
			checks: distcert.Checks{Format: proof.Passed, Chain: proof.Passed, Identity: proof.Passed, Validity: proof.Passed},
			failed: []distcert.Check{distcert.ErrSignature},
		},
		{
			name: "attachment swapped", pdf: flip(documentHash, otherHash),
			checks: distcert.Checks{Format: proof.Passed, Chain: proof.Passed, Identity: proof.Passed, Validity: proof.Passed},
			failed: []distcert.Check{distcert.ErrSignature},
		},
		{
			name: "another signer under the same root", pdf: newPaper(encoded(t)).sign(t, w.root.Signer(t, "시험용 다른 허브", at)),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Validity: proof.Passed},
			failed: []distcert.Check{distcert.ErrIdentity},
		},
		{
			name: "the same name under another root", pdf: newPaper(encoded(t)).sign(t, w.foreign.Signer(t, hubName, at)),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Identity: proof.Passed, Validity: proof.Passed},
			failed: []distcert.Check{distcert.ErrChain},
		},
		{
			name: "another name under another root, changed", at: at.AddDate(3, 0, 0),
			pdf:    bytes.Replace(newPaper(encoded(t)).sign(t, w.foreign.Signer(t, "시험용 남", at)), []byte("[0 0 200 200]"), []byte("[0 0 200 201]"), 1),
			checks: distcert.Checks{Format: proof.Passed},
			failed: []distcert.Check{distcert.ErrSignature, distcert.ErrChain, distcert.ErrIdentity, distcert.ErrValidity},
		},
		{
			name: "signer that may not sign documents", pdf: newPaper(encoded(t)).sign(t, server),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Identity: proof.Passed, Validity: proof.Passed},
			failed: []distcert.Check{distcert.ErrChain},
		},
		{
			name: "signer expired", pdf: newPaper(encoded(t)).sign(t, short), at: at.AddDate(0, 2, 0),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed},
			failed: []distcert.Check{distcert.ErrValidity},
		},
		{
			name: "certificate expired", pdf: good, at: at.AddDate(0, 6, 0).Add(time.Second),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed},
			failed: []distcert.Check{distcert.ErrValidity},
		},
		{
			name: "before issue", pdf: good, at: at.Add(-time.Second),
			checks: distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed},
			failed: []distcert.Check{distcert.ErrValidity},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			when := tc.at
			if when.IsZero() {
				when = at
			}
			got, checks, err := distcert.Verify(tc.pdf, w.options(when))
			require.Equal(t, tc.failed, distcert.FailedChecks(err), "%v", err)
			require.Equal(t, tc.checks, checks)
			// The content is returned only if the certificate is merely expired.
			require.Equal(t, len(tc.failed) == 1 && tc.failed[0] == distcert.ErrValidity, got != nil)
			var failure *distcert.Failure
			require.ErrorAs(t, err, &failure)
		})
	}
}

var rangePattern = regexp.MustCompile(`/ByteRange (\[0 (\d+) (\d+) (\d+)\] +)`)

// A file whose signature does not cover exactly everything except its own value is refused by its form.
func TestVerifyCoverage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := newPaper(encoded(t)).sign(t, w.hub)
	numbers := rangePattern.FindSubmatch(good)[1:]
	var first, second, length int
	for i, into := range []*int{&first, &second, &length} {
		_, err := fmt.Sscan(string(numbers[i+1]), into)
		require.NoError(t, err)
	}
	withRange := func(start, first, second, length int) []byte {
		text := fmt.Sprintf("[%d %d %d %d]", start, first, second, length)
		require.LessOrEqual(t, len(text), len(numbers[0]))
		return bytes.Replace(good, numbers[0], []byte(text+strings.Repeat(" ", len(numbers[0])-len(text))), 1)
	}
	update := []byte("3 0 obj\n<< /Type /Page >>\nendobj\nxref\n3 1\n0000000000 00000 n \ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
	notHex := bytes.Clone(good)
	notHex[second-2] = 'g'
	padded := bytes.Clone(good)
	padded[second-2] = '1'
	twoSignatures := newPaper(encoded(t))
	twoSignatures.objects = append(twoSignatures.objects, "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>")
	apart := newPaper(encoded(t)).replace(t, 5, "/Contents "+valuePlace, "/Other "+valuePlace)
	for _, tc := range []struct {
		name string
		pdf  []byte
		want string
	}{
		{"appended update", append(bytes.Clone(good), update...), "does not cover the whole file"},
		{"one byte appended", append(bytes.Clone(good), '\n'), "does not cover the whole file"},
		{"cut", good[:len(good)-1], "does not cover the whole file"},
		{"range not from the start", withRange(1, first, second, length), "does not cover the whole file"},
		{"gap begins earlier", withRange(0, first-1, second, length), "not its value"},
		{"gap ends later", withRange(0, first, second+1, length-1), "not its value"},
		{"gap ends earlier", withRange(0, first, second-1, length+1), "not its value"},
		{"halves overlap", withRange(0, second, first, len(good)-first), "does not cover the whole file"},
		{"empty second half", withRange(0, first, len(good), 0), "does not cover the whole file"},
		{"range beyond the file", withRange(0, first, second, length+1), "does not cover the whole file"},
		{"gap of another entry", apart.sign(t, w.hub), "not its value"},
		{"value not hexadecimal", notHex, "not hexadecimal"},
		{"something in the padding", padded, "bytes after the value"},
		{"two signatures", twoSignatures.sign(t, w.hub), "more than one signature"},
		{"no signature", bytes.ReplaceAll(good, []byte("/ByteRange"), []byte("/ByteCount")), "no signature"},
		{"unreadable range", bytes.Replace(good, []byte("/ByteRange ["), []byte("/ByteRange {"), 1), "cannot be read"},
		{"not a PDF", []byte("본문"), "not a PDF"},
		{"empty", nil, "not a PDF"},
		{"too large", make([]byte, distcert.MaxBytes+1), "too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, checks, err := distcert.Verify(tc.pdf, w.options(at))
			require.Nil(t, got)
			require.Zero(t, checks)
			require.Equal(t, []distcert.Check{distcert.ErrFormat}, distcert.FailedChecks(err))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// Even a file signed by the hub must have the documented form.
func TestVerifyForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	paperWith := func() *paper { return newPaper(encoded(t)) }
	hidden := paperWith()
	hidden.objects = append(hidden.objects, "<< /Type /Sig /Byte#52ange [0 1 2 3] /Contents <00> >>")
	for _, tc := range []struct {
		name  string
		paper *paper
		want  string
	}{
		{"second signature under another spelling", hidden, "not exactly one signature"},
		{"older kind of signature", paperWith().replace(t, 5, "ETSI.CAdES.detached", "adbe.pkcs7.detached"), "is not ETSI.CAdES.detached"},
		{"no form", paperWith().replace(t, 1, "/AcroForm", "/Other"), "form"},
		{"two fields", paperWith().replace(t, 1, "[4 0 R]", "[4 0 R 4 0 R]"), "form fields"},
		{"field of another kind", paperWith().replace(t, 4, "/FT /Sig", "/FT /Tx"), "not a signature"},
		{"field with another signature", paperWith().replace(t, 4, "/V 5 0 R", "/V << /SubFilter /ETSI.CAdES.detached >>"), "signature range"},
		{"no attachment", paperWith().replace(t, 1, "/EmbeddedFiles", "/Others"), "attachments"},
		{"two attachments", paperWith().replace(t, 1, "6 0 R]", "6 0 R (other.json) 6 0 R]"), "attachments"},
		{"attachment of another name", paperWith().replace(t, 6, "/UF (circulation.json)", "/UF (other.json)"), "another name"},
		{"attachment that is no stream", paperWith().replace(t, 6, "7 0 R", "3 0 R"), "cannot be read"},
		{"attachment that is something else", newPaper([]byte(`{"format":"other"}`)), "not in its deterministic encoding"},
		{"attachment too large", newPaper(bytes.Repeat([]byte(" "), 40<<10)), "too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, checks, err := distcert.Verify(tc.paper.sign(t, w.hub), w.options(at))
			require.Nil(t, got)
			require.Equal(t, distcert.Checks{Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed, Validity: proof.Passed}, checks)
			require.Equal(t, []distcert.Check{distcert.ErrFormat}, distcert.FailedChecks(err))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestVerifyNeedsOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, edit := range []func(*distcert.Options){
		func(o *distcert.Options) { o.Roots = nil },
		func(o *distcert.Options) { o.At = time.Time{} },
		func(o *distcert.Options) { o.PinnedSigner = distcert.Pins{} },
	} {
		opts := w.options(at)
		edit(&opts)
		_, _, err := distcert.Verify(nil, opts)
		require.ErrorContains(t, err, "required")
		require.Empty(t, distcert.FailedChecks(err))
	}
}

func TestContentEncoding(t *testing.T) {
	t.Parallel()
	golden.Equal(t, encoded(t), "circulation.json")
	good := string(encoded(t))
	for _, tc := range []struct{ name, old, replacement string }{
		{"white space", `,"certNum"`, `, "certNum"`},
		{"name twice", `"certNum"`, `"certNum":"2026-0302-0001-0041","certNum"`},
		{"unknown name", `"certNum"`, `"extra":1,"certNum"`},
		{"name in other case", `"certNum"`, `"CertNum"`},
		{"read before received", `"readAt":"2026`, `"readAt":"2025`},
		{"received before sent", `"receivedAt":"2026`, `"receivedAt":"2025`},
		{"time in another zone", `"sentAt":"2026-03-02T09:02:03+09:00"`, `"sentAt":"2026-03-02T00:02:03Z"`},
		{"ends before it begins", `"validUntil":"2026`, `"validUntil":"2020`},
		{"other algorithm", "SHA-256", "SHA-1"},
		{"bad document number", edocNum, edocNum[1:]},
		{"date that does not exist", "2026-0302-0001", "2026-0230-0001"},
		{"control character", "제출용", `제\u0007출`},
		{"right-to-left override", "제출용", "제\u202e출"},
		{"something after", `"}`, `"}{}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, good, tc.old)
			i := strings.LastIndex(good, tc.old)
			_, err := distcert.DecodeContent([]byte(good[:i] + tc.replacement + good[i+len(tc.old):]))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "고지서")
		})
	}
}

// FuzzVerify tries arbitrary bytes: without the hub's key only the hub's own file can pass.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	good := newPaper(encoded(f)).sign(f, w.hub)
	f.Add(good)
	f.Add(newPaper(encoded(f)).write())
	f.Add(append(bytes.Clone(good), good...))
	f.Add([]byte("%PDF-1.7\n/ByteRange [0 1 2 3]"))
	opts := w.options(at)
	opts.Cache = cms.NewChainCache(2)
	f.Fuzz(func(t *testing.T, pdf []byte) {
		got, checks, err := distcert.Verify(pdf, opts)
		if err == nil {
			require.Equal(t, allTrue, checks)
			require.Equal(t, content(), got.Content)
			return
		}
		require.Nil(t, got)
		var failure *distcert.Failure
		require.ErrorAs(t, err, &failure)
	})
}

// FuzzForm signs invented objects with the hub's key, so that they reach the parser behind the signature.
func FuzzForm(f *testing.F) {
	w := newWorld(f)
	p := newPaper(encoded(f))
	f.Add(p.objects[0], p.objects[3], p.objects[5], p.objects[6])
	f.Add("<< /Names 1 0 R >>", "[1 0 R]", "6 0 R", "<< /Length 6 0 R /Filter /FlateDecode >>\nstream\nx\nendstream")
	opts := w.options(at)
	opts.Cache = cms.NewChainCache(2)
	f.Fuzz(func(t *testing.T, catalog, field, specification, file string) {
		p := newPaper(encoded(t))
		p.objects[0], p.objects[3], p.objects[5], p.objects[6] = catalog, field, specification, file
		got, checks, err := distcert.Verify(p.sign(t, w.hub), opts)
		if err == nil {
			require.Equal(t, allTrue, checks)
			return
		}
		require.Nil(t, got)
		require.NotEmpty(t, distcert.FailedChecks(err))
	})
}

// FuzzContent checks that decoded content is encoded to the same bytes.
func FuzzContent(f *testing.F) {
	f.Add(encoded(f))
	f.Add([]byte(`{"format":"naru-sandbox-distribution/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := distcert.DecodeContent(text)
		if err != nil {
			return
		}
		again, err := c.Encode()
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(string(text)), strings.ToLower(string(again)))
	})
}
