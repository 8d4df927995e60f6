package tsp_test

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/tsp/tsptest"
)

var (
	at   = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	hash = sha256.Sum256([]byte("a document"))
)

func now() time.Time { return at }

func setup(t testing.TB) (*tsptest.Authority, *cmstest.Authority) {
	t.Helper()
	root := cmstest.NewRoot(t, "시험용 시점확인 루트", at)
	return tsptest.New(t, root.TimeStamper(t, "시험용 시점확인센터", at), now), root
}

func authority(a *tsptest.Authority, root *cmstest.Authority) tsp.Authority {
	return tsp.Authority{Name: "one", URL: a.URL, HTTP: http.DefaultClient, Trust: tsp.Trust{Roots: root.Pool()}}
}

func client(t testing.TB, authorities ...tsp.Authority) *tsp.Client {
	t.Helper()
	c, err := tsp.NewClient(now, authorities...)
	require.NoError(t, err)
	return c
}

func TestStamp(t *testing.T) {
	t.Parallel()
	a, root := setup(t)
	der, token, err := client(t, authority(a, root)).Stamp(t.Context(), hash)
	require.NoError(t, err)
	require.Equal(t, at, token.At)
	require.Equal(t, hex.EncodeToString(hash[:]), token.Hash)
	again, err := tsp.Judge(der, hash, tsp.Trust{Roots: root.Pool(), Exact: true}, at)
	require.NoError(t, err)
	require.Equal(t, token.Serial, again.Serial)
}

// The next authority is asked only when the one before gave nothing; when none does there is no time stamp.
func TestTheNextAuthorityIsAsked(t *testing.T) {
	t.Parallel()
	first, root := setup(t)
	second, other := setup(t)
	c := client(t, authority(first, root), authority(second, other))
	_, token, err := c.Stamp(t.Context(), hash)
	require.NoError(t, err)
	require.Equal(t, first.Signer.Chain[0], token.Signer)
	require.Zero(t, second.Asked())
	first.Away(true)
	_, token, err = c.Stamp(t.Context(), hash)
	require.NoError(t, err)
	require.Equal(t, second.Signer.Chain[0], token.Signer)
	second.Away(true)
	_, token, err = c.Stamp(t.Context(), hash)
	require.ErrorContains(t, err, "503")
	require.Nil(t, token)
}

// What an authority may do wrong, and what is said of it.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit   func(*attestation.Stamp)
		change func(t *testing.T, a *tsp.Authority)
		want   string
	}{
		"over something else": {edit: func(s *attestation.Stamp) { s.Hash[0] ^= 1 }, want: "time stamp imprint check"},
		"to another request":  {edit: func(s *attestation.Stamp) { s.Nonce = big.NewInt(1) }, want: "the answer to another request"},
		"without a nonce":     {edit: func(s *attestation.Stamp) { s.Nonce = nil }, want: "the answer to another request"},
		"in the future":       {edit: func(s *attestation.Stamp) { s.At = at.Add(time.Hour) }, want: "time stamp validity check"},
		"before its signer":   {edit: func(s *attestation.Stamp) { s.At = at.AddDate(-2, 0, 0) }, want: "time stamp validity check"},
		"under another policy": {
			edit:   func(s *attestation.Stamp) { s.Policy = asn1.ObjectIdentifier{1, 2, 3} },
			change: func(_ *testing.T, a *tsp.Authority) { a.Policy = asn1.ObjectIdentifier{1, 2, 4} }, want: "time stamp policy check",
		},
		"of a stranger": {
			change: func(t *testing.T, a *tsp.Authority) {
				t.Helper()
				a.Trust.Roots = cmstest.NewRoot(t, "시험용 다른 루트", at).Pool()
			}, want: "time stamp chain check",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, root := setup(t)
			a.Edit = tc.edit
			asked := authority(a, root)
			if tc.change != nil {
				tc.change(t, &asked)
			}
			_, _, err := client(t, asked).Stamp(t.Context(), hash)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestNoAnswers(t *testing.T) {
	t.Parallel()
	rejected, err := tsp.Reject(tsp.TimeNotAvailable)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		media, body string
		want        string
	}{
		"a rejection":        {tsp.MediaReply, string(rejected), "timeNotAvailable"},
		"no bytes":           {tsp.MediaReply, "", "not a time stamp response"},
		"something else":     {tsp.MediaReply, "<html>", "not a time stamp response"},
		"another media type": {"text/html", "<html>", "another media type"},
		"too many bytes":     {tsp.MediaReply, string(make([]byte, 1<<20)), "not a time stamp response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, root := setup(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.media)
				_, _ = w.Write([]byte(tc.body))
			}))
			t.Cleanup(server.Close)
			_, _, err := client(t, tsp.Authority{Name: "one", URL: server.URL, HTTP: server.Client(), Trust: tsp.Trust{Roots: root.Pool()}}).Stamp(t.Context(), hash)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for _, want := range []tsp.Request{
		{Hash: hash},
		{Hash: hash, Nonce: big.NewInt(1 << 40), Policy: asn1.ObjectIdentifier{1, 2, 410, 5}, Certificates: true},
	} {
		der, err := want.Encode()
		require.NoError(t, err)
		got, err := tsp.ParseRequest(der)
		require.NoError(t, err)
		require.Equal(t, want, *got)
		_, err = tsp.ParseRequest(append(der, 0))
		require.ErrorIs(t, err, tsp.ErrRequest)
	}
}

func TestFailureInfo(t *testing.T) {
	t.Parallel()
	for _, why := range []tsp.FailureInfo{
		tsp.BadAlgorithm, tsp.BadRequest, tsp.BadDataFormat, tsp.TimeNotAvailable, tsp.UnacceptedPolicy, tsp.UnacceptedExtension, tsp.SystemFailure,
	} {
		der, err := tsp.Reject(why)
		require.NoError(t, err)
		_, err = tsp.ParseResponse(der)
		var rejected *tsp.RejectedError
		require.ErrorAs(t, err, &rejected)
		require.Equal(t, why, rejected.Why)
	}
}

func FuzzRequest(f *testing.F) {
	der, err := tsp.Request{Hash: hash, Nonce: big.NewInt(7), Certificates: true}.Encode()
	require.NoError(f, err)
	f.Add(der)
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := tsp.ParseRequest(der)
		if err != nil {
			return
		}
		again, err := r.Encode()
		require.NoError(t, err)
		second, err := tsp.ParseRequest(again)
		require.NoError(t, err)
		require.Equal(t, r, second)
	})
}

func FuzzResponse(f *testing.F) {
	der, err := tsp.Reject(tsp.BadRequest)
	require.NoError(f, err)
	f.Add(der)
	granted, err := tsp.Grant([]byte{0x30, 0})
	require.NoError(f, err)
	f.Add(granted)
	f.Fuzz(func(t *testing.T, der []byte) {
		token, err := tsp.ParseResponse(der)
		if err != nil {
			return
		}
		again, err := tsp.Grant(token)
		require.NoError(t, err)
		second, err := tsp.ParseResponse(again)
		require.NoError(t, err)
		require.Equal(t, token, second)
	})
}
