package pades_test

import (
	"testing"

	"github.com/naru-relay/naru/pkg/pades"
)

func BenchmarkSign(b *testing.B) {
	w := newWorld(b)
	pdf, opts := packed(b), by(w.seller)
	for b.Loop() {
		if _, err := pades.Sign(b.Context(), pdf, opts); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify judges a file of two signers with its validation data and a time stamp over everything.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	first, second := by(w.seller), by(w.buyer)
	first.Stamp, second.Stamp = stampAt(b, w.stamper, at), stampAt(b, w.stamper, at)
	add := w.validation(b)
	add.Stamp = first.Stamp
	pdf := extend(b, sign(b, sign(b, packed(b), first), second), add)
	for b.Loop() {
		if report, err := pades.Verify(pdf, w.trust(), at); err != nil || !report.Valid {
			b.Fatal(err, report)
		}
	}
}
