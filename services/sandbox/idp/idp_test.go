package idp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/services/sandbox/idp"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	adminToken  = "admin-token-of-the-test"
	callback    = "https://naru.example/callback?mine=1"
	noticeToken = "whsec_bm90aWNlIHNlY3JldCBvZiB0aGUgdGVzdA=="
)

// noon is the present for both the provider and go-oidc, which get the same clock.
var noon = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

type bundle struct {
	t      *testing.T
	clock  *clock.Fake
	server *httptest.Server
	logged *bytes.Buffer
}

func setup(t *testing.T, adjust ...func(*idp.Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: clock.NewFake(noon), server: httptest.NewUnstartedServer(nil), logged: &bytes.Buffer{}}
	cfg := idp.Default()
	cfg.Issuer = "http://" + b.server.Listener.Addr().String()
	cfg.AdminTokenFile = config.InlineSecret(adminToken)
	cfg.PairwiseSecretFile = config.InlineSecret("pairwise secret of the test")
	cfg.Clients = []idp.Client{
		{ID: "naru viewing", SecretFile: config.InlineSecret("s&cret=1"), RedirectURIs: []string{callback}},
		{ID: "other", SecretFile: config.InlineSecret("other-secret"), RedirectURIs: []string{callback}},
	}
	for _, a := range adjust {
		a(&cfg)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	system, err := idp.New(t.Context(), idp.Deps{
		Base: scenario.Base{
			DB: pgtest.New(t, "sandbox_idp", pg.Source{Name: "idp", FS: idp.Migrations}).App, Clock: b.clock,
			Log: slog.New(slog.NewJSONHandler(b.logged, nil)), Scenarios: scenario.NewSet(),
		}, Config: cfg, Key: key,
	})
	require.NoError(t, err)
	b.server.Config.Handler = system.Handler()
	b.server.Start()
	t.Cleanup(b.server.Close)
	return b
}

// party is a relying party built with the libraries that Naru uses.
type party struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	pkce     string
}

func (b *bundle) party(clientID, secret string, style oauth2.AuthStyle) party {
	b.t.Helper()
	provider, err := oidc.NewProvider(b.t.Context(), b.server.URL)
	require.NoError(b.t, err)
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = style
	return party{
		oauth:    oauth2.Config{ClientID: clientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: callback, Scopes: []string{"openid"}},
		verifier: provider.Verifier(&oidc.Config{ClientID: clientID, Now: b.clock.Now, SupportedSigningAlgs: []string{oidc.ES256}}),
		pkce:     oauth2.GenerateVerifier(),
	}
}

func (p party) url(extra ...oauth2.AuthCodeOption) string {
	return p.oauth.AuthCodeURL("state-1", append([]oauth2.AuthCodeOption{oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(p.pkce)}, extra...)...)
}

// follow makes a call without following redirects, and returns the redirect's target.
func (b *bundle) follow(method, target string, form url.Values) (status int, location url.Values, body string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(b.t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	if where := resp.Header.Get("Location"); where != "" {
		u, err := url.Parse(where)
		require.NoError(b.t, err)
		require.Equal(b.t, "naru.example", u.Host)
		location = u.Query()
	}
	return resp.StatusCode, location, string(raw)
}

func (b *bundle) code(p party, person string) string {
	b.t.Helper()
	status, location, body := b.follow(http.MethodGet, p.url(oauth2.SetAuthURLParam("login_hint", person)), nil)
	require.Equal(b.t, http.StatusSeeOther, status, body)
	require.Equal(b.t, "state-1", location.Get("state"))
	require.Equal(b.t, "1", location.Get("mine"), "the client's own parameter stays")
	require.NotEmpty(b.t, location.Get("code"))
	return location.Get("code")
}

type claims struct {
	CI          string `json:"ci"`
	Name        string `json:"name"`
	BirthDate   string `json:"birthdate"`
	PhoneNumber string `json:"phone_number"`
	ACR         string `json:"acr"`
	AuthTime    int64  `json:"auth_time"`
}

func (b *bundle) prove(p party, person string) (*oidc.IDToken, claims) {
	b.t.Helper()
	tokens, err := p.oauth.Exchange(b.t.Context(), b.code(p, person), oauth2.VerifierOption(p.pkce))
	require.NoError(b.t, err)
	raw, ok := tokens.Extra("id_token").(string)
	require.True(b.t, ok)
	token, err := p.verifier.Verify(b.t.Context(), raw)
	require.NoError(b.t, err)
	require.NoError(b.t, token.VerifyAccessToken(tokens.AccessToken))
	var c claims
	require.NoError(b.t, token.Claims(&c))
	return token, c
}

func TestGoOIDCProvesAnIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		token, c := b.prove(b.party("naru viewing", "s&cret=1", style), "ferry")
		require.Equal(t, "nonce-1", token.Nonce)
		require.Equal(t, []string{"naru viewing"}, token.Audience)
		require.Equal(t, "강나루", c.Name)
		require.Equal(t, "19900102", c.BirthDate)
		require.Equal(t, "01000000001", c.PhoneNumber)
		require.Len(t, c.CI, 88)
		require.Equal(t, "urn:naru:sandbox:identity-proof", c.ACR)
		require.Equal(t, noon.Unix(), c.AuthTime)
	}
	mine, c := b.prove(b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader), "ferry")
	again, _ := b.prove(b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader), "ferry")
	theirs, sameCI := b.prove(b.party("other", "other-secret", oauth2.AuthStyleInHeader), "ferry")
	other, otherCI := b.prove(b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader), "dawn")
	require.Equal(t, mine.Subject, again.Subject)
	require.NotEqual(t, mine.Subject, theirs.Subject, "subjects are pairwise")
	require.NotEqual(t, mine.Subject, other.Subject)
	require.Equal(t, c.CI, sameCI.CI)
	require.NotEqual(t, c.CI, otherCI.CI)
	require.NotContains(t, b.logged.String(), c.CI)
}

func TestPageOffersTestPersons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader)
	status, _, html := b.follow(http.MethodGet, p.url(oauth2.SetAuthURLParam("state", `"><script>`)), nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, html, "시험용")
	require.Contains(t, html, `value="ferry"`)
	require.NotContains(t, html, `"><script>`)

	u, err := url.Parse(p.url())
	require.NoError(t, err)
	form := u.Query()
	form.Set("person", "dawn")
	status, location, _ := b.follow(http.MethodPost, b.server.URL+"/authorize", form)
	require.Equal(t, http.StatusSeeOther, status)
	tokens, err := p.oauth.Exchange(t.Context(), location.Get("code"), oauth2.VerifierOption(p.pkce))
	require.NoError(t, err)
	require.NotEmpty(t, tokens.Extra("id_token"))
}

func TestAuthorizationIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	set := oauth2.SetAuthURLParam
	hint := set("login_hint", "ferry")
	tests := []struct {
		name   string
		change oauth2.AuthCodeOption
		status int
		code   string
	}{
		{"unknown client", set("client_id", "stranger"), 400, ""},
		{"foreign redirect", set("redirect_uri", "https://evil.example/"), 400, ""},
		{"implicit flow", set("response_type", "token"), 303, "unsupported_response_type"},
		{"no openid", set("scope", "profile"), 303, "invalid_scope"},
		{"plain PKCE", set("code_challenge_method", "plain"), 303, "invalid_request"},
		{"no PKCE", set("code_challenge", ""), 303, "invalid_request"},
		{"nobody", set("login_hint", "nobody"), 303, "access_denied"},
		{"a nonce without end", set("nonce", strings.Repeat("n", 513)), 303, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader)
			status, location, _ := b.follow(http.MethodGet, p.url(hint, tt.change), nil)
			require.Equal(t, tt.status, status)
			require.Equal(t, tt.code, location.Get("error"))
			require.Empty(t, location.Get("code"))
		})
	}
}

func TestCodeIsGoodOnceForItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name    string
		prepare func(p *party, code string) (string, *party)
		want    string
	}{
		{"used before", func(p *party, code string) (string, *party) {
			_, err := p.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(p.pkce))
			require.NoError(t, err)
			return code, p
		}, "invalid_grant"},
		{"too late", func(p *party, code string) (string, *party) { b.clock.Advance(time.Minute); return code, p }, "invalid_grant"},
		{"other verifier", func(p *party, code string) (string, *party) { p.pkce = oauth2.GenerateVerifier(); return code, p }, "invalid_grant"},
		{"other redirect", func(p *party, code string) (string, *party) {
			p.oauth.RedirectURL = "https://naru.example/"
			return code, p
		}, "invalid_grant"},
		{"other client", func(_ *party, code string) (string, *party) {
			other := b.party("other", "other-secret", oauth2.AuthStyleInHeader)
			return code, &other
		}, "invalid_grant"},
		{"wrong secret", func(p *party, code string) (string, *party) { p.oauth.ClientSecret = "guess"; return code, p }, "invalid_client"},
		{"invented code", func(p *party, _ string) (string, *party) { return "invented", p }, "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := b.party("naru viewing", "s&cret=1", oauth2.AuthStyleInHeader)
			code, redeemer := tt.prepare(&p, b.code(p, "ferry"))
			_, err := redeemer.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(redeemer.pkce))
			var refused *oauth2.RetrieveError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.want, refused.ErrorCode)
		})
	}
}

func (b *bundle) admin(method, path, body string) (int, map[string]any) {
	b.t.Helper()
	return b.post(method, path, body, http.Header{"Authorization": {"Bearer " + adminToken}})
}

func (b *bundle) post(method, path, body string, header http.Header) (int, map[string]any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.Header = header
	resp, err := b.server.Client().Do(req)
	require.NoError(b.t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	var answer map[string]any
	if len(raw) > 0 {
		require.NoError(b.t, json.Unmarshal(raw, &answer), string(raw))
	}
	return resp.StatusCode, answer
}

func TestPersonsCanBeAdded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *idp.Config) { c.TestPersons = false })
	status, added := b.admin(http.MethodPost, "/sandbox/persons", `{"name":"새시험","birthDate":"19991231","phone":"01000000009"}`)
	require.Equal(t, http.StatusCreated, status)
	require.Len(t, added["ci"], 88)
	_, c := b.prove(b.party("other", "other-secret", oauth2.AuthStyleInHeader), added["id"].(string))
	require.Equal(t, "새시험", c.Name)
	require.Equal(t, added["ci"], c.CI)

	again, err := json.Marshal(added)
	require.NoError(t, err)
	status, _ = b.admin(http.MethodPost, "/sandbox/persons", string(again))
	require.Equal(t, http.StatusConflict, status)
	for _, bad := range []string{
		`{"name":"","birthDate":"19991231","phone":"01000000009"}`, `{"name":"가","birthDate":"19991331","phone":"01000000009"}`,
		`{"name":"가","birthDate":"19991231","phone":"010-0000"}`, `{"name":"가","birthDate":"19991231","phone":"01000000009","ci":"short"}`, `[]`,
	} {
		status, _ = b.admin(http.MethodPost, "/sandbox/persons", bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
	}
	status, list := b.admin(http.MethodGet, "/sandbox/persons", "")
	require.Equal(t, http.StatusOK, status)
	require.Len(t, list["persons"], 1)
	status, _ = b.post(http.MethodGet, "/sandbox/persons", "", nil)
	require.Equal(t, http.StatusUnauthorized, status)
}

func TestPhoneKeepsNotices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	notice := `{"to":"01000000001","text":"시험용 알림"}`
	for _, id := range []string{"n1", "n1", "n2"} {
		status, _ := b.post(http.MethodPost, "/notices", notice, http.Header{"Webhook-Id": {id}})
		require.Equal(t, http.StatusNoContent, status)
	}
	status, _ := b.post(http.MethodPost, "/notices", "no JSON", nil)
	require.Equal(t, http.StatusNoContent, status)
	_, list := b.admin(http.MethodGet, "/sandbox/notices", "")
	notices := list["notices"].([]any)
	require.Len(t, notices, 3)
	require.Equal(t, "n1", notices[0].(map[string]any)["webhookId"])
	require.Equal(t, map[string]any{"to": "01000000001", "text": "시험용 알림"}, notices[1].(map[string]any)["body"])
	require.Equal(t, "no JSON", notices[2].(map[string]any)["body"])
}

func TestNoticeSignature(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *idp.Config) { c.NoticeSecretFile = config.InlineSecret(noticeToken) })
	sign := func(id string, at time.Time, body string) http.Header {
		mac := hmac.New(sha256.New, []byte("notice secret of the test"))
		stamp := strconv.FormatInt(at.Unix(), 10)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
		return http.Header{
			"Webhook-Id": {id}, "Webhook-Timestamp": {stamp},
			"Webhook-Signature": {"v1,AAAA v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		}
	}
	tests := []struct {
		name   string
		header http.Header
		status int
	}{
		{"signed", sign("a", noon, "{}"), 204},
		{"not signed", http.Header{"Webhook-Id": {"b"}}, 401},
		{"signed for another body", sign("c", noon, "[]"), 401},
		{"too old", sign("d", noon.Add(-6*time.Minute), "{}"), 401},
		{"from the future", sign("e", noon.Add(6*time.Minute), "{}"), 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, _ := b.post(http.MethodPost, "/notices", "{}", tt.header)
			require.Equal(t, tt.status, status)
		})
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	err := idp.Config{Issuer: "https://idp.example/", NoticeSecretFile: config.InlineSecret("x"), Clients: []idp.Client{{}}}.Validate()
	for _, path := range []string{"issuer", "admin_token_file", "pairwise_secret_file", "notice_secret_file", "clients[0]"} {
		require.ErrorContains(t, err, path)
	}
	require.Error(t, idp.Config{}.Validate())

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cfg := idp.Default()
	cfg.Issuer, cfg.AdminTokenFile, cfg.PairwiseSecretFile = "https://idp.example", config.InlineSecret("a"), config.InlineSecret("0123456789abcdef")
	db := pgtest.New(t, "sandbox_idp", pg.Source{Name: "idp", FS: idp.Migrations}).App
	deps := idp.Deps{Base: scenario.Base{DB: db, Clock: clock.System(), Log: slog.New(slog.DiscardHandler), Scenarios: scenario.NewSet()}, Config: cfg, Key: key}
	_, err = idp.New(context.WithoutCancel(t.Context()), deps)
	require.ErrorContains(t, err, "not P-256")
	deps.Key = nil
	_, err = idp.New(t.Context(), deps)
	require.ErrorContains(t, err, "no key")
}
