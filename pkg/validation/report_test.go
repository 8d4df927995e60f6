package validation_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/tsp/tsptest"
	"github.com/naru-relay/naru/pkg/validation"
)

var at = time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)

func verified(t *testing.T, content []byte) *bundle.Report {
	t.Helper()
	trust, err := bundle.LoadTrust("../../e2e/vectors/trust")
	require.NoError(t, err)
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust, At: at})
	require.NoError(t, err)
	return report
}

// A report is signed and stamped, and holds the report for machines as it is, whatever was found.
func TestSign(t *testing.T) {
	t.Parallel()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	signer := root.Signer(t, "시험용 중계자", at)
	authority := tsptest.New(t, root.TimeStamper(t, "시험용 시점확인", at), func() time.Time { return at.Add(time.Second) })
	folder := t.TempDir()
	client, err := tsp.Config{Authorities: []tsp.AuthorityConfig{{Name: "tsa", URL: authority.URL, RootsFile: cmstest.WritePEM(t, folder, "root.pem", root)}}}.
		Client(func() time.Time { return at.Add(time.Second) })
	require.NoError(t, err)
	opts := validation.Options{Signer: bundle.Signer{Key: signer.Key, Chain: signer.Chain}, Stamper: client, Verifier: "시험용 중계자"}
	good, err := os.ReadFile("../../e2e/vectors/good/submission.asice")
	require.NoError(t, err)
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	for name, content := range map[string][]byte{"valid": good, "changed": changed, "no bundle": []byte("none"), "a PDF": []byte("%PDF-1.7\n")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := verified(t, content)
			require.Equal(t, name == "valid", report.Valid)
			signed, err := validation.Sign(t.Context(), report, opts)
			require.NoError(t, err)
			judged, err := pades.Verify(signed, pades.Trust{Roots: root.Pool(), TimeStamps: tsp.Trust{Roots: root.Pool()}}, at.Add(time.Minute))
			require.NoError(t, err)
			require.True(t, judged.Valid, "%+v", judged)
			require.Len(t, judged.Signatures, 1)
			attached, err := api.ExtractAttachmentsRaw(bytes.NewReader(signed), "", nil, nil)
			require.NoError(t, err)
			require.Len(t, attached, 1)
			require.Equal(t, validation.AttachmentName, attached[0].FileName)
			var machine bundle.Report
			require.NoError(t, json.NewDecoder(attached[0]).Decode(&machine))
			require.Equal(t, report.Checks, machine.Checks)
			require.Equal(t, report.Digest, machine.Digest)
			tampered := bytes.Clone(signed)
			tampered[len(tampered)/3] ^= 1
			judged, err = pades.Verify(tampered, pades.Trust{Roots: root.Pool(), TimeStamps: tsp.Trust{Roots: root.Pool()}}, at.Add(time.Minute))
			require.NoError(t, err)
			require.False(t, judged.Valid)
		})
	}
}

var errAway = errors.New("away")

type away struct{}

func (away) Stamp(context.Context, [sha256.Size]byte) ([]byte, *tsp.Token, error) {
	return nil, nil, errAway
}

// Without a time stamp there is no report, and what is missing is told.
func TestNoReport(t *testing.T) {
	t.Parallel()
	signer := cmstest.NewRoot(t, "시험용 루트", at).Signer(t, "시험용 중계자", at)
	whole := validation.Options{Signer: bundle.Signer{Key: signer.Key, Chain: signer.Chain}, Stamper: away{}, Verifier: "시험용 중계자"}
	report := verified(t, nil)
	_, err := validation.Sign(t.Context(), report, whole)
	require.ErrorIs(t, err, errAway)
	for _, missing := range []func(o *validation.Options){
		func(o *validation.Options) { o.Signer = bundle.Signer{} },
		func(o *validation.Options) { o.Stamper = nil },
		func(o *validation.Options) { o.Verifier = "" },
	} {
		opts := whole
		missing(&opts)
		_, err := validation.Sign(t.Context(), report, opts)
		require.ErrorContains(t, err, "are required")
	}
}

// A report that nobody signed says so on every page, in each language, and carries the report for machines all the same.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../../e2e/vectors/good/submission.asice")
	require.NoError(t, err)
	report, roots := verified(t, good), cmstest.NewRoot(t, "시험용 루트", at).Pool()
	for language, word := range map[validation.Language]string{validation.Both: "서명 없음", validation.Korean: "서명 없음", validation.English: "NOT SIGNED"} {
		drawn, err := validation.Unsigned(report, validation.Options{Verifier: "naru verify", Language: language})
		require.NoError(t, err)
		judged, err := pades.Verify(drawn, pades.Trust{Roots: roots, TimeStamps: tsp.Trust{Roots: roots}}, at)
		require.NoError(t, err)
		require.Empty(t, judged.Signatures)
		attached, err := api.ExtractAttachmentsRaw(bytes.NewReader(drawn), "", nil, nil)
		require.NoError(t, err)
		require.Len(t, attached, 1)
		for _, page := range validation.TextsOf(report, language) {
			require.Contains(t, strings.Join(page, ""), word)
		}
	}
	_, err = validation.Unsigned(report, validation.Options{})
	require.ErrorContains(t, err, "verifier is required")
}
