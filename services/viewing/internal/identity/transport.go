package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds what is read of an answer: key sets and tokens are far smaller.
const maxAnswer = 1 << 20

// idle is how long a connection to the provider is kept.
const idle = time.Minute

// answerError is an answer that a provider does not give.
type answerError struct {
	status int
	what   string
}

func (e *answerError) Error() string { return fmt.Sprintf("status %d, %s", e.status, e.what) }

// newClient makes a client that follows no redirects: a provider's endpoints are where it says they are.
func newClient(timeout time.Duration) *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout, IdleConnTimeout: idle, MaxIdleConns: 16}
	return &http.Client{
		Timeout: timeout, Transport: bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded reads answers completely and with a limit, because the libraries above it read without one and put bodies into their
// errors. Discovery and keys must have been found and be JSON.
type bounded struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer: %w", err)
	case len(body) > maxAnswer:
		return nil, &answerError{resp.StatusCode, "too large"}
	case r.Method == http.MethodGet && resp.StatusCode != http.StatusOK:
		return nil, &answerError{resp.StatusCode, "nothing found"}
	case r.Method == http.MethodGet && !json.Valid(body):
		return nil, &answerError{resp.StatusCode, "not JSON"}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// isNetwork reports whether an error comes from the connection to the provider and not from what it signed.
func isNetwork(err error) bool {
	var answered *answerError
	var network *url.Error
	return errors.As(err, &answered) || errors.As(err, &network)
}
