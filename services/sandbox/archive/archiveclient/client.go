// Package archiveclient is a client of the sandbox's certified archive: log in, register documents, have them issued again
// and check certificates. It streams documents in both directions and believes no answer that contradicts the bytes it
// carried itself.
//
// It does not verify the certificates it receives; package archivecert does.
package archiveclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const maxJSONBytes = 1 << 20

// Options of New. All are required.
type Options struct {
	// BaseURL of the archive, e.g. https://127.0.0.1:8443.
	BaseURL string
	// HTTP carries trust (the pinned root) and time-outs.
	HTTP *http.Client
	// MemberID and Password of the depositor.
	MemberID, Password string
}

// Client speaks for one member. It logs in by itself when it has no token or the archive refuses it. Safe for concurrent
// use.
type Client struct {
	opts  Options
	base  *url.URL
	mu    sync.Mutex
	token string
}

// Problem is an error answer of the archive (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Error tells status, reason and detail.
func (p *Problem) Error() string {
	return fmt.Sprintf("archive answered %d %s: %s", p.Status, p.Reason, p.Detail)
}

// Document is a registered document.
type Document struct {
	DocumentID        string    `json:"documentId"`
	HashAlgorithm     string    `json:"hashAlgorithm"`
	Hash              string    `json:"hash"`
	AttachmentHashes  []string  `json:"attachmentHashes"`
	Size              int64     `json:"size"`
	FileName          string    `json:"fileName"`
	MediaType         string    `json:"mediaType"`
	RegisteredAt      time.Time `json:"registeredAt"`
	CertificateNumber string    `json:"certificateNumber"`
	// RegistrationCertificate is DER, see archivecert.
	RegistrationCertificate []byte `json:"registrationCertificate"`
	// Duplicate says that it had been registered before.
	Duplicate bool `json:"duplicate"`
}

// Issued is a document that was issued again.
type Issued struct {
	Document
	OriginalCertificateNumber string `json:"originalCertificateNumber"`
	// OriginalCertificate is DER, see archivecert.
	OriginalCertificate []byte `json:"originalCertificate"`
}

// Verdict is the archive's own word on a certificate.
type Verdict struct {
	Valid    bool     `json:"valid"`
	Issued   bool     `json:"issued"`
	Failures []string `json:"failures"`
	Kind     string   `json:"kind"`
}

// New checks the options; it makes no call.
func New(opts Options) (*Client, error) {
	base, err := url.Parse(opts.BaseURL)
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" {
		return nil, errors.New("make archive client: base URL")
	}
	if opts.HTTP == nil || opts.MemberID == "" || opts.Password == "" {
		return nil, errors.New("make archive client: HTTP client, member id and password are required")
	}
	return &Client{opts: opts, base: base}, nil
}

// Login gets a fresh token. Other calls do it by themselves.
func (c *Client) Login(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"memberId": c.opts.MemberID, "password": c.opts.Password})
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	response, err := c.send(ctx, http.MethodPost, "/archive/login", "application/json", bytes.NewReader(body), "")
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Token string `json:"token"`
	}
	if err := readJSON(response, &answer); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if answer.Token == "" {
		return errors.New("log in: answer without a token")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = answer.Token
	return nil
}

// Verify asks the archive about a certificate; hash (hexadecimal) may be empty. It needs no log-in.
func (c *Client) Verify(ctx context.Context, der []byte, hash string) (*Verdict, error) {
	body, err := json.Marshal(struct {
		Certificate []byte `json:"certificate"`
		Hash        string `json:"hash,omitempty"`
	}{der, hash})
	if err != nil {
		return nil, fmt.Errorf("verify certificate: %w", err)
	}
	response, err := c.send(ctx, http.MethodPost, "/archive/verify", "application/json", bytes.NewReader(body), "")
	if err != nil {
		return nil, fmt.Errorf("verify certificate: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var verdict Verdict
	if err := readJSON(response, &verdict); err != nil {
		return nil, fmt.Errorf("verify certificate: %w", err)
	}
	return &verdict, nil
}

// call sends an authenticated request. open gives the body anew for each try, so that an expired token costs one more
// try.
func (c *Client) call(ctx context.Context, method, path, contentType string, open func() (io.Reader, error)) (*http.Response, error) {
	for try := 1; ; try++ {
		token, err := c.currentToken(ctx)
		if err != nil {
			return nil, err
		}
		body, err := open()
		if err != nil {
			return nil, err
		}
		response, err := c.send(ctx, method, path, contentType, body, token)
		var problem *Problem
		if try > 1 || !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized {
			return response, err
		}
		c.forget(token)
	}
}

func (c *Client) currentToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	if token != "" {
		return token, nil
	}
	if err := c.Login(ctx); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, nil
}

func (c *Client) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// send makes one call; an answer of another status than 2xx is a *Problem.
func (c *Client) send(ctx context.Context, method, path, contentType string, body io.Reader, token string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.opts.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call archive: %w", err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	problem := &Problem{}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxJSONBytes)).Decode(problem); err != nil {
		problem = &Problem{Detail: "answer is no problem document"}
	}
	problem.Status = response.StatusCode
	return nil, problem
}

// readJSON reads a JSON answer.
func readJSON(response *http.Response, into any) error {
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || !strings.EqualFold(media, "application/json") {
		return errors.New("answer is not JSON")
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxJSONBytes)).Decode(into); err != nil {
		return errors.New("answer cannot be read")
	}
	return nil
}
