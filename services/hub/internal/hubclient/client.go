package hubclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Client writes calls, sends them and knows which failures are caused by the token. It is safe for concurrent use.
type Client struct {
	config     Config
	platformID string
	base       string
	http       *http.Client
}

// New makes a client of the platform (중계자플랫폼ID, at most 25 characters).
func New(c Config, platformID string) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if !isText(platformID, maxPlatformID) {
		return nil, errors.New("make hub client: the platform id is not 1-25 characters")
	}
	var roots *x509.CertPool // nil are the system's
	if c.RootsFile != "" {
		var err error
		if roots, err = config.Roots(c.RootsFile); err != nil {
			return nil, fmt.Errorf("make hub client: %w", err)
		}
	}
	dialer := &net.Dialer{Timeout: c.ConnectTimeout.Std()}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.ConnectTimeout.Std(),
		ResponseHeaderTimeout:  c.AnswerTimeout.Std(),
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // store exactly what was received
		ForceAttemptHTTP2:      true,
	}
	return &Client{
		config: c, platformID: platformID, base: strings.TrimSuffix(c.BaseURL, "/"),
		http: &http.Client{
			Transport: transport,
			Timeout:   c.AnswerTimeout.Std(),
			// A redirect could carry personal data and the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

const (
	maxHeaderBytes  = 64 << 10
	idleConnections = 16
)

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// TokenFailed reports whether the hub refused because the access token is not valid, or no longer.
func (c *Client) TokenFailed(err error) bool { return refusedWith(err, c.config.ErrorCodes.Token) }

// AddressExists reports whether the hub refused because the address is registered already.
func (c *Client) AddressExists(err error) bool {
	return refusedWith(err, c.config.ErrorCodes.AddressExists)
}

// AddressUnknown reports whether the hub refused because there is no such address.
func (c *Client) AddressUnknown(err error) bool {
	return refusedWith(err, c.config.ErrorCodes.AddressUnknown)
}

// NoCirculation reports whether the hub refused because it holds nothing to certify.
func (c *Client) NoCirculation(err error) bool {
	return refusedWith(err, c.config.ErrorCodes.NoCirculation)
}

// Judge interprets the error of a Read function for this hub: a refusal with one of the retry codes becomes *TryLater.
func (c *Client) Judge(err error) error {
	var refused *Refused
	if errors.As(err, &refused) && slices.Contains(c.config.RetryCodes, refused.Code) {
		return &TryLater{Code: refused.Code}
	}
	return err
}

func refusedWith(err error, codes []string) bool {
	var refused *Refused
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}

// headers of an attempt, in the order they are recorded, without the token.
func (c *Client) headers(call Call, stamp Stamp) [][2]string {
	list := [][2]string{
		{"platform-id", c.platformID},
		{"req-UUID", stamp.RequestID.String()},
		{"req-date", Date(stamp.At)},
	}
	if call.ContentType != "" {
		list = append(list, [2]string{"Content-Type", call.ContentType})
	}
	return list
}

// Record is an attempt's request as it is stored: request line, headers and body as sent, without the access token and, for the
// token call, without secrets.
func (c *Client) Record(call Call, stamp Stamp) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP\r\n", call.Method, call.Target)
	for _, h := range c.headers(call, stamp) {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	b.Write(recordedBody(call.Operation, call.Body))
	return b.Bytes()
}

// RecordAnswer is an answer as it is kept.
func RecordAnswer(op Operation, a Answer) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP %d\r\nContent-Type: %s\r\n\r\n", a.Status, a.ContentType)
	b.Write(recordedBody(op, a.Body))
	return b.Bytes()
}

func recordedBody(op Operation, body []byte) []byte {
	if op == IssueToken {
		return WithoutSecrets(body)
	}
	return body
}

// Send makes one attempt. An error wraps ErrUnknown; it never repeats the target, which may hold personal data. With an error the
// Answer may still hold a status and the part of the body that came.
func (c *Client) Send(ctx context.Context, call Call, stamp Stamp, accessToken string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, call.Method, c.base+call.Target, bytes.NewReader(call.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("%w: the request could not be made", ErrUnknown)
	}
	for _, h := range c.headers(call, stamp) {
		// Set directly: the hub's header names are not in Go's canonical form.
		req.Header[h[0]] = []string{h[1]}
	}
	req.Header.Set("Accept", "application/json, multipart/mixed, text/plain")
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Answer{Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type")}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, call.AnswerLimit+1))
	if err != nil {
		return answer, transportError(ctx, err)
	}
	if int64(len(answer.Body)) > call.AnswerLimit {
		answer.Body = answer.Body[:call.AnswerLimit]
		return answer, garbage("the answer is larger than accepted")
	}
	return answer, nil
}

// transportError classifies an error without using the library's text, which repeats the URL.
func transportError(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: the hub did not answer in time", ErrUnknown)
	default:
		var verification *tls.CertificateVerificationError
		if errors.As(err, &verification) {
			return fmt.Errorf("%w: the hub's TLS certificate was not accepted", ErrUnknown)
		}
		return fmt.Errorf("%w: the connection did not hold", ErrUnknown)
	}
}
