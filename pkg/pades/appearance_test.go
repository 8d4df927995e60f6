package pades_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pades"
)

// font is one with Korean, which another package keeps.
func font(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "paper", "font", "NanumGothic.ttf"))
	require.NoError(t, err)
	return raw
}

func picture(t testing.TB) []byte {
	t.Helper()
	drawn := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for i := range 20 {
		drawn.Set(i, i, color.NRGBA{R: 200, A: 128})
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, drawn))
	return b.Bytes()
}

var box = pades.Box{Left: 40, Bottom: 100, Right: 180, Top: 150}

// Two signers show text and a picture, the second one in the field that was there for them. It is told, and nothing else changed.
func TestAppearances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines, err := pades.DrawLines(box, font(t), "전자서명: 가상구청 (시험용)", "2026-03-02 10:02:03 KST")
	require.NoError(t, err)
	seal, err := pades.DrawPicture(box, picture(t))
	require.NoError(t, err)
	for name, pdf := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := by(w.seller), by(w.buyer)
			first.Certify = true
			first.Appearance = &pades.Appearance{Page: 1, Box: box, Drawing: lines}
			second.Appearance = &pades.Appearance{Page: 1, Box: box, Drawing: seal}
			if name == "scattered" {
				second.Field = "buyer"
			}
			signed := sign(t, pdf, first)
			require.Contains(t, string(signed), "/Rect[40 100 180 150]")
			both := sign(t, signed, second)
			report := w.verify(t, both)
			require.True(t, report.Valid, "%+v", report)
			require.Equal(t, []pades.Revision{{End: len(both), Signature: true, Shown: true}}, report.Revisions)
		})
	}
}

func TestDrawingsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, err := pades.DrawLines(box, font(t), "\ue000")
	require.ErrorContains(t, err, "lacks a character")
	_, err = pades.DrawLines(box, []byte("font"), "글")
	require.Error(t, err)
	_, err = pades.DrawLines(box, font(t))
	require.ErrorContains(t, err, "lines")
	_, err = pades.DrawLines(pades.Box{}, font(t), "글")
	require.ErrorContains(t, err, "no size")
	_, err = pades.DrawPicture(box, []byte("picture"))
	require.Error(t, err)

	w := newWorld(t)
	for name, drawing := range map[string][]byte{
		"no PDF": []byte("drawing"), "a page without content": simple(), "an encrypted file": bytes.Replace(drawn(t), []byte("trailer\n<<"), []byte("trailer\n<< /Encrypt << >> "), 1),
	} {
		opts := by(w.seller)
		opts.Appearance = &pades.Appearance{Page: 1, Box: box, Drawing: drawing}
		_, err := pades.Sign(t.Context(), simple(), opts)
		require.ErrorContains(t, err, "drawing", name)
	}
}

// A drawing whose objects lead back to themselves, or to too many others, is copied once or refused.
func TestDrawingsThatTurnInCircles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drawing := handwritten(
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 20 20] /Contents 5 0 R /Resources << /XObject << /A 4 0 R >> >> >>",
		"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /A 4 0 R >> >> /Length 6 0 R >>\nstream\n\nendstream",
		"<< /Length 5 >>\nstream\n/A Do\nendstream", "0",
	)
	opts := by(w.seller)
	opts.Appearance = &pades.Appearance{Page: 1, Box: box, Drawing: drawing}
	signed := sign(t, simple(), opts)
	require.Equal(t, 2, bytes.Count(signed, []byte("/Subtype/Form")))
	require.True(t, w.verify(t, sign(t, signed, by(w.buyer))).Valid)
}

// What a later revision shows as the look of its signature cannot reach beyond that.
func TestAppearanceThatSmugglesSomethingIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pdf := sign(t, simple(), by(w.seller))
	smuggled := appended(t, pdf, "/Size 10", map[int]string{
		6: "<</F 132/FT/Sig/P 3 0 R/Rect[0 0 0 0]/Subtype/Widget/T(Signature1)/Type/Annot/V 5 0 R/AP << /N 7 0 R >> >>",
		7: "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 0 >>\nstream\n\nendstream",
	})
	report := w.verify(t, smuggled)
	require.Equal(t, []string{pades.CheckChanges}, report.Failed(), "a signature that was made has no other look later")
}
