package hub_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const anyCall = "/api/eaddr/canceled?idn=x"

func TestTokenIsIssuedInMinutesAndKST(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *hub.Config) {
		c.AccessLifetime, c.RefreshLifetime = config.Duration(90*time.Minute), config.Duration(2*time.Hour)
	})
	a := b.call(naru, http.MethodPost, "/auth/token", `{"grantType":0,"clientId":"ID-`+naru+`","clientSecret":"SECRET-`+naru+`"}`)
	require.Equal(t, 1, a.ResultCode)
	require.Equal(t, 90, a.AccessExpiresIn)
	require.Equal(t, "2026-03-02 13:30:00", a.AccessExpireDate)
	require.Equal(t, 120, a.RefreshExpiresIn)
	require.Equal(t, "2026-03-02 14:00:00", a.RefreshExpireDate)

	b.tokens[naru] = a.AccessToken
	b.clock.Advance(90*time.Minute - time.Second)
	require.Equal(t, 1, b.call(naru, http.MethodGet, anyCall, "").ResultCode)
	b.clock.Advance(time.Second)
	require.Equal(t, "ERR-01-104", b.call(naru, http.MethodGet, anyCall, "").ErrCode)

	renewed := b.call(naru, http.MethodPost, "/auth/token",
		fmt.Sprintf(`{"grantType":1,"clientId":"ID-%s","refreshToken":%q}`, naru, a.RefreshToken))
	require.Equal(t, 1, renewed.ResultCode)
	require.NotEqual(t, a.AccessToken, renewed.AccessToken)
	b.tokens[naru] = renewed.AccessToken
	require.Equal(t, 1, b.call(naru, http.MethodGet, anyCall, "").ResultCode)

	b.clock.Advance(time.Hour)
	late := b.call(naru, http.MethodPost, "/auth/token",
		fmt.Sprintf(`{"grantType":1,"clientId":"ID-%s","refreshToken":%q}`, naru, a.RefreshToken))
	require.Equal(t, "ERR-01-102", late.ErrCode)
}

func TestTokenRequestIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name, body, code string
	}{
		{"wrong secret", `{"grantType":0,"clientId":"ID-naru-01-relay","clientSecret":"guess"}`, "ERR-01-101"},
		{"client of another platform", `{"grantType":0,"clientId":"ID-peer-01-relay","clientSecret":"SECRET-peer-01-relay"}`, "ERR-01-101"},
		{"no grant type", `{"clientId":"ID-naru-01-relay","clientSecret":"SECRET-naru-01-relay"}`, "ERR-01-201"},
		{"unknown grant type", `{"grantType":2,"clientId":"ID-naru-01-relay","clientSecret":"SECRET-naru-01-relay"}`, "ERR-01-201"},
		{"grant type as text", `{"grantType":"0","clientId":"ID-naru-01-relay"}`, "ERR-01-201"},
		{"renewal without refresh token", `{"grantType":1,"clientId":"ID-naru-01-relay"}`, "ERR-01-201"},
		{"renewal with an access token", `{"grantType":1,"clientId":"ID-naru-01-relay","refreshToken":"` + b.tokens[naru] + `"}`, "ERR-01-102"},
		{"form encoded", `grant_type=client_credentials`, "ERR-01-201"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := b.call(naru, http.MethodPost, "/auth/token", tt.body)
			require.Equal(t, 0, a.ResultCode)
			require.Equal(t, tt.code, a.ErrCode)
			require.NotEmpty(t, a.ErrMsg)
			require.Empty(t, a.AccessToken)
		})
	}
}

func TestEveryCallNeedsItsHeadersAndToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name   string
		change func(http.Header)
		code   string
	}{
		{"no platform id", func(h http.Header) { h.Del("platform-id") }, "ERR-01-202"},
		{"platform id too long", func(h http.Header) { h.Set("platform-id", "abcdefghijklmnopqrstuvwxyz") }, "ERR-01-202"},
		{"no request id", func(h http.Header) { h.Del("req-UUID") }, "ERR-01-202"},
		{"request id not version 4", func(h http.Header) { h.Set("req-UUID", uuid.Must(uuid.NewV7()).String()) }, "ERR-01-202"},
		{"request date with zone", func(h http.Header) { h.Set("req-date", "2026-03-02T12:00:00+09:00") }, "ERR-01-202"},
		{"request date not in the calendar", func(h http.Header) { h.Set("req-date", "2026-02-30 12:00:00") }, "ERR-01-202"},
		{"no token", func(h http.Header) { h.Del("Authorization") }, "ERR-01-103"},
		{"invented token", func(h http.Header) { h.Set("Authorization", "Bearer invented") }, "ERR-01-103"},
		{"token of another platform", func(h http.Header) { h.Set("Authorization", "Bearer "+b.tokens[peer]) }, "ERR-01-103"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := b.header(naru)
			tt.change(h)
			a := b.callAs(h, http.MethodGet, anyCall, "", nil)
			require.Equal(t, 0, a.ResultCode)
			require.Equal(t, tt.code, a.ErrCode)
		})
	}
}

func TestNewTokenVoidsOldOnlyWhenConfigured(t *testing.T) {
	t.Parallel()
	for _, voids := range []bool{false, true} {
		t.Run(fmt.Sprint(voids), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *hub.Config) { c.NewTokenVoidsOld = voids })
			old := b.tokens[naru]
			b.login(naru)
			b.tokens[naru] = old
			a := b.call(naru, http.MethodGet, anyCall, "")
			require.Equal(t, voids, a.ErrCode == "ERR-01-103")
			require.Equal(t, 1, b.call(peer, http.MethodGet, anyCall, "").ResultCode, "another platform's token is untouched")
		})
	}
}

func TestTokenLossLastsUntilRenewal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.scenarios.Put(scenario.Scenario{
		ID: "loss", Kind: scenario.TokenLoss, Skip: 1, ErrCode: "ERR-01-104", Match: scenario.Match{Method: "GET", Path: "/api/eaddr/canceled"},
	}))
	require.Equal(t, 1, b.call(naru, http.MethodGet, anyCall, "").ResultCode)
	require.Equal(t, "ERR-01-104", b.call(naru, http.MethodGet, anyCall, "").ErrCode)
	require.Equal(t, "ERR-01-103", b.call(naru, http.MethodGet, anyCall, "").ErrCode, "the token itself is gone")
	b.tokens[naru] = b.login(naru)
	require.Equal(t, 1, b.call(naru, http.MethodGet, anyCall, "").ResultCode)
}

func TestSandboxAndHubAreSeparate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	resp, _ := b.send(http.MethodGet, "/sandbox/exchanges", b.header(naru), "", nil)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode, "a relay's token does not open the operator's side")
	h := b.header(naru)
	h.Set("Authorization", "Bearer "+adminToken)
	require.Equal(t, "ERR-01-103", b.callAs(h, http.MethodGet, anyCall, "", nil).ErrCode, "nor the admin token the hub's")

	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "d", Kind: scenario.Down, HTTPStatus: 503, Forever: true}))
	resp, _ = b.send(http.MethodGet, anyCall, b.header(naru), "", nil)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	var list struct{ Exchanges []hub.ExchangeCount }
	b.inspect("/sandbox/exchanges", &list)
	counts := map[string]hub.ExchangeCount{}
	for _, e := range list.Exchanges {
		counts[e.Method+" "+e.Path] = e
	}
	require.Equal(t, hub.ExchangeCount{Method: "POST", Path: "/auth/token", Calls: 2}, counts["POST /auth/token"])
	require.Equal(t, hub.ExchangeCount{Method: "GET", Path: "/api/eaddr/canceled", Calls: 2, Failures: 1}, counts["GET /api/eaddr/canceled"])
}
