package tsa_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
	"github.com/naru-relay/naru/services/sandbox/tsa"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const adminToken = "admin-token-of-the-test"

var start = time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)

type bundle struct {
	system    *tsa.System
	server    *httptest.Server
	clock     *clock.Fake
	authority *pki.Store
	db        *pgtest.DB
	log       *bytes.Buffer
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{clock: clock.NewFake(start), log: &bytes.Buffer{}}
	b.db = pgtest.New(t, "sandbox_tsa", pg.Source{Name: "sandbox_tsa", FS: tsa.Migrations})
	var err error
	b.authority, err = pki.Open(pki.Options{Dir: filepath.Join(t.TempDir(), "pki"), Clock: b.clock})
	require.NoError(t, err)
	cfg := tsa.Default()
	cfg.AdminTokenFile = config.InlineSecret(adminToken)
	b.system, err = tsa.New(t.Context(), tsa.Deps{
		Base:   scenario.Base{DB: b.db.App, Clock: b.clock, Log: slog.New(slog.NewJSONHandler(b.log, nil)), Scenarios: scenario.NewSet()},
		Config: cfg, Authority: b.authority,
	})
	require.NoError(t, err)
	b.server = httptest.NewServer(b.system.Handler())
	t.Cleanup(b.server.Close)
	return b
}

// client asks the authority as the relay does.
func (b *bundle) client(t *testing.T) *tsp.Client {
	t.Helper()
	client, err := tsp.NewClient(b.clock.Now, tsp.Authority{
		Name: "tsa", URL: b.server.URL + tsa.Path, HTTP: b.server.Client(), Trust: tsp.Trust{Roots: b.authority.Pool(pki.TimeStamp)},
		Policy: attestation.TestPolicy,
	})
	require.NoError(t, err)
	return client
}

func (b *bundle) call(t *testing.T, method, path, mediaType string, body []byte) (status int, answer []byte, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set("Authorization", "Bearer "+adminToken)
	response, err := b.server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, answer, response.Header
}

func (b *bundle) scenario(t *testing.T, body string) {
	t.Helper()
	status, answer, _ := b.call(t, http.MethodPut, "/sandbox/scenarios/fault", "application/json", []byte(body))
	require.Equal(t, http.StatusNoContent, status, string(answer))
}

type stamp struct {
	Serial    json.Number
	Hash      string
	StampedAt time.Time
}

func (b *bundle) stamps(t *testing.T, query string) []stamp {
	t.Helper()
	status, answer, _ := b.call(t, http.MethodGet, "/sandbox/stamps"+query, "", nil)
	require.Equal(t, http.StatusOK, status)
	var got struct{ Stamps []stamp }
	require.NoError(t, json.Unmarshal(answer, &got))
	return got.Stamps
}

// A stamp is over the hash, by the authority's clock, and what was stamped is kept under the serial number of its token.
func TestStamps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t)
	first, second := sha256.Sum256([]byte("하나")), sha256.Sum256([]byte("둘"))
	der, token, err := client.Stamp(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, start.Truncate(time.Second), token.At)
	require.Equal(t, hex.EncodeToString(first[:]), token.Hash)
	require.Equal(t, "1.2.3.4.1", token.Policy)
	require.Equal(t, b.authority.Signer(pki.TimeStamp).Chain[0].Raw, token.Signer.Raw)
	again, err := tsp.Judge(der, first, tsp.Trust{Roots: b.authority.Pool(pki.TimeStamp)}, b.clock.Now())
	require.NoError(t, err)
	require.Equal(t, token.Serial, again.Serial)

	b.clock.Advance(time.Minute)
	_, other, err := client.Stamp(t.Context(), second)
	require.NoError(t, err)
	require.NotEqual(t, token.Serial, other.Serial)
	kept := b.stamps(t, "")
	require.Len(t, kept, 2)
	require.Equal(t, stamp{Serial: json.Number(other.Serial), Hash: other.Hash, StampedAt: other.At}, kept[0])
	require.Equal(t, kept[1:], b.stamps(t, "?hash="+token.Hash))
}

// The signer's certificate is in a token only where the request asks for it (RFC 3161 section 2.4.1), and a nonce where the
// request has one.
func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leaf := b.authority.Signer(pki.TimeStamp).Chain[0].Raw
	hash := sha256.Sum256([]byte("본문"))
	for _, certificates := range []bool{true, false} {
		query, err := tsp.Request{Hash: hash, Nonce: big.NewInt(77), Certificates: certificates}.Encode()
		require.NoError(t, err)
		status, answer, header := b.call(t, http.MethodPost, tsa.Path, tsp.MediaQuery, query)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "application/timestamp-reply", header.Get("Content-Type"))
		token, err := tsp.ParseResponse(answer)
		require.NoError(t, err)
		require.Equal(t, certificates, bytes.Contains(token, leaf))
	}
	query, err := tsp.Request{Hash: hash, Certificates: true}.Encode()
	require.NoError(t, err)
	_, answer, _ := b.call(t, http.MethodPost, tsa.Path, tsp.MediaQuery, query)
	der, err := tsp.ParseResponse(answer)
	require.NoError(t, err)
	token, err := tsp.Judge(der, hash, tsp.Trust{Roots: b.authority.Pool(pki.TimeStamp)}, b.clock.Now())
	require.NoError(t, err)
	require.Empty(t, token.Nonce)
}

// A request that gets no token is told the failure of RFC 3161 section 2.4.2, with status 200, and leaves no row.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good, err := tsp.Request{Hash: sha256.Sum256(nil), Nonce: big.NewInt(1)}.Encode()
	require.NoError(t, err)
	policy, err := tsp.Request{Hash: sha256.Sum256(nil), Policy: asn1.ObjectIdentifier{1, 2, 3}}.Encode()
	require.NoError(t, err)
	sha1 := bytes.Clone(good)
	at := bytes.Index(sha1, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01})
	sha1[at+8] = 0x02 // SHA-384 over 32 bytes: no such thing
	extended := append(bytes.Clone(good), 0xa0, 0x00)
	extended[1] += 2
	for _, tc := range []struct {
		name  string
		query []byte
		want  tsp.FailureInfo
	}{
		{"nothing", nil, tsp.BadDataFormat},
		{"text", []byte("시점확인"), tsp.BadDataFormat},
		{"cut off", good[:len(good)-1], tsp.BadDataFormat},
		{"something after it", append(bytes.Clone(good), 0), tsp.BadDataFormat},
		{"too long", bytes.Repeat([]byte{0x30}, 5<<10), tsp.BadDataFormat},
		{"hash of another length", sha1, tsp.BadDataFormat},
		{"unknown algorithm", bytes.Replace(good, []byte{0x03, 0x04, 0x02, 0x01}, []byte{0x03, 0x04, 0x02, 0x7f}, 1), tsp.BadAlgorithm},
		{"another policy", policy, tsp.UnacceptedPolicy},
		{"extensions", extended, tsp.UnacceptedExtension},
	} {
		status, answer, header := b.call(t, http.MethodPost, tsa.Path, tsp.MediaQuery, tc.query)
		require.Equal(t, http.StatusOK, status, tc.name)
		require.Equal(t, tsp.MediaReply, header.Get("Content-Type"), tc.name)
		_, err := tsp.ParseResponse(answer)
		var rejected *tsp.RejectedError
		require.ErrorAs(t, err, &rejected, tc.name)
		require.Equal(t, tc.want.String(), rejected.Why.String(), tc.name)
	}
	status, _, _ := b.call(t, http.MethodPost, tsa.Path, "application/octet-stream", good)
	require.Equal(t, http.StatusUnsupportedMediaType, status)
	require.Empty(t, b.stamps(t, ""))
	require.Empty(t, b.log.String(), "a caller's mistake is nothing to log")
}

// Each scenario is found by the relay's client as its name says; the next stamp is good again.
func TestScenarios(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t)
	for i, tc := range []struct {
		kind   scenario.Kind
		failed []tsp.Check
		text   string
	}{
		{scenario.TSAOtherImprint, []tsp.Check{tsp.ErrImprint}, "over something else"},
		{scenario.TSAOtherNonce, nil, "the answer to another request"},
		{scenario.TSAForeignSigner, []tsp.Check{tsp.ErrChain}, "not under a pinned root"},
		{scenario.TSAExpired, []tsp.Check{tsp.ErrValidity}, "outside its signer's life"},
		{scenario.TSARejects, nil, "timeNotAvailable"},
		{scenario.Down, nil, "not reached"},
	} {
		hash := sha256.Sum256([]byte{byte(i)})
		match := `{"key":"` + hex.EncodeToString(hash[:]) + `"}`
		if tc.kind == scenario.Down {
			match = `{"path":"/tsp"}`
		}
		b.scenario(t, `{"kind":"`+string(tc.kind)+`","match":`+match+`}`)
		_, _, err := client.Stamp(t.Context(), hash)
		require.ErrorContains(t, err, tc.text, tc.kind)
		require.Equal(t, tc.failed, tsp.FailedChecks(err), tc.kind)
		_, _, err = client.Stamp(t.Context(), hash)
		require.NoError(t, err, "the scenario is used up")
	}
}

// Without its database the authority gives no token, since the serial number could be another's.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.db.App.Close()
	_, _, err := b.client(t).Stamp(t.Context(), sha256.Sum256(nil))
	require.ErrorContains(t, err, "systemFailure")
	require.Contains(t, b.log.String(), "time stamp not issued")
}

// What was stamped long ago is forgotten, and its serial number is not given again.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, old, err := b.client(t).Stamp(t.Context(), sha256.Sum256(nil))
	require.NoError(t, err)
	b.clock.Advance(31 * 24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.system.Tasks()[0].Run(ctx) }()
	await.Require(t, 10*time.Second, func() bool { return len(b.stamps(t, "")) == 0 })
	cancel()
	require.NoError(t, <-done)
	_, next, err := b.client(t).Stamp(t.Context(), sha256.Sum256(nil))
	require.NoError(t, err)
	require.NotEqual(t, old.Serial, next.Serial)
}

// Whatever is asked, the answer is one that a client can read.
func FuzzAnswer(f *testing.F) {
	b := setup(f)
	good, err := tsp.Request{Hash: sha256.Sum256(nil), Nonce: big.NewInt(1), Policy: attestation.TestPolicy, Certificates: true}.Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, query []byte) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tsa.Path, bytes.NewReader(query))
		request.Header.Set("Content-Type", tsp.MediaQuery)
		recorder := httptest.NewRecorder()
		b.system.Handler().ServeHTTP(recorder, request)
		require.Equal(t, http.StatusOK, recorder.Code)
		_, err := tsp.ParseResponse(recorder.Body.Bytes())
		var rejected *tsp.RejectedError
		if err != nil {
			require.ErrorAs(t, err, &rejected)
		}
	})
}

func TestIncomplete(t *testing.T) {
	t.Parallel()
	_, err := tsa.New(t.Context(), tsa.Deps{})
	for _, missing := range []string{"no database", "no clock", "no logger", "no scenario set"} {
		require.ErrorContains(t, err, missing)
	}
	require.ErrorContains(t, tsa.Config{}.Validate(), "admin_token_file")
	require.ErrorContains(t, tsa.Config{}.Validate(), "keep")
}
