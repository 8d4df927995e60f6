package pades_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pades"
)

// Fields are laid before anybody signs; each signer signs in their own, after a certification, too, and no page is changed then.
func TestPrepare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines, err := pades.DrawLines(box, font(t), "사는이")
	require.NoError(t, err)
	for name, pdf := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prepared, err := pades.Prepare(pdf, pades.Field{Name: "파는이", Page: 1}, pades.Field{Name: "사는이", Page: 1, Box: box})
			require.NoError(t, err)
			require.Equal(t, pdf, prepared[:len(pdf)])
			first, second := by(w.seller), by(w.buyer)
			first.Field, first.Certify = "파는이", true
			second.Field, second.Appearance = "사는이", &pades.Appearance{Page: 1, Box: box, Drawing: lines}
			both := sign(t, sign(t, prepared, first), second)
			report := w.verify(t, both)
			require.True(t, report.Valid, "%+v", report)
			require.Equal(t, []pades.Revision{{End: len(both), Signature: true, Shown: true}}, report.Revisions)
			require.NotContains(t, string(both[len(prepared):]), "/Annots")

			_, err = pades.Prepare(both, pades.Field{Name: "새 칸", Page: 1})
			require.ErrorContains(t, err, "signed already")
		})
	}
	for want, fields := range map[string][]pades.Field{
		"1 to":        {},
		"needs":       {{Page: 1}},
		"a dot":       {{Name: "a.b", Page: 1}},
		"taken":       {{Name: "a", Page: 1}, {Name: "a", Page: 1}},
		"no size":     {{Name: "a", Page: 1, Box: pades.Box{Left: 9, Right: 9, Top: 9}}},
		"no page 3":   {{Name: "a", Page: 3}},
		"no page 0":   {{Name: "a"}},
		"without a d": {{Name: "."}},
	} {
		_, err := pades.Prepare(simple(), fields...)
		require.ErrorContains(t, err, want)
	}
	_, err = pades.Prepare([]byte("본문"), pades.Field{Name: "a", Page: 1})
	require.ErrorIs(t, err, pades.ErrMalformed)
}
