package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxAnswer limits an answer of the relay.
const maxAnswer = 32 << 20

// Answer is an answer of the REST door.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type, Title, Detail, Instance, Reason string
	Status                                int
	Violations                            []struct{ Field, Rule, Message string }
}

// Problem reads the answer as a problem document.
func (a Answer) Problem(t testing.TB) Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", strings.Split(a.Header.Get("Content-Type"), ";")[0], "%d %s", a.Status, a.Body)
	var p Problem
	require.NoError(t, json.Unmarshal(a.Body, &p))
	require.Equal(t, a.Status, p.Status)
	return p
}

// Into reads a successful answer.
func (a Answer) Into(t testing.TB, v any) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	require.NoError(t, json.Unmarshal(a.Body, v))
}

// Caller calls the REST door with one token.
type Caller struct {
	stack *Stack
	token string
	// Traceparent, if set, is sent with every call.
	Traceparent string
}

// Anonymous returns a caller without a token.
func (s *Stack) Anonymous() *Caller { return &Caller{stack: s} }

// WithToken returns a caller with the given token.
func (s *Stack) WithToken(token string) *Caller { return &Caller{stack: s, token: token} }

// Token returns the caller's access token.
func (c *Caller) Token() string { return c.token }

// Do sends a request; body is JSON-encoded unless it is []byte, string or nil.
func (c *Caller) Do(t testing.TB, method, path string, body any) Answer {
	t.Helper()
	answer, err := c.do(t.Context(), method, path, body)
	require.NoError(t, err)
	return answer
}

func (c *Caller) do(ctx context.Context, method, path string, body any) (Answer, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		reader = bytes.NewReader(b)
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return Answer{}, fmt.Errorf("encode body: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.stack.Endpoints.REST+path, reader)
	if err != nil {
		return Answer{}, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return send(c.sign(request))
}

// sign adds who calls.
func (c *Caller) sign(request *http.Request) *http.Request {
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.Traceparent != "" {
		request.Header.Set("Traceparent", c.Traceparent)
	}
	return request
}

func send(request *http.Request) (Answer, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("call %s: %w", request.URL.Path, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read answer of %s: %w", request.URL.Path, err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: raw}, nil
}

// Credentials are the credentials of an OAuth2 client.
type Credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

// ReadCredentials reads a credentials file of the stack.
func ReadCredentials(t testing.TB, path string) Credentials {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var c Credentials
	require.NoError(t, json.Unmarshal(raw, &c))
	return c
}

// LogIn gets a token with POST /oauth2/token.
func (s *Stack) LogIn(t testing.TB, c Credentials) *Caller {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoints.REST+"/oauth2/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(c.ClientID, c.ClientSecret)
	answer, err := send(request)
	require.NoError(t, err)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	answer.Into(t, &token)
	return s.WithToken(token.AccessToken)
}

// Admin returns the operator.
func (s *Stack) Admin(t testing.TB) *Caller {
	t.Helper()
	return s.LogIn(t, ReadCredentials(t, s.Endpoints.AdminCredentials))
}

// Sandbox calls a sandbox system's operator interface.
func (s *Stack) Sandbox(t testing.TB, base, method, path string, body, into any) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, base+path, bytes.NewReader(raw))
	require.NoError(t, err)
	admin, err := os.ReadFile(s.Endpoints.Sandbox.AdminToken)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(admin)))
	request.Header.Set("Content-Type", "application/json")
	answer, err := send(request)
	require.NoError(t, err)
	require.Less(t, answer.Status, 300, "%s %s: %s", method, path, answer.Body)
	if into != nil {
		require.NoError(t, json.Unmarshal(answer.Body, into))
	}
}
