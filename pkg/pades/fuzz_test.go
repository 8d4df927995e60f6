package pades_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/pades"
)

// FuzzVerify judges arbitrary files: without a trusted signer's key only what they signed can be valid.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	good := sign(f, simple(), by(w.seller))
	f.Add(good)
	f.Add(simple())
	f.Add(sign(f, good, by(w.buyer)))
	f.Add(extend(f, good, w.validation(f)))
	f.Add([]byte("%PDF-1.7\n/ByteRange [0 1 2 3]"))
	trust := w.trust()
	trust.Cache = cms.NewChainCache(4)
	f.Fuzz(func(t *testing.T, pdf []byte) {
		report, err := pades.Verify(pdf, trust, at)
		require.NoError(t, err)
		require.Equal(t, report.Valid, len(report.Failed()) == 0 && report.Check(pades.CheckChanges).Detail == "" && len(report.Signatures) > 0)
		if report.Valid {
			require.Equal(t, good, pdf[:len(good)])
		}
	})
}

// FuzzUpdates appends the fuzzer's bytes to signed files, with a table and with streams. What is accepted changed nothing.
func FuzzUpdates(f *testing.F) {
	w := newWorld(f)
	table, stream := sign(f, scattered(), by(w.seller)), sign(f, packed(f), by(w.seller))
	trust := w.trust()
	trust.Cache = cms.NewChainCache(4)
	in := by(w.buyer)
	in.Field = "buyer"
	f.Add(false, sign(f, table, in)[len(table):])
	for streamed, pdf := range map[bool][]byte{false: table, true: stream} {
		f.Add(streamed, sign(f, pdf, by(w.buyer))[len(pdf):])
		f.Add(streamed, extend(f, pdf, w.validation(f))[len(pdf):])
		f.Add(streamed, extend(f, pdf, pades.Extension{Stamp: stampAt(f, w.stamper, at)})[len(pdf):])
	}
	f.Fuzz(func(t *testing.T, streamed bool, update []byte) {
		pdf := table
		if streamed {
			pdf = stream
		}
		report, err := pades.Verify(append(bytes.Clone(pdf), update...), trust, at)
		require.NoError(t, err)
		require.NotEmpty(t, report.Signatures)
		require.True(t, report.Signatures[0].Valid)
		for _, r := range report.Revisions {
			require.True(t, len(r.Changes) == 0 || !report.Valid)
		}
	})
}

// FuzzSign signs and extends arbitrary files: it refuses them, or leaves every byte as it is.
func FuzzSign(f *testing.F) {
	w := newWorld(f)
	for _, pdf := range files(f) {
		f.Add(pdf)
	}
	f.Add(sign(f, simple(), by(w.seller)))
	f.Fuzz(func(t *testing.T, pdf []byte) {
		signed, err := pades.Sign(t.Context(), pdf, by(w.buyer))
		if err != nil {
			require.Nil(t, signed)
			return
		}
		require.Equal(t, pdf, signed[:len(pdf)])
		extended, err := pades.Extend(t.Context(), signed, w.validation(t))
		if err == nil {
			require.Equal(t, signed, extended[:len(signed)])
		}
	})
}
