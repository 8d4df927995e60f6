// Package archiveclient is a client of a certified archive (공인전자문서센터): it logs in, registers documents, finds registrations
// again, has documents issued again and asks about certificates. It streams documents in both directions, and rejects an answer
// that contradicts the bytes it has carried. No error repeats a password or a token.
//
// The official interface (공인전자문서센터_연계_인터페이스_기술규격) is not public. This is the open one that the sandbox archive serves
// (services/sandbox/archive); no conformity is claimed.
//
// It does not verify the certificates it receives; package archivecert does.
package archiveclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/naru-relay/naru/pkg/rest"
)

const logInPath = "/archive/login"

// maxJSONBytes limits a JSON answer, and the JSON part of an issued document.
const maxJSONBytes = 1 << 20

// Options of New. All are required.
type Options struct {
	// BaseURL of the archive, e.g. https://127.0.0.1:8443.
	BaseURL string
	// HTTP holds the trusted root and the time-outs.
	HTTP *http.Client
	// MemberID and Password of the depositor.
	MemberID, Password string
}

// Client acts for one member. It logs in when it has no token or the archive refuses its token. It is safe for concurrent use.
type Client struct {
	opts           Options
	anyone, member *rest.Client
}

// Problem is an error answer of the archive (RFC 9457).
type Problem = rest.Problem

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
	// RegistrationCertificate is DER; package archivecert reads it.
	RegistrationCertificate []byte `json:"registrationCertificate"`
	// Reference and OnBehalfOf are as in the Submission; empty without one.
	Reference  string `json:"reference,omitempty"`
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
	// Duplicate is true if the document was already registered.
	Duplicate bool `json:"duplicate"`
	// AnswerDigest is the SHA-256 of the JSON that came, lower-case hexadecimal.
	AnswerDigest string `json:"-"`
}

// answer reads a Document and keeps the digest of what it was read from.
type answer struct{ Document }

// UnmarshalJSON implements json.Unmarshaler.
func (a *answer) UnmarshalJSON(raw []byte) error {
	digest := sha256.Sum256(raw)
	a.AnswerDigest = hex.EncodeToString(digest[:])
	return json.Unmarshal(raw, &a.Document)
}

// Issued is a document that was issued again.
type Issued struct {
	Document
	OriginalCertificateNumber string `json:"originalCertificateNumber"`
	// OriginalCertificate is DER; package archivecert reads it.
	OriginalCertificate []byte `json:"originalCertificate"`
}

// Verdict is the archive's answer about a certificate.
type Verdict struct {
	Valid    bool     `json:"valid"`
	Issued   bool     `json:"issued"`
	Failures []string `json:"failures"`
	Kind     string   `json:"kind"`
}

// New checks the options; it makes no call.
func New(opts Options) (*Client, error) {
	if opts.MemberID == "" || opts.Password == "" {
		return nil, errors.New("make archive client: member id and password are required")
	}
	door, err := rest.New(rest.Options{BaseURL: opts.BaseURL, HTTP: opts.HTTP, MaxAnswer: maxJSONBytes})
	if err != nil {
		return nil, fmt.Errorf("make archive client: %w", err)
	}
	c := &Client{opts: opts, anyone: door}
	c.member = door.WithLogIn(c.logIn)
	return c, nil
}

// Login gets a new token. Other calls log in by themselves.
func (c *Client) Login(ctx context.Context) error { return c.member.LogIn(ctx) }

func (c *Client) logIn(ctx context.Context) (*oauth2.Token, error) {
	var answer struct {
		Token string `json:"token"`
	}
	request := map[string]string{"memberId": c.opts.MemberID, "password": c.opts.Password}
	if err := c.anyone.JSON(ctx, http.MethodPost, logInPath, nil, request, &answer); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	if answer.Token == "" {
		return nil, errors.New("log in: answer without a token")
	}
	return &oauth2.Token{AccessToken: answer.Token}, nil
}

// Verify asks the archive about a certificate. hash is hexadecimal and may be empty. The call needs no log-in.
func (c *Client) Verify(ctx context.Context, der []byte, hash string) (*Verdict, error) {
	request := struct {
		Certificate []byte `json:"certificate"`
		Hash        string `json:"hash,omitempty"`
	}{der, hash}
	var verdict Verdict
	if err := c.anyone.JSON(ctx, http.MethodPost, "/archive/verify", nil, request, &verdict); err != nil {
		return nil, fmt.Errorf("verify certificate: %w", err)
	}
	return &verdict, nil
}
