package pades_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
)

// No byte of a signed file can be changed so that it is still accepted, wherever it stands: in what was signed, in the range, in
// the value, in its padding, in the update.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := sign(t, simple(), by(w.seller))
	trust := w.trust()
	trust.Cache = cms.NewChainCache(4)
	report, err := pades.Verify(pdf, trust, at)
	require.NoError(t, err)
	require.True(t, report.Valid)
	for i := range pdf {
		changed := bytes.Clone(pdf)
		changed[i] ^= 1
		report, err := pades.Verify(changed, trust, at)
		require.NoError(t, err)
		require.False(t, report.Valid, "byte %d of %d", i, len(pdf))
		require.NotEmpty(t, report.Failed(), "byte %d of %d", i, len(pdf))
	}
}

// appended is a revision that somebody writes behind a file by hand.
func appended(t testing.TB, pdf []byte, trailer string, objects map[int]string) []byte {
	t.Helper()
	starts := regexp.MustCompile(`startxref\n(\d+)\n%%EOF`).FindAllSubmatch(pdf, -1)
	b := bytes.NewBuffer(bytes.Clone(pdf))
	places := map[int]int{}
	numbers := slices.Sorted(maps.Keys(objects))
	for _, number := range numbers {
		places[number] = b.Len()
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", number, objects[number])
	}
	table := b.Len()
	b.WriteString("xref\n")
	for _, number := range numbers {
		fmt.Fprintf(b, "%d 1\n%010d 00000 n \n", number, places[number])
	}
	fmt.Fprintf(b, "trailer\n<< %s /Root 1 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n", trailer, starts[len(starts)-1][1], table)
	return b.Bytes()
}

// object is the newest form of an object of a file with a table.
func object(t testing.TB, pdf []byte, number int) string {
	t.Helper()
	begin := []byte(fmt.Sprintf("\n%d 0 obj\n", number))
	from := bytes.LastIndex(pdf, begin)
	require.Positive(t, from)
	text, _, found := bytes.Cut(pdf[from+len(begin):], []byte("\nendobj"))
	require.True(t, found)
	return string(text)
}

// Whatever comes after a signature and is no signature, time stamp or validation data is named, and the file is not valid. The
// signature itself still is.
func TestChangesAfterASignatureAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := sign(t, simple(), by(w.seller)) // 5 is the signature, 6 its field
	lta := w.validation(t)
	lta.Stamp = stampAt(t, w.stamper, at)
	archived := extend(t, pdf, lta) // 7 to 10 are validation data, 11 its store
	for name, tc := range map[string]struct {
		pdf     []byte
		trailer string
		objects map[int]string
		want    string
	}{
		"a page":         {pdf, "/Size 7", map[int]string{3: "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << >> >>"}, "page 3"},
		"other pages":    {pdf, "/Size 7", map[int]string{2: "<< /Type /Pages /Kids [4 0 R] /Count 1 /MediaBox [0 0 200 200] >>"}, "object 2"},
		"an annotation":  {pdf, "/Size 8", map[int]string{3: strings.Replace(object(t, pdf, 3), "6 0 R", "6 0 R 7 0 R", 1), 7: "<< /Type /Annot /Subtype /FreeText /Rect [0 0 99 99] /Contents (x) >>"}, "annotation 7"},
		"an action":      {pdf, "/Size 7", map[int]string{1: strings.Replace(object(t, pdf, 1), "<<", "<< /OpenAction << /S /JavaScript /JS (app) >>", 1)}, "catalog 1"},
		"another field":  {pdf, "/Size 8", map[int]string{1: strings.Replace(object(t, pdf, 1), "6 0 R", "6 0 R 7 0 R", 1), 7: "<< /FT /Tx /T (x) /Subtype /Widget /Rect [0 0 9 9] /V (x) >>"}, "field 7"},
		"the signature":  {pdf, "/Size 7", map[int]string{6: strings.Replace(object(t, pdf, 6), "/V 5 0 R", "/V 9 0 R", 1)}, "field 6"},
		"a field less":   {pdf, "/Size 7", map[int]string{1: strings.Replace(object(t, pdf, 1), "6 0 R", "", 1)}, "catalog 1"},
		"an object":      {pdf, "/Size 8", map[int]string{7: "<< /Type /XObject >>"}, "object 7"},
		"a hidden stamp": {pdf, "/Size 8", map[int]string{7: "<< /Type /DocTimeStamp /ByteRange [0 1 2 3] /Contents <00> >>"}, "no new field names"},
		"the root":       {pdf, "/Size 7 /Encrypt 3 0 R", map[int]string{1: object(t, pdf, 1)}, "trailer has an entry"},
		"nothing":        {pdf, "/Size 7", map[int]string{1: object(t, pdf, 1)}, "adds nothing"},
		"validation data that is named nowhere, then changed": {
			appended(t, pdf, "/Size 8", map[int]string{7: "[6 0 R]"}), "/Size 8", map[int]string{7: "[5 0 R]"}, "object 7",
		},
		"validation data removed": {archived, "/Size 14", map[int]string{1: strings.Replace(object(t, archived, 1), "/DSS 11 0 R", "", 1)}, "catalog 1"},
		"a list removed":          {archived, "/Size 14", map[int]string{11: "<< /Certs [7 0 R] >>"}, "object 11"},
		"a list emptied":          {archived, "/Size 14", map[int]string{11: "<< /Certs [7 0 R 8 0 R] /CRLs [9 0 R] >>"}, "object 11"},
		"a certificate changed":   {archived, "/Size 14", map[int]string{7: object(t, archived, 8)}, "object 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := w.verify(t, appended(t, tc.pdf, tc.trailer, tc.objects))
			require.Equal(t, []string{pades.CheckChanges}, report.Failed())
			require.False(t, report.Valid)
			require.Contains(t, report.Check(pades.CheckChanges).Detail, tc.want)
			require.NotEmpty(t, report.Revisions[len(report.Revisions)-1].Changes)
			require.True(t, report.Signatures[0].Valid)
		})
	}
}

// Bytes that belong to no update are told, and what is before them is still judged.
func TestBytesBehindAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := sign(t, simple(), by(w.seller))
	for name, tail := range map[string]string{
		"a byte": "x", "a comment": "% /ByteRange [0 1 2 3]\n", "an object": "7 0 obj\nnull\nendobj\n", "a line": "\n\n",
		"a hidden table": "xref\n0 0\ntrailer\n<< /Size 7 /Root 1 0 R /Prev 1 /XRefStm 3 >>\nstartxref\n1\n%%EOF\n",
	} {
		report := w.verify(t, append(bytes.Clone(pdf), tail...))
		require.Equal(t, []string{pades.CheckUpdates}, report.Failed(), name)
		require.False(t, report.Valid, name)
		require.True(t, report.Signatures[0].Valid, name)
	}
}

// placed is a file whose signature is placed by hand: edit may bend the range before the whole is signed. Nobody but a trusted
// signer can make such a file, and even from them it is not taken.
func placed(t testing.TB, w world, edit func(from, to, end int) [4]int, more string) []byte {
	t.Helper()
	const space, ranges = 4096, "[0 1111111111 2222222222 3333333333]"
	pdf := handwritten(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] /SigFlags 3 >> >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> /Annots [4 0 R] >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (S) /Rect [0 0 0 0] /P 3 0 R /V 5 0 R >>",
		"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (D:20260302100203+09'00') /ByteRange "+ranges+" /Contents <"+strings.Repeat("0", 2*space)+"> >>",
		more,
	)
	from := bytes.Index(pdf, []byte("<0000"))
	to := from + 2*space + 2
	numbers := edit(from, to, len(pdf))
	text := fmt.Sprintf("[%d %d %d %d]", numbers[0], numbers[1], numbers[2], numbers[3])
	pdf = bytes.Replace(pdf, []byte(ranges), []byte(text+strings.Repeat(" ", len(ranges)-len(text))), 1)
	content := slices.Concat(pdf[numbers[0]:numbers[1]], pdf[numbers[2]:min(len(pdf), numbers[2]+numbers[3])])
	der, err := cms.SignWith(content, w.seller.Key, w.seller.Chain, cms.SignOptions{Detached: true, OmitSigningTime: true})
	require.NoError(t, err)
	hex.Encode(pdf[from+1:], der)
	return pdf
}

func TestRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	whole := func(from, to, end int) [4]int { return [4]int{0, from, to, end - to} }
	require.True(t, w.verify(t, placed(t, w, whole, "null")).Valid)
	for name, tc := range map[string]struct {
		edit func(from, to, end int) [4]int
		more string
		want string
	}{
		"a second range":       {whole, "<< /ByteRange [0 1 2 3] >>", "more than one signature"},
		"not from the start":   {func(from, to, end int) [4]int { return [4]int{9, from - 9, to, end - to} }, "null", "whole file"},
		"a gap before":         {func(from, to, end int) [4]int { return [4]int{0, from - 9, to, end - to} }, "null", "not its value"},
		"a gap behind":         {func(from, to, end int) [4]int { return [4]int{0, from, to + 9, end - to - 9} }, "null", "not its value"},
		"a value in the range": {func(from, to, end int) [4]int { return [4]int{0, from, to - 9, end - to + 9} }, "null", "not its value"},
		"beyond the end":       {func(from, to, end int) [4]int { return [4]int{0, from, to, end - to + 9} }, "null", "whole file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := w.verify(t, placed(t, w, tc.edit, tc.more))
			require.Equal(t, []string{pades.CheckFile}, report.Failed())
			require.Contains(t, report.Check(pades.CheckFile).Detail, tc.want)
			require.False(t, report.Valid)
			require.Empty(t, report.Signatures)
		})
	}
	early := w.verify(t, placed(t, w, func(from, to, end int) [4]int { return [4]int{0, from, to, end - to - 9} }, "null"))
	require.Equal(t, []string{pades.CheckUpdates, pades.CheckStructure}, sorted(early.Failed()), "a tail that is not signed is no update")
	hidden := w.verify(t, placed(t, w, whole, "<< /Type /Sig /Byte#52ange [0 1 2 3] >>"))
	require.Equal(t, []string{pades.CheckStructure}, hidden.Failed(), "a second range in another spelling")
}

func sorted(ids []string) []string {
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}

// Who signed is judged apart from what was signed.
func TestSigners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	short := w.root.Signer(t, "시험용 파는이", at, func(c *x509.Certificate) { c.NotAfter = at.Add(time.Minute) })
	server := w.root.Signer(t, "시험용 서버", at, func(c *x509.Certificate) {
		c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	claims := func(when time.Time) pades.Options {
		opts := by(w.seller)
		opts.At = when
		return opts
	}
	stamped := func(stamper cmstest.Signer, when time.Time) pades.Options {
		opts := by(w.seller)
		opts.Stamp = stampAt(t, stamper, when)
		return opts
	}
	wrong := by(w.seller)
	wrong.Stamp = overSomethingElse(t, w.stamper)
	for name, tc := range map[string]struct {
		opts   pades.Options
		failed []string
		parsed bool
	}{
		"a foreign root":           {by(w.foreign.Signer(t, "시험용 파는이", at)), []string{pades.CheckSignatureChain}, false},
		"no signer of documents":   {by(server), []string{pades.CheckSignatureChain}, false},
		"expired":                  {by(short), []string{pades.CheckSignatureValidity}, true},
		"a claim of the future":    {claims(at.Add(2 * time.Hour)), []string{pades.CheckSignatureValidity}, true},
		"a claim of long ago":      {claims(at.AddDate(-2, 0, 0)), []string{pades.CheckSignatureValidity}, true},
		"stamped before the claim": {stamped(w.stamper, at.Add(-time.Hour)), []string{pades.CheckSignatureValidity}, true},
		"stamped by a stranger":    {stamped(w.foreign.TimeStamper(t, "시험용 시점확인", at), at), []string{"signature_time_stamp.chain"}, true},
		"a stamp over another":     {wrong, []string{"signature_time_stamp.imprint"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := w.verify(t, sign(t, simple(), tc.opts))
			require.Equal(t, tc.failed, report.Failed())
			require.False(t, report.Valid)
			require.False(t, report.Signatures[0].Valid)
			require.Equal(t, proof.Passed, report.Signatures[0].Check(pades.CheckSignatureDigest).Outcome)
			structure := map[bool]proof.Outcome{true: proof.Passed, false: proof.NotCheckable}[tc.parsed]
			require.Equal(t, structure, report.Check(pades.CheckStructure).Outcome, "what a stranger signed is not parsed")
		})
	}
}

// A second signer who is not trusted, or whose revision does not hold, spoils the file but not what the first one signed.
func TestTheSecondSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := sign(t, simple(), by(w.seller))
	report := w.verify(t, sign(t, pdf, by(w.foreign.Signer(t, "시험용 남", at))))
	require.Equal(t, []string{pades.CheckSignatureChain}, report.Failed())
	require.True(t, report.Signatures[0].Valid)
	require.False(t, report.Signatures[1].Valid)

	both := sign(t, pdf, by(w.buyer))
	ranged := regexp.MustCompile(`/ByteRange\[0 (\d+)`).FindAllSubmatchIndex(both, 2)[1]
	from, err := strconv.Atoi(string(both[ranged[2]:ranged[3]]))
	require.NoError(t, err)
	shifted := bytes.Clone(both)
	copy(shifted[ranged[2]:ranged[3]], strconv.Itoa(from-2))
	report = w.verify(t, shifted)
	require.Equal(t, []string{pades.CheckChanges}, report.Failed())
	require.Contains(t, report.Check(pades.CheckChanges).Detail, "does not cover everything")
	require.False(t, report.Valid)

	changed := bytes.Clone(both)
	changed[len(pdf)-2]++ // of the first one's part
	report = w.verify(t, changed)
	require.False(t, report.Valid)
	require.Len(t, report.Signatures, 2, "the second one is judged though the first one does not hold")
	for _, s := range report.Signatures {
		require.Equal(t, proof.NotPassed, s.Check(pades.CheckSignatureDigest).Outcome)
	}
}

// A certification that allows nothing is held against a later signature, however good that is.
func TestCertificationThatAllowsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := by(w.seller)
	plain.Certify = true
	pdf := sign(t, simple(), plain)
	locked := resigned(t, w, bytes.Replace(pdf, []byte("/P 2/"), []byte("/P 1/"), 1))
	report := w.verify(t, locked)
	require.True(t, report.Valid, "%+v", report)
	require.Equal(t, 1, report.Permission)

	lta := pades.Extension{Stamp: stampAt(t, w.stamper, at)}
	require.True(t, w.verify(t, extend(t, locked, lta)).Valid, "validation data and time stamps are always allowed")

	// Sign refuses to; so the second signature is made while the first allows it, and the first one is made anew beneath it.
	both := sign(t, pdf, by(w.buyer))
	report = w.verify(t, slices.Concat(locked, both[len(pdf):]))
	require.Contains(t, report.Failed(), pades.CheckCertification)
	require.False(t, report.Valid)
	require.Contains(t, report.Check(pades.CheckCertification).Detail, "allowed none")

	// A lock of fields, written with as many bytes.
	const certification, lock = "/DocMDP/TransformParams<</P 2/Type/TransformParams/V/1.2>>", "/FieldMDP/TransformParams<</P 2/Type/TransformParams    >>"
	require.Contains(t, string(pdf), certification)
	fields := resigned(t, w, bytes.Replace(pdf, []byte(certification), []byte(lock), 1))
	require.True(t, w.verify(t, fields).Valid)
	_, err := pades.Sign(t.Context(), fields, by(w.buyer))
	require.ErrorIs(t, err, pades.ErrLocked)
	report = w.verify(t, slices.Concat(fields, both[len(pdf):]))
	require.Contains(t, report.Check(pades.CheckCertification).Detail, "locked fields")
	require.False(t, report.Valid)
}

// resigned makes the one signature of a file anew.
func resigned(t testing.TB, w world, pdf []byte) []byte {
	t.Helper()
	found := regexp.MustCompile(`/ByteRange\[0 (\d+) (\d+) (\d+)`).FindSubmatch(pdf)
	from, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	to, err := strconv.Atoi(string(found[2]))
	require.NoError(t, err)
	der, err := cms.SignWith(slices.Concat(pdf[:from], pdf[to:]), w.seller.Key, w.seller.Chain, cms.SignOptions{Detached: true, OmitSigningTime: true})
	require.NoError(t, err)
	again := bytes.Clone(pdf)
	copy(again[from+1:to-1], bytes.Repeat([]byte("0"), to-from-2))
	hex.Encode(again[from+1:], der)
	return again
}

// Signatures of other libraries have to have the form that they say.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign := func(form string) []byte {
		t.Helper()
		pdf := bytes.Replace(sign(t, simple(), by(w.seller)), []byte("ETSI.CAdES.detached"), []byte(form), 1)
		return signedElsewhere(t, w, pdf)
	}
	now := clock.System().Now() // which the other library puts into its signatures
	trust := w.trust()
	report, err := pades.Verify(foreign(pades.SubFilterPAdES), trust, now)
	require.NoError(t, err)
	require.Equal(t, []string{pades.CheckSignatureForm}, report.Failed(), "it names no certificate")
	older := foreign(pades.SubFilterPKCS7)
	report, err = pades.Verify(older, trust, now)
	require.NoError(t, err)
	require.Equal(t, []string{pades.CheckSignatureForm}, report.Failed())
	trust.SubFilters = []string{pades.SubFilterPAdES, pades.SubFilterPKCS7}
	report, err = pades.Verify(older, trust, now)
	require.NoError(t, err)
	require.True(t, report.Valid, "%+v", report)
	report, err = pades.Verify(foreign(pades.SubFilterPAdES), trust, now)
	require.NoError(t, err)
	require.Contains(t, report.Signatures[0].Check(pades.CheckSignatureForm).Detail, "does not name its certificate")
}

func signedElsewhere(t testing.TB, w world, pdf []byte) []byte {
	t.Helper()
	found := regexp.MustCompile(`/ByteRange\[0 (\d+) (\d+) (\d+)`).FindSubmatch(pdf)
	from, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	to, err := strconv.Atoi(string(found[2]))
	require.NoError(t, err)
	data, err := pkcs7.NewSignedData(slices.Concat(pdf[:from], pdf[to:]))
	require.NoError(t, err)
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	require.NoError(t, data.AddSigner(w.seller.Chain[0], w.seller.Key, pkcs7.SignerInfoConfig{}))
	data.Detach()
	der, err := data.Finish()
	require.NoError(t, err)
	again := bytes.Clone(pdf)
	copy(again[from+1:to-1], bytes.Repeat([]byte("0"), to-from-2))
	hex.Encode(again[from+1:], der)
	return again
}

func TestVerifyNeedsTrust(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, edit := range []func(*pades.Trust){
		func(c *pades.Trust) { c.Roots = nil },
		func(c *pades.Trust) { c.TimeStamps.Roots = nil },
	} {
		trust := w.trust()
		edit(&trust)
		_, err := pades.Verify(nil, trust, at)
		require.ErrorContains(t, err, "required")
	}
	report := w.verify(t, simple())
	require.False(t, report.Valid)
	require.Equal(t, []string{pades.CheckFile}, report.Failed())
}
