package hub

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/hubpush"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	sandbox "github.com/naru-relay/naru/services/sandbox/hub" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/scenario"    //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// pushKey is a key of a hub.
type pushKey struct {
	*ecdsa.PrivateKey
	id string
}

func (k pushKey) KeyID() string { return k.id }

func newPushKey(t testing.TB) pushKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	keyID, err := keys.KeyID(&private.PublicKey)
	require.NoError(t, err)
	return pushKey{private, keyID}
}

// pinned is the file of the hub's keys, for the settings.
func (k pushKey) pinned(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "hub.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	return path
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}

// pushBench runs the unit with a door for this key.
func pushBench(t testing.TB, key pushKey) (*unittest.Bench, string) {
	t.Helper()
	address, signers := freeAddress(t), key.pinned(t)
	b := bench(t, newFakeHub(t), func(c *Config) { c.Push.Listen, c.Push.SignersFile, c.Push.MaxBytes = address, signers, 1<<20 })
	return b, "http://" + address + hubpush.Path
}

const (
	pushedNumber = "2026-0302-0000-0001"
	wholePush    = `{"certNum":"` + pushedNumber + `","edocNum":"20260302_NARU000001_0000000000001","eaddr":"office"}`
)

func pushBody(t testing.TB, message, pdf string) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	for mediaType, content := range map[string]string{"application/json": message, "application/pdf": pdf} {
		part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {mediaType}})
		require.NoError(t, err)
		_, err = io.WriteString(part, content)
		require.NoError(t, err)
	}
	require.NoError(t, parts.Close())
	return "multipart/mixed; boundary=" + parts.Boundary(), b.Bytes()
}

func signed(t testing.TB, b *unittest.Bench, key pushKey, contentType string, body []byte, change func(c *hubpush.Claims)) string {
	t.Helper()
	c := hubpush.Claims{
		Audience: unittest.Platform, Nonce: "nonce-0001", ContentType: contentType, Digest: hubpush.DigestOf(body), IssuedAt: b.Clock.Now(),
	}
	if change != nil {
		change(&c)
	}
	signature, err := hubpush.Sign(key, c)
	require.NoError(t, err)
	return signature
}

// send makes one push and returns status and answer.
func send(t testing.TB, url, signature, contentType string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	request.Header.Set(hubpush.Header, signature)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(said)
}

// A push is kept sealed and stated before it is answered. The same push, or another one under its number, changes nothing and is
// kept, too.
func TestPushIsKeptOnce(t *testing.T) {
	t.Parallel()
	key := newPushKey(t)
	b, url := pushBench(t, key)
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of the hub")
	signature := signed(t, b, key, contentType, body, nil)
	for range 2 {
		status, said := send(t, url, signature, contentType, body)
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"resultCode":1}`, said)
	}
	stated := unittest.AwaitFacts[*hubv1.HubPushReceived](t, b, 1)
	require.Equal(t, []string{pushedNumber, edoc(1), "office", key.id, "nonce-0001"},
		[]string{stated[0].GetCertNum(), stated[0].GetEdocNum(), stated[0].GetAddress(), stated[0].GetKeyId(), stated[0].GetNonce()})

	contentType, body = pushBody(t, wholePush, "%PDF-1.7 another one")
	status, said := send(t, url, signed(t, b, key, contentType, body, nil), contentType, body)
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"resultCode":0,"errCode":"ERR-01-503"}`, said)
	repeated := unittest.Facts[*hubv1.HubPushRepeated](t, b)
	require.Len(t, repeated, 2)
	require.Equal(t, []bool{true, false}, []bool{repeated[0].GetSame(), repeated[1].GetSame()})
	require.Len(t, unittest.Facts[*hubv1.HubPushReceived](t, b), 1)

	subject := b.Stated(t, &hubv1.HubPushReceived{})[0].GetSubject()
	require.Equal(t, subject, repeated[1].GetFirst())
	got, err := as(t, b, "certificate").GetPushedCertificate(t.Context(), &hubv1.GetPushedCertificateRequest{Push: subject})
	require.NoError(t, err)
	require.Equal(t, []string{pushedNumber, "%PDF-1.7 of the hub"}, []string{got.GetCertNum(), string(got.GetPdf())})
	_, err = as(t, b, "certificate").GetPushedCertificate(t.Context(), &hubv1.GetPushedCertificateRequest{Push: unittest.NewID()})
	require.Equal(t, "PUSH_NOT_FOUND", fault.ReasonOf(err))
	var clear int
	require.NoError(t, b.App.QueryRow(t.Context(), `select count(*) from push_request, unnest(request) r where position('%PDF-1' in encode(r, 'escape')) > 0`).Scan(&clear))
	require.Zero(t, clear)
}

// What is not the hub's, not for this relay, not of now, or makes no sense is refused and stated, and leaves nothing else.
func TestPushIsRefused(t *testing.T) {
	t.Parallel()
	key := newPushKey(t)
	b, url := pushBench(t, key)
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of the hub")
	good := signed(t, b, key, contentType, body, nil)
	claimed := newPushKey(t)
	claimed.id = key.id
	nonsenseType, nonsense := pushBody(t, `{"certNum":"1"}`, "%PDF-1.7")
	tooLarge := append(bytes.Clone(body), make([]byte, 1<<20)...)
	for _, tt := range []struct {
		name, signature, contentType string
		body                         []byte
		want                         int
		check                        string
	}{
		{"no signature", "", contentType, body, http.StatusUnauthorized, "malformed"},
		{"of a stranger", signed(t, b, newPushKey(t), contentType, body, nil), contentType, body, http.StatusUnauthorized, "key"},
		{"of a stranger under the hub's name", signed(t, b, claimed, contentType, body, nil), contentType, body, http.StatusUnauthorized, "forged"},
		{"over another body", good, contentType, append(bytes.Clone(body), ' '), http.StatusUnauthorized, "body"},
		{"under another content type", good, "multipart/mixed; boundary=y", body, http.StatusUnauthorized, "body"},
		{"for another relay", signed(t, b, key, contentType, body, func(c *hubpush.Claims) { c.Audience = "peer-01-relay" }), contentType, body, http.StatusUnauthorized, "audience"},
		{"of yesterday", signed(t, b, key, contentType, body, func(c *hubpush.Claims) { c.IssuedAt = c.IssuedAt.Add(-24 * time.Hour) }), contentType, body, http.StatusUnauthorized, "age"},
		{"of tomorrow", signed(t, b, key, contentType, body, func(c *hubpush.Claims) { c.IssuedAt = c.IssuedAt.Add(24 * time.Hour) }), contentType, body, http.StatusUnauthorized, "age"},
		{"nonsense", signed(t, b, key, nonsenseType, nonsense, nil), nonsenseType, nonsense, http.StatusBadRequest, "content"},
		{"too large", signed(t, b, key, contentType, tooLarge, nil), contentType, tooLarge, http.StatusBadRequest, "content"},
	} {
		status, said := send(t, url, tt.signature, tt.contentType, tt.body)
		require.Equal(t, tt.want, status, tt.name)
		require.Contains(t, said, `"resultCode":0`, tt.name)
		stated := unittest.Facts[*hubv1.HubPushRefused](t, b)
		digest := sha256.Sum256([]byte(tt.signature))
		require.Equal(t, []any{tt.check, digest[:], int64(0)},
			[]any{stated[len(stated)-1].GetCheck(), stated[len(stated)-1].GetSignatureDigest(), stated[len(stated)-1].GetUnstated()}, tt.name)
	}
	require.Len(t, unittest.Facts[*hubv1.HubPushRefused](t, b), 10)
	response, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
	var kept int
	require.NoError(t, b.App.QueryRow(t.Context(), `select count(*) from push_request`).Scan(&kept))
	require.Zero(t, kept)
	require.NotContains(t, b.Logs.String(), "office")
}

// Strangers cannot fill the journal: what is not stated is counted in the next one that is.
func TestManyRefusedPushes(t *testing.T) {
	t.Parallel()
	b, url := pushBench(t, newPushKey(t))
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of nobody")
	const many = 3
	for range refusalsBurst + many {
		status, _ := send(t, url, "", contentType, body)
		require.Equal(t, http.StatusUnauthorized, status)
	}
	require.Len(t, unittest.Facts[*hubv1.HubPushRefused](t, b), refusalsBurst)
	b.Clock.Advance(time.Second)
	status, _ := send(t, url, "", contentType, body)
	require.Equal(t, http.StatusUnauthorized, status)
	stated := unittest.Facts[*hubv1.HubPushRefused](t, b)
	require.Len(t, stated, refusalsBurst+1)
	require.EqualValues(t, many, stated[refusalsBurst].GetUnstated())
}

// A refusal that cannot be stated is none: the hub may push again.
func TestRefusedPushWithoutADatabase(t *testing.T) {
	t.Parallel()
	b, url := pushBench(t, newPushKey(t))
	_, err := b.Owner.Exec(t.Context(), `alter table journal rename to journal_away`)
	require.NoError(t, err)
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of nobody")
	status, _ := send(t, url, "", contentType, body)
	require.Equal(t, http.StatusServiceUnavailable, status)
	_, err = b.Owner.Exec(t.Context(), `alter table journal_away rename to journal`)
	require.NoError(t, err)
	status, _ = send(t, url, "", contentType, body)
	require.Equal(t, http.StatusUnauthorized, status)
	stated := unittest.Facts[*hubv1.HubPushRefused](t, b)
	require.Len(t, stated, 1)
	require.EqualValues(t, 1, stated[0].GetUnstated())
}

// While nothing can be kept, nothing is answered as kept: the hub pushes again.
func TestPushWithoutADatabase(t *testing.T) {
	t.Parallel()
	key := newPushKey(t)
	b, url := pushBench(t, key)
	_, err := b.Owner.Exec(t.Context(), `alter table push rename to push_away`)
	require.NoError(t, err)
	contentType, body := pushBody(t, wholePush, "%PDF-1.7 of the hub")
	status, _ := send(t, url, signed(t, b, key, contentType, body, nil), contentType, body)
	require.Equal(t, http.StatusServiceUnavailable, status)
	_, err = b.Owner.Exec(t.Context(), `alter table push_away rename to push`)
	require.NoError(t, err)
	status, _ = send(t, url, signed(t, b, key, contentType, body, nil), contentType, body)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, unittest.AwaitFacts[*hubv1.HubPushReceived](t, b, 1), 1)
}

func TestPushSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *PushConfig)
		want   string
	}{
		"no keys":                 {func(c *PushConfig) { c.Listen = "127.0.0.1:1" }, "signers_file"},
		"in clear to the network": {func(c *PushConfig) { c.Listen, c.SignersFile = ":8460", "x.pem" }, "certificate_file"},
		"half a certificate":      {func(c *PushConfig) { c.Listen, c.SignersFile, c.KeyFile = "127.0.0.1:1", "x.pem", "k.pem" }, "certificate_file"},
		"no address":              {func(c *PushConfig) { c.Listen, c.SignersFile = "8460", "x.pem" }, "listen"},
		"no skew":                 {func(c *PushConfig) { c.Skew = 0 }, "skew"},
		"no place":                {func(c *PushConfig) { c.Concurrent = 0 }, "concurrent"},
		"too small":               {func(c *PushConfig) { c.MaxBytes = 1 }, "max_bytes"},
	} {
		c := Default().Push
		tt.change(&c)
		require.ErrorContains(t, c.Validate(), tt.want, name)
	}
	require.NoError(t, Default().Push.Validate())
	for name, content := range map[string]string{"nothing": "", "another block": string(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{1}}))} {
		path := filepath.Join(t.TempDir(), "hub.pem")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := readSigners(path)
		require.Error(t, err, name)
	}
}

// The sandbox hub pushes what it issues, and misbehaves when it is told to.
func TestSandboxHubPushes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		scenario scenario.Scenario
		// received and repeated are the facts that follow; address is the applicant named.
		received, repeated int
		edocNum, address   string
		// refused is the check by which it is refused.
		refused string
	}{
		{"a push", scenario.Scenario{}, 1, 0, edoc(1), "office", ""},
		{"late", scenario.Scenario{Kind: scenario.PushLate, Delay: scenario.Delay(time.Second)}, 1, 0, edoc(1), "office", ""},
		{"twice", scenario.Scenario{Kind: scenario.PushTwice}, 1, 1, edoc(1), "office", ""},
		{"replayed", scenario.Scenario{Kind: scenario.PushReplayed}, 1, 1, edoc(1), "office", ""},
		{"foreign", scenario.Scenario{Kind: scenario.PushForeign}, 1, 0, edoc(1), "somebody-who-did-not-ask", ""},
		{"of a document of another relay", scenario.Scenario{Kind: scenario.PushOtherDocument}, 1, 0, "20260302_PEER000001_0000000000001", "office", ""},
		{"for another relay", scenario.Scenario{Kind: scenario.PushOtherRelay}, 0, 0, "", "", "audience"},
		{"forged", scenario.Scenario{Kind: scenario.PushForged}, 0, 0, "", "", "forged"},
		{"stale", scenario.Scenario{Kind: scenario.PushStale, Delay: scenario.Delay(6 * time.Minute)}, 0, 0, "", "", "age"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, address := newPushKey(t), freeAddress(t)
			o := pushingOutside(t, key, "http://"+address)
			b := o.bench(t, func(c *Config) { c.Push.Listen, c.Push.SignersFile = address, key.pinned(t) })
			joined(t, b)
			_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), delivered(b, 1))
			require.NoError(t, err)
			if tt.scenario.Kind != "" {
				tt.scenario.ID = "misbehaviour"
				require.NoError(t, o.scenarios.Put(tt.scenario))
			}
			issued, err := as(t, b, "certificate").IssueDistributionCertificate(t.Context(),
				&hubv1.IssueDistributionCertificateRequest{EdocNum: edoc(1), Address: "office", Reason: "제출용"})
			require.NoError(t, err)
			if tt.received == 0 {
				require.Equal(t, tt.refused, unittest.AwaitFacts[*hubv1.HubPushRefused](t, b, 1)[0].GetCheck())
				require.Empty(t, unittest.Facts[*hubv1.HubPushReceived](t, b))
				return
			}
			got := unittest.AwaitFacts[*hubv1.HubPushReceived](t, b, tt.received)[0]
			require.Equal(t, []string{issued.GetCertNum(), tt.edocNum, tt.address}, []string{got.GetCertNum(), got.GetEdocNum(), got.GetAddress()})
			await.Require(t, unittest.Patience, func() bool { return len(unittest.Facts[*hubv1.HubPushRepeated](t, b)) == tt.repeated })
		})
	}
}

// pushingOutside is a sandbox hub that pushes to a relay.
func pushingOutside(t testing.TB, key pushKey, url string) *outside {
	t.Helper()
	c := sandbox.Default()
	c.AdminTokenFile, c.PushURL = config.InlineSecret(adminToken), url
	o := &outside{scenarios: scenario.NewSet()}
	system, err := sandbox.New(t.Context(), sandbox.Deps{
		Base: scenario.Base{
			DB: pgtest.New(t, "sandbox_hub", pg.Source{Name: "hub", FS: sandbox.Migrations}).App, Clock: clock.System(),
			Log: slog.New(slog.DiscardHandler), Scenarios: o.scenarios,
		}, Config: c, Renderer: drawn{}, PushKey: key.PrivateKey,
	})
	require.NoError(t, err)
	server := httptest.NewServer(system.Handler())
	t.Cleanup(server.Close)
	o.url = server.URL
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	for _, task := range system.Tasks() {
		if task.Name == "sandbox-hub-pushes" {
			go func() { defer close(done); _ = task.Run(ctx) }()
		}
	}
	t.Cleanup(func() { cancel(); <-done })
	require.NoError(t, system.PutPlatform(t.Context(), sandbox.Platform{
		PlatformID: unittest.Platform, ClientID: testClient + unittest.Platform[:1], ClientSecret: testSecret, Name: "시험용",
	}))
	return o
}
