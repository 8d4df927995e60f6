package pades_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pades"
)

// Whatever wrote a file, it is signed by two people one after the other, and both signatures hold.
func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, pdf := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := by(w.seller)
			first.Reason, first.Location, first.Certify = "계약 (체결)", "서울", true
			signed := sign(t, pdf, first)
			report := w.verify(t, signed)
			require.Empty(t, report.Failed(), "%+v", report)
			require.True(t, report.Valid)
			require.Equal(t, 2, report.Permission)
			require.Len(t, report.Signatures, 1)
			one := report.Signatures[0]
			require.Equal(t, "시험용 파는이", one.Signer)
			require.Equal(t, at, *one.ClaimedAt)
			require.Nil(t, one.ProvenAt)
			require.Equal(t, len(signed), one.Covers)
			require.Equal(t, pades.LevelB, one.Level)

			second := by(w.buyer)
			second.Stamp = stampAt(t, w.stamper, at)
			both := sign(t, signed, second)
			report = w.verify(t, both)
			require.Empty(t, report.Failed(), "%+v", report)
			require.True(t, report.Valid)
			require.Len(t, report.Signatures, 2)
			require.Equal(t, pades.LevelT, report.Signatures[1].Level)
			require.Equal(t, at, *report.Signatures[1].ProvenAt)
			require.Equal(t, []pades.Revision{{End: len(both), Signature: true}}, report.Revisions)
		})
	}
}

// A signature goes into the empty field that its signer was given, and nobody signs in it again.
func TestSignInAField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := by(w.seller)
	first.Certify = true
	pdf := sign(t, scattered(), first)
	in := by(w.buyer)
	in.Field = "buyer"
	signed := sign(t, pdf, in)
	require.Equal(t, 1, bytes.Count(signed[len(pdf):], []byte("/FT/Sig")), "the field itself is written anew, and no other")
	report := w.verify(t, signed)
	require.True(t, report.Valid, "%+v", report)
	require.Len(t, report.Signatures, 2)

	_, err := pades.Sign(t.Context(), signed, in)
	require.ErrorContains(t, err, "signed already")
	for _, more := range []string{"/Lock << /Action /All >>", "/SV << /Ff 1 >>"} {
		_, err = pades.Sign(t.Context(), scattered(more), in)
		require.ErrorContains(t, err, "asks for more")
	}
	in.Field = "remark"
	_, err = pades.Sign(t.Context(), signed, in)
	require.ErrorContains(t, err, "not one for signatures")
}

// An update has cross-references of the kind that the file has, and all of them lead to an object: readers that find none repair
// the file by guessing.
func TestKindsOfCrossReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, pdf := range files(t) {
		signed := sign(t, pdf, by(w.seller))
		update := string(signed[len(pdf):])
		if name == "packed" {
			require.NotContains(t, update, "trailer")
			require.Contains(t, update, "/Type/XRef", name)
			continue
		}
		require.NotContains(t, update, "/Type/XRef", name)
		table := update[strings.Index(update, "xref\n"):]
		entries := regexp.MustCompile(`(?m)^(\d{10}) 00000 n $`).FindAllStringSubmatch(table, -1)
		require.Len(t, entries, strings.Count(update, " 0 obj\n"), name)
		for _, entry := range entries {
			place, err := strconv.Atoi(entry[1])
			require.NoError(t, err)
			require.Regexp(t, `^\d+ 0 obj\n`, string(signed[place:]), name)
		}
	}
	// Many writers point to the end of the line before their table.
	early := regexp.MustCompile(`startxref\n\d+`).ReplaceAllStringFunc(string(simple()), func(found string) string {
		place, err := strconv.Atoi(strings.TrimPrefix(found, "startxref\n"))
		require.NoError(t, err)
		return fmt.Sprintf("startxref\n%d", place-1)
	})
	require.True(t, w.verify(t, sign(t, sign(t, []byte(early), by(w.seller)), by(w.buyer))).Valid)
}

// Fields may stand under others: their names are joined, and signatures in them count.
func TestSignInANestedField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := handwritten(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> /Annots [5 0 R 6 0 R] >>",
		"<< /T (party) /Kids [5 0 R 6 0 R] >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (seller) /Parent 4 0 R /Rect [0 0 0 0] /P 3 0 R >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (buyer) /Parent 4 0 R /Rect [0 0 0 0] /P 3 0 R >>",
	)
	first, second := by(w.seller), by(w.buyer)
	first.Field, second.Field = "party.seller", "party.buyer"
	signed := sign(t, pdf, first)
	require.True(t, w.verify(t, signed).Valid)
	both := sign(t, signed, second)
	report := w.verify(t, both)
	require.True(t, report.Valid, "%+v", report)
	require.Len(t, report.Signatures, 2)
	require.NotContains(t, string(both[len(pdf):]), "/Annots", "no page has another field")
	second.Certify = true
	_, err := pades.Sign(t.Context(), signed, second)
	require.ErrorContains(t, err, "only the first signature")

	circle := bytes.Replace(pdf, []byte("/T (party) /Kids [5 0 R 6 0 R]"), []byte("/T (party) /Kids [4 0 R 4 0 R]"), 1)
	report = w.verify(t, sign(t, circle, by(w.seller)))
	require.Equal(t, []string{pades.CheckStructure}, report.Failed())
	require.Contains(t, report.Check(pades.CheckStructure).Detail, "too many, or nested too deep")
}

func TestSignRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := func(entries string) []byte {
		return handwritten(
			"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] "+entries+" >> >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> >>",
		)
	}
	locked := bytes.Replace(sign(t, simple(), pades.Options{Signer: w.seller.Key, Chain: w.seller.Chain, At: at, Certify: true}), []byte("/P 2/"), []byte("/P 1/"), 1)
	for name, tc := range map[string]struct {
		pdf  []byte
		want error
	}{
		"nothing":   {nil, pades.ErrMalformed},
		"no PDF":    {[]byte("본문"), pades.ErrMalformed},
		"cut":       {simple()[:300], pades.ErrMalformed},
		"too large": {make([]byte, pades.MaxBytes+1), pades.ErrTooLarge},
		"XFA":       {form("/XFA (form)"), pades.ErrXFA},
		"encrypted": {bytes.Replace(simple(), []byte("/Root 1 0 R"), []byte("/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O <00> /U <00> /P -4 >> /ID [<00> <00>]"), 1), pades.ErrEncrypted},
		"locked":    {locked, pades.ErrLocked},
		"hybrid":    {hybrid(t), pades.ErrHybrid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pades.Sign(t.Context(), tc.pdf, by(w.seller))
			require.ErrorIs(t, err, tc.want)
		})
	}
	for name, change := range map[string]func(*pades.Options){
		"no signer":       func(o *pades.Options) { o.Signer = nil },
		"no certificates": func(o *pades.Options) { o.Chain = nil },
		"no time":         func(o *pades.Options) { o.At = time.Time{} },
		"another's key":   func(o *pades.Options) { o.Signer = w.buyer.Key },
		"no box":          func(o *pades.Options) { o.Appearance = &pades.Appearance{Page: 1, Drawing: simple()} },
		"no such page": func(o *pades.Options) {
			o.Appearance = &pades.Appearance{Page: 9, Box: pades.Box{Right: 9, Top: 9}, Drawing: drawn(t)}
		},
		"no time stamp": func(o *pades.Options) {
			o.Stamp = func(context.Context, [sha256.Size]byte) ([]byte, error) { return nil, errors.New("no answer") }
		},
		"a token that is too large": func(o *pades.Options) {
			o.Stamp = func(context.Context, [sha256.Size]byte) ([]byte, error) { return make([]byte, 60<<10), nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := by(w.seller)
			change(&opts)
			signed, err := pades.Sign(t.Context(), simple(), opts)
			require.Error(t, err)
			require.Nil(t, signed)
		})
	}
	certify := by(w.buyer)
	certify.Certify = true
	_, err := pades.Sign(t.Context(), sign(t, simple(), by(w.seller)), certify)
	require.ErrorContains(t, err, "only the first signature")
}

// hybrid has a table, and a stream that only some readers look at.
func hybrid(t testing.TB) []byte {
	t.Helper()
	const stream = "<< /Type /XRef /Size 6 /W [1 2 1] /Index [5 1] /Length 4 >>\nstream\n\x01\x00\x09\x00\nendstream"
	pdf := handwritten("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> >>", stream)
	at := bytes.Index(pdf, []byte("4 0 obj"))
	require.Positive(t, at)
	place := fmt.Sprintf("/XRefStm %d", at)
	return bytes.Replace(pdf, []byte("/Root 1 0 R"), []byte("/Root 1 0 R "+place), 1)
}
