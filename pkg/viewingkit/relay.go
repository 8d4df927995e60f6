package viewingkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Relay is the relay (중계자) the document was sent through.
type Relay interface {
	// VerifyToken has a viewing token verified (guide ❻, 열람인증토큰 검증). The
	// same token with the same requestID may be asked for again at once.
	VerifyToken(ctx context.Context, token, requestID string) (Verified, error)
	// ReportRead tells the relay when a document was shown. It is idempotent per
	// verification: the first accepted report wins.
	ReportRead(ctx context.Context, report ReadReport) error
}

// Verified is what a relay says about a good token.
type Verified struct {
	EdocNum        string    `json:"edocNum"`
	VerificationID string    `json:"verificationId"`
	VerifiedAt     time.Time `json:"verifiedAt"`
	// DocumentHash is the sent hash, RegisteredHash that of the registration
	// certificate (최초등록증명서).
	DocumentHash     Hash   `json:"documentHash"`
	AttachmentHashes []Hash `json:"attachmentHashes"`
	RegisteredHash   Hash   `json:"registeredHash"`
	// RegistrationCertificateDigest is the SHA-256 of that certificate, hexadecimal.
	RegistrationCertificateDigest string    `json:"registrationCertificateDigest"`
	Recipient                     Recipient `json:"recipient"`
	ViewingDeadline               time.Time `json:"viewingDeadline"`
}

// ReadReport tells that and when a document was shown (guide 5.1.1 7)).
type ReadReport struct {
	EdocNum        string `json:"edocNum"`
	VerificationID string `json:"verificationId"`
	// ReadAt is UTC with microseconds, taken after the last byte was written.
	ReadAt    time.Time `json:"readAt"`
	ShownHash Hash      `json:"shownHash"`
	// LogDigest is the digest of the log record of the check, hexadecimal.
	LogDigest string `json:"logDigest"`
}

// RelayError is an answer of the relay other than success, or none at all.
type RelayError struct {
	// Op is "verify token" or "report read".
	Op string
	// Status is the HTTP status; 0 when no answer came.
	Status int
	// Reason is the relay's machine reason, e.g. TOKEN_EXPIRED; may be empty.
	Reason string

	cause error
}

// Error never holds anything of the request.
func (e *RelayError) Error() string {
	s := fmt.Sprintf("relay: %s: status %d", e.Op, e.Status)
	if e.Reason != "" {
		s += ", reason " + e.Reason
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause when no answer came.
func (e *RelayError) Unwrap() error { return e.cause }

// Refused tells whether the relay judged and said no, so that repeating the call
// cannot help. 401 is a judgement about the viewing token only when the relay
// says so; otherwise it is about our own credentials.
func (e *RelayError) Refused() bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return slices.Contains([]string{"TOKEN_MALFORMED", "TOKEN_FORGED", "TOKEN_EXPIRED", "TOKEN_FOREIGN", "TOKEN_REPLAYED"}, e.Reason)
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone,
		http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

// IsRefused tells whether err is a RelayError that says no.
func IsRefused(err error) bool {
	var e *RelayError
	return errors.As(err, &e) && e.Refused()
}

// RelayOptions configure a RelayClient.
type RelayOptions struct {
	// BaseURL of the relay's REST door, e.g. https://relay.example; http only for
	// loopback addresses.
	BaseURL string
	// ClientID and ClientSecret of the viewing system (OAuth2 client credentials).
	ClientID     string
	ClientSecret string
	// Scopes asked for; none asks for what the client has.
	Scopes []string
	// HTTP is the client to use; nil means one with a timeout of 10 s.
	HTTP *http.Client
}

// RelayClient speaks to a relay's REST interface. It is safe for concurrent use.
type RelayClient struct {
	base   string
	http   *http.Client
	config clientcredentials.Config
	ctx    context.Context //nolint:containedctx // carries the HTTP client for the token source, as x/oauth2 wants it

	mu     sync.Mutex
	source oauth2.TokenSource
}

const (
	relayTimeout  = 10 * time.Second
	maxRelayBytes = 256 << 10
)

// verifyPauses are waited between attempts to verify: a verification that was
// lost on the way may be repeated with its request id for a minute.
func verifyPauses() []time.Duration {
	return []time.Duration{100 * time.Millisecond, 400 * time.Millisecond}
}

// NewRelay makes a client; ctx is used for its values only.
func NewRelay(ctx context.Context, o RelayOptions) (*RelayClient, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || !safeTransport(base) {
		return nil, errors.New("make relay client: base URL must be https, or http on a loopback address")
	}
	if o.ClientID == "" || o.ClientSecret == "" {
		return nil, errors.New("make relay client: client id and secret are required")
	}
	client := o.HTTP
	if client == nil {
		client = &http.Client{Timeout: relayTimeout}
	}
	c := &RelayClient{
		base: strings.TrimSuffix(o.BaseURL, "/"), http: client,
		ctx: context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, client),
	}
	c.config = clientcredentials.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: o.Scopes,
		TokenURL: c.base + "/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader,
	}
	c.source = c.config.TokenSource(c.ctx)
	return c, nil
}

func safeTransport(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return true
	case "http":
		return IsLoopback(u.Hostname())
	default:
		return false
	}
}

// VerifyToken implements Relay. It repeats a call that got no answer, with the
// same request id, twice.
func (c *RelayClient) VerifyToken(ctx context.Context, token, requestID string) (Verified, error) {
	const op = "verify token"
	body, err := json.Marshal(map[string]string{"token": token, "requestId": requestID})
	if err != nil {
		return Verified{}, fmt.Errorf("encode verification: %w", err)
	}
	for attempt := 0; ; attempt++ {
		var v Verified
		err := c.call(ctx, op, "/v1/viewing/tokens:verify", body, &v)
		if err == nil {
			if v.EdocNum == "" || v.VerificationID == "" || v.VerifiedAt.IsZero() {
				return Verified{}, &RelayError{Op: op, Status: http.StatusOK, cause: errors.New("the answer lacks required fields")}
			}
			return v, nil
		}
		pauses := verifyPauses()
		if attempt == len(pauses) || !lostOnTheWay(err) || !pause(ctx, pauses[attempt]) {
			return Verified{}, err
		}
	}
}

// ReportRead implements Relay with one attempt; a Reporter repeats it.
func (c *RelayClient) ReportRead(ctx context.Context, r ReadReport) error {
	body, err := json.Marshal(map[string]any{
		"verificationId": r.VerificationID, "readAt": r.ReadAt.UTC().Format(timeLayout), "shownHash": r.ShownHash, "logDigest": r.LogDigest,
	})
	if err != nil {
		return fmt.Errorf("encode read report: %w", err)
	}
	return c.call(ctx, "report read", "/v1/documents/"+url.PathEscape(r.EdocNum)+":reportRead", body, nil)
}

// timeLayout is RFC 3339 UTC with exactly six fractional digits.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func lostOnTheWay(err error) bool {
	var e *RelayError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// pause tells whether the whole time passed.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// call posts body and reads the answer into out. A token the relay no longer
// accepts is dropped and the call done once more.
func (c *RelayClient) call(ctx context.Context, op, path string, body []byte, out any) error {
	for fresh := false; ; fresh = true {
		token, err := c.token(fresh)
		if err != nil {
			return tokenError(op, err)
		}
		status, answer, err := c.post(ctx, path, token, body)
		if err != nil {
			return &RelayError{Op: op, cause: err}
		}
		if status == http.StatusUnauthorized && !fresh {
			continue
		}
		if status != http.StatusOK {
			return &RelayError{Op: op, Status: status, Reason: reasonIn(answer)}
		}
		if out == nil {
			return nil
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return &RelayError{Op: op, Status: status, cause: errors.New("the answer is not what was asked for")}
		}
		return nil
	}
}

func (c *RelayClient) token(fresh bool) (*oauth2.Token, error) {
	c.mu.Lock()
	if fresh {
		c.source = c.config.TokenSource(c.ctx)
	}
	source := c.source
	c.mu.Unlock()
	return source.Token()
}

// tokenError keeps what the token endpoint answered out of the error text.
func tokenError(op string, err error) error {
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) && answered.Response != nil {
		status := answered.Response.StatusCode
		if status == http.StatusBadRequest || status == http.StatusForbidden {
			status = http.StatusUnauthorized // our credentials were refused, not the token of the recipient
		}
		return &RelayError{Op: op, Status: status, Reason: "CLIENT_NOT_AUTHENTICATED"}
	}
	return &RelayError{Op: op, cause: errors.New("no access token: the relay's token endpoint did not answer")}
}

func (c *RelayClient) post(ctx context.Context, path string, token *oauth2.Token, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	token.SetAuthHeader(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxRelayBytes+1))
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	if len(answer) > maxRelayBytes {
		return 0, nil, errors.New("read answer: too large")
	}
	return resp.StatusCode, answer, nil
}

// reasonIn is the reason of a problem document, if it looks like one.
func reasonIn(answer []byte) string {
	var problem struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(answer, &problem) != nil || len(problem.Reason) > 64 {
		return ""
	}
	if strings.Trim(problem.Reason, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return ""
	}
	return problem.Reason
}
