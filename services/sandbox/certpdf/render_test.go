package certpdf_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/services/sandbox/certpdf"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

var at = time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)

func circulation() certpdf.Circulation {
	return certpdf.Circulation{
		CertNum: "2026-0302-0001-0042", EdocNum: "20260302_NARU000001_0000000000042",
		Title:     "모바일 고지서 (시험) 漢字 <A&B> 「표」한로",
		Sender:    distcert.Party{Address: "가상구청_세무과", SubAddress: "징수팀", PlatformID: "naru-01-relay", Name: "가상구청"},
		Recipient: distcert.Party{Address: "abc01071660123", PlatformID: "naru-01-relay"},
		SentAt:    at.Add(-time.Hour), ReceivedAt: at.Add(-time.Hour), ReadAt: at.Add(-time.Minute),
		Hash:             "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
		AttachmentHashes: []string{"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
		Applicant:        "abc01071660123", Reason: "제출용", IssuedAt: at, ValidUntil: at.AddDate(1, 0, 0),
	}
}

func authority(t testing.TB) *pki.Store {
	t.Helper()
	store, err := pki.Open(pki.Options{Dir: t.TempDir(), Clock: clock.NewFake(at)})
	require.NoError(t, err)
	return store
}

func options(store *pki.Store) certpdf.Options {
	signer := store.Signer(pki.Hub)
	return certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: at}
}

// The verifier accepts a rendered certificate and reads the same content.
func TestRenderIsVerified(t *testing.T) {
	t.Parallel()
	store := authority(t)
	pdf, err := certpdf.Render(circulation(), options(store))
	require.NoError(t, err)
	got, checks, err := distcert.Verify(pdf, distcert.Options{
		Roots: store.Pool(pki.Hub), At: at, Cache: cms.NewChainCache(1),
		PinnedSigner: distcert.Pins{Subjects: []string{store.Signer(pki.Hub).Chain[0].Subject.String()}},
	})
	require.NoError(t, err)
	require.Equal(t, distcert.Checks{Format: proof.Passed, Signature: proof.Passed, Chain: proof.Passed, Identity: proof.Passed, Validity: proof.Passed}, checks)
	want := circulation()
	want.Hash = strings.ToLower(want.Hash)
	for _, moment := range []*time.Time{&want.SentAt, &want.ReceivedAt, &want.ReadAt, &want.IssuedAt, &want.ValidUntil} {
		*moment = moment.Truncate(time.Second)
	}
	require.Equal(t, want, got.Content)
	require.Equal(t, at.Truncate(time.Second), got.SignedAt)
	require.Equal(t, pki.HubName, got.Signer.Subject.CommonName)
}

var signatureValue = regexp.MustCompile(`/Contents<[0-9a-f]+>`)

// Two renderings differ only in the signature's value.
func TestRenderIsDeterministic(t *testing.T) {
	t.Parallel()
	opts := options(authority(t))
	var stripped [2][]byte
	for i := range stripped {
		pdf, err := certpdf.Render(circulation(), opts)
		require.NoError(t, err)
		require.Len(t, signatureValue.FindAll(pdf, -1), 1)
		stripped[i] = signatureValue.ReplaceAll(pdf, nil)
	}
	require.True(t, bytes.Equal(stripped[0], stripped[1]))
	require.NotContains(t, string(stripped[0]), "ObjStm")
	// D:20260302100203+09'00' in hexadecimal.
	require.Contains(t, string(stripped[0]), "/CreationDate<443a32303236303330323130303230332b303927303027>")
}

func TestRenderRefusals(t *testing.T) {
	t.Parallel()
	opts := options(authority(t))
	for _, tc := range []struct {
		name string
		edit func(*certpdf.Circulation)
		want string
	}{
		{"times reversed", func(c *certpdf.Circulation) { c.ReadAt = c.SentAt.Add(-time.Second) }, "out of order"},
		{"no title", func(c *certpdf.Circulation) { c.Title = "" }, "title"},
		{"control character", func(c *certpdf.Circulation) { c.Reason = "제출\n용" }, "reason"},
		{"long title", func(c *certpdf.Circulation) { c.Title = strings.Repeat("가", 101) }, "title"},
		{"bad certificate number", func(c *certpdf.Circulation) { c.CertNum = "2026-1302-0001-0042" }, "certificate number"},
		{"bad hash", func(c *certpdf.Circulation) { c.Hash = c.Hash[1:] }, "hash"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := circulation()
			tc.edit(&c)
			_, err := certpdf.Render(c, opts)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := certpdf.Render(circulation(), certpdf.Options{})
	require.Error(t, err)
}

// A certificate can be rendered with any name and title, and its content is what was given.
func TestRenderAnyText(t *testing.T) {
	t.Parallel()
	store := authority(t)
	for _, text := range []string{
		"Nguyễn Thị Ánh", "Łukasz Żółć Ωμέγα Ж ☂ ⚖", "\U0002a6d6\u4dae 龘", "고지서 😀", "संस्कृत", "\ue000", strings.Repeat("\U0002a6d6", 100),
	} {
		c := circulation()
		c.Title, c.Recipient.Name, c.Reason = text, text, text
		pdf, err := certpdf.Render(c, options(store))
		require.NoError(t, err, "%+q", text)
		got, _, err := distcert.Verify(pdf, distcert.Options{
			Roots: store.Pool(pki.Hub), At: at, PinnedSigner: distcert.Pins{Subjects: []string{store.Signer(pki.Hub).Chain[0].Subject.String()}},
		})
		require.NoError(t, err, "%+q", text)
		require.Equal(t, text, got.Title)
	}
}

func BenchmarkRender(b *testing.B) {
	opts := options(authority(b))
	for b.Loop() {
		if _, err := certpdf.Render(circulation(), opts); err != nil {
			b.Fatal(err)
		}
	}
}
