package pades_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
)

func extend(t testing.TB, pdf []byte, add pades.Extension) []byte {
	t.Helper()
	extended, err := pades.Extend(t.Context(), pdf, add)
	require.NoError(t, err)
	require.Equal(t, pdf, extended[:len(pdf)], "what was there stays as it is")
	return extended
}

// validation is all that is needed to judge the signers of the world later on.
func (w world) validation(t testing.TB) pades.Extension {
	t.Helper()
	return pades.Extension{
		Certificates: []*x509.Certificate{w.seller.Chain[0], w.stamper.Chain[0]},
		Lists:        [][]byte{w.root.Revoke(t, at), w.stamps.Revoke(t, at)},
	}
}

// A signature grows from B-B to B-LTA, and is renewed when its time stamp gets old: it holds long after its signer's certificate
// ended.
func TestLevels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, pdf := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := by(w.seller)
			opts.Stamp = stampAt(t, w.stamper, at)
			signed := sign(t, pdf, opts)
			require.Equal(t, pades.LevelT, w.verify(t, signed).Signatures[0].Level)

			lt := extend(t, signed, w.validation(t))
			report := w.verify(t, lt)
			require.True(t, report.Valid, "%+v", report)
			require.Equal(t, pades.LevelLT, report.Signatures[0].Level)
			require.Equal(t, []pades.Revision{{End: len(lt), ValidationData: true}}, report.Revisions)
			require.Equal(t, proof.Passed, report.Check(pades.CheckValidationData).Outcome)

			lta := extend(t, lt, pades.Extension{Stamp: stampAt(t, w.stamper, at.Add(time.Minute))})
			report = w.verify(t, lta)
			require.True(t, report.Valid, "%+v", report)
			require.Equal(t, pades.LevelLTA, report.Signatures[0].Level)
			require.Equal(t, at, *report.Signatures[0].ProvenAt, "the time stamp over the signature, not the later one")
			require.Equal(t, pades.KindDocumentTimeStamp, report.Signatures[1].Kind)
			require.Equal(t, at.Add(time.Minute), *report.Signatures[1].ProvenAt)

			later := at.AddDate(0, 11, 0)
			next := w.stamps.TimeStamper(t, "시험용 다음 시점확인", later)
			more := w.validation(t)
			more.Stamp = stampAt(t, next, later)
			renewed := extend(t, lta, more)
			report, err := pades.Verify(renewed, w.trust(), at.AddDate(1, 10, 0))
			require.NoError(t, err)
			require.True(t, report.Valid, "%+v", report)
			require.Equal(t, pades.LevelLTA, report.Signatures[0].Level)
			require.Len(t, report.Revisions, 3)

			for what, pdf := range map[string][]byte{"without its renewal": lta, "without time stamps over it": signed} {
				report, err = pades.Verify(pdf, w.trust(), at.AddDate(1, 10, 0))
				require.NoError(t, err)
				require.False(t, report.Valid, what)
			}
		})
	}
}

// What the file holds already is not added twice.
func TestValidationDataIsAddedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := w.validation(t)
	lt := extend(t, sign(t, simple(), by(w.seller)), add)
	_, err := pades.Extend(t.Context(), lt, add)
	require.ErrorContains(t, err, "nothing to add")
	add.Lists = append(add.Lists, w.root.Revoke(t, at.Add(time.Second)))
	more := extend(t, lt, add)
	require.Equal(t, 1, bytes.Count(more[len(lt):], []byte("stream\n0")), "the one new list")
	require.True(t, w.verify(t, more).Valid)

	_, err = pades.Extend(t.Context(), simple(), add)
	require.ErrorContains(t, err, "not signed")
}

// The file's own lists tell of a signer that was revoked, by the time by which the signature is proved to have been there.
func TestRevocationInTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	revoked := pades.Extension{Lists: [][]byte{w.root.Revoke(t, at.Add(time.Minute), w.seller.Chain[0])}}
	opts := by(w.seller)
	bare := extend(t, sign(t, simple(), opts), revoked)
	require.Equal(t, []string{pades.CheckSignatureRevocation}, w.verify(t, bare).Failed())

	opts.Stamp = stampAt(t, w.stamper, at)
	require.True(t, w.verify(t, extend(t, sign(t, simple(), opts), revoked)).Valid, "revoked after it was signed")

	answer := pades.Extension{Answers: [][]byte{w.root.Answer(t, at.Add(time.Minute), w.seller.Chain[0])}}
	require.Equal(t, []string{pades.CheckSignatureRevocation}, w.verify(t, extend(t, sign(t, simple(), by(w.seller)), answer)).Failed())

	rubbish := extend(t, sign(t, simple(), by(w.seller)), pades.Extension{Lists: [][]byte{[]byte("list")}})
	require.Equal(t, []string{pades.CheckValidationData}, w.verify(t, rubbish).Failed())
}

// A time stamp that does not hold proves nothing: what it covers is judged as of the verification.
func TestDocumentTimeStampsThatDoNotHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signed := sign(t, simple(), by(w.seller))
	for name, tc := range map[string]struct {
		stamp  pades.StampFunc
		failed string
	}{
		"of another root":      {stampAt(t, w.foreign.TimeStamper(t, "시험용 시점확인", at), at), "document_time_stamp.chain"},
		"by a document signer": {stampAt(t, w.stamps.Signer(t, "시험용", at), at), "document_time_stamp.chain"},
		"of the future":        {stampAt(t, w.stamper, at.Add(2*time.Hour)), "document_time_stamp.validity"},
		"over something else":  {overSomethingElse(t, w.stamper), "document_time_stamp.imprint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pdf := extend(t, signed, pades.Extension{Stamp: tc.stamp})
			report := w.verify(t, pdf)
			require.Equal(t, []string{tc.failed}, report.Failed())
			require.False(t, report.Valid)
			require.True(t, report.Signatures[0].Valid)
			require.False(t, report.Signatures[1].Valid)
			require.Nil(t, report.Signatures[0].ProvenAt)
			require.Equal(t, pades.LevelB, report.Signatures[0].Level)
		})
	}
}

func overSomethingElse(t testing.TB, stamper cmstest.Signer) pades.StampFunc {
	t.Helper()
	honest := stampAt(t, stamper, at)
	return func(ctx context.Context, hash [sha256.Size]byte) ([]byte, error) {
		hash[0]++
		return honest(ctx, hash)
	}
}
