package archive

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/rest"
)

// centre is a certified archive. The official interface is not public, so what an archive speaks stands behind this; there is one
// adapter, for the open interface of pkg/archiveclient. Errors are *centreError, or wrap what reading the content returned.
type centre interface {
	// deposit registers a document, and reads its content anew at each call.
	deposit(ctx context.Context, s submission) (receipt, error)
	// find lists the registrations that may be the submission's, the first one first.
	find(ctx context.Context, s submission, by LookUp) ([]receipt, error)
	// issue has a registered document issued again, and writes its bytes. An error of to is returned as it is.
	issue(ctx context.Context, document string, to io.Writer) (*issued, error)
}

// issued is what the archive says of a document that it issues. The bytes that were written have its hash; nothing else was
// judged.
type issued struct {
	originalCertificate []byte
	size                int64
	hash, mediaType     string
}

// submission is what is deposited.
type submission struct {
	// number is the edoc number, our own reference at the archive.
	number      string
	hash        string
	attachments []string
	mediaType   string
	// sender is for whom this relay deposits; empty if it is not named.
	sender string
	open   func() (io.ReadCloser, error)
}

// receipt is what the archive answered about a registration. Nothing of it is believed before it was judged.
type receipt struct {
	document     string
	certificate  []byte
	answerDigest string
}

// centreError is a call to the archive that gave no receipt.
type centreError struct {
	failure archiveclient.Failure
	cause   error
}

// Error says what an operator may read: no text of the archive's is repeated.
func (e *centreError) Error() string {
	var problem *rest.Problem
	switch {
	case errors.As(e.cause, &problem) && reasonForm.MatchString(problem.Reason):
		return "answered with status " + strconv.Itoa(problem.Status) + " " + problem.Reason
	case errors.As(e.cause, &problem):
		return "answered with status " + strconv.Itoa(problem.Status)
	case e.failure == archiveclient.NotReached:
		return "unreachable"
	case errors.Is(e.cause, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return "no answer that can be used"
	}
}

func (e *centreError) Unwrap() error { return e.cause }

var reasonForm = regexp.MustCompile(`^[A-Z0-9_]{1,60}$`)

// openCentre speaks the open interface.
type openCentre struct{ client *archiveclient.Client }

const (
	maxHeaderBytes = 64 << 10
	// sendBuffer: what is uploaded goes in pieces of this size, not in the 4 KiB that are usual.
	sendBuffer = 256 << 10
)

func newCentre(c Centre, workers int) (*openCentre, error) {
	var roots *x509.CertPool // nil: the system's
	if c.RootsFile != "" {
		var err error
		if roots, err = config.Roots(c.RootsFile); err != nil {
			return nil, fmt.Errorf("make archive client: %w", err)
		}
	}
	dialer := &net.Dialer{Timeout: c.ConnectTimeout.Std()}
	client, err := archiveclient.New(archiveclient.Options{
		BaseURL: c.BaseURL, MemberID: c.MemberID, Password: string(c.PasswordFile.Value()),
		HTTP: &http.Client{Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: c.ConnectTimeout.Std(), ResponseHeaderTimeout: c.AnswerTimeout.Std(), MaxResponseHeaderBytes: maxHeaderBytes,
			MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute, WriteBufferSize: sendBuffer, ForceAttemptHTTP2: true,
		}},
	})
	if err != nil {
		return nil, err
	}
	return &openCentre{client: client}, nil
}

func (c *openCentre) deposit(ctx context.Context, s submission) (receipt, error) {
	registration := archiveclient.Submission{
		FileName: s.number, MediaType: s.mediaType, Hash: s.hash, AttachmentHashes: s.attachments, Reference: s.number, OnBehalfOf: s.sender,
		Open: func() (io.Reader, error) { return s.open() },
	}
	d, err := c.client.Submit(ctx, registration)
	if err != nil {
		return receipt{}, failed(err)
	}
	return receiptOf(*d), nil
}

func (c *openCentre) find(ctx context.Context, s submission, by LookUp) ([]receipt, error) {
	find, key := c.client.FindByReference, s.number
	if by == ByHash {
		find, key = c.client.FindByHash, s.hash
	}
	found, err := find(ctx, key)
	if err != nil {
		return nil, failed(err)
	}
	receipts := make([]receipt, len(found))
	for i, d := range found {
		receipts[i] = receiptOf(d)
	}
	return receipts, nil
}

func (c *openCentre) issue(ctx context.Context, document string, to io.Writer) (*issued, error) {
	d, err := c.client.Issue(ctx, document, to)
	if err != nil {
		return nil, failed(err)
	}
	return &issued{originalCertificate: d.OriginalCertificate, size: d.Size, hash: d.Hash, mediaType: d.MediaType}, nil
}

func receiptOf(d archiveclient.Document) receipt {
	return receipt{document: d.DocumentID, certificate: d.RegistrationCertificate, answerDigest: d.AnswerDigest}
}

// failed keeps an error of the content apart from one of the archive.
func failed(err error) error {
	var content *contentError
	if errors.As(err, &content) {
		return content
	}
	return &centreError{failure: archiveclient.FailureOf(err), cause: err}
}
