package certpdf_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/services/sandbox/certpdf"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// A long-term certificate is the same certificate: the verifier tells what was added, and believes a time stamp under the root of
// time stamps alone.
func TestLongTerm(t *testing.T) {
	t.Parallel()
	store := authority(t)
	opts := options(store)
	stamper := store.Signer(pki.TimeStamp)
	opts.LongTerm = &certpdf.Stamper{Signer: stamper.Key, Chain: stamper.Chain}
	pdf, err := certpdf.Render(circulation(), opts)
	require.NoError(t, err)
	trust := distcert.Options{
		Roots: store.Pool(pki.Hub), TimeStampRoots: store.Pool(pki.TimeStamp), At: at,
		PinnedSigner: distcert.Pins{Subjects: []string{store.Signer(pki.Hub).Chain[0].Subject.String()}},
	}
	got, _, err := distcert.Verify(pdf, trust)
	require.NoError(t, err)
	require.Equal(t, []distcert.Update{{ValidationData: true, TimeStamp: at.Truncate(time.Second)}}, got.Updates)
	require.Equal(t, circulation().Title, got.Title)

	trust.TimeStampRoots = nil
	_, _, err = distcert.Verify(pdf, trust)
	require.ErrorIs(t, err, distcert.ErrFormat, "the time stamp is of somebody else")

	trust.TimeStampRoots = store.Pool(pki.TimeStamp)
	plain := bytes.LastIndex(pdf, []byte("/DSS"))
	require.Positive(t, plain)
	pdf[plain+1] = 'X'
	_, _, err = distcert.Verify(pdf, trust)
	require.ErrorIs(t, err, distcert.ErrFormat)
}
