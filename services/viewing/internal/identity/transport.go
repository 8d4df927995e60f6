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

// answerError is an answer that is none of a provider's.
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

// bounded reads answers whole and bounded, so that the libraries above it, which read without a bound and put bodies into their
// errors, see complete answers only. What is fetched (discovery and keys) must have been found and be JSON.
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

// isNetwork tells whether an error comes from the way to the provider and not from what it signed.
func isNetwork(err error) bool {
	var answered *answerError
	var network *url.Error
	return errors.As(err, &answered) || errors.As(err, &network)
}
