package archiveclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/naru-relay/naru/pkg/rest"
)

// Submission is a document to register.
type Submission struct {
	// FileName and MediaType are returned by Issue. They have 1 to 255 and 1 to 100 printable characters.
	FileName, MediaType string
	// AttachmentHashes are hashes that the registration covers too: 0 to 10, SHA-256 in hexadecimal.
	AttachmentHashes []string
	// Hash is what the document must have (SHA-256, hexadecimal), or the archive refuses it; empty: whatever it has.
	Hash string
	// Reference is the depositor's own key of this registration, 1 to 64 of A-Z a-z 0-9 . _ -: a repetition under it gives the
	// first registration. Empty: the same bytes are registered once.
	Reference string
	// OnBehalfOf is for whom the member deposits, 1 to 100 printable characters; empty: for itself.
	OnBehalfOf string
	// Open returns the document's bytes from the beginning. It is called again if the call has to be repeated. The reader is
	// closed if it is an io.Closer.
	Open func() (io.Reader, error)
}

// Submit registers a document (문서 등록). The hash in the answer is compared with the bytes that were sent.
func (c *Client) Submit(ctx context.Context, s Submission) (*Document, error) {
	meta, err := json.Marshal(struct {
		FileName         string   `json:"fileName"`
		MediaType        string   `json:"mediaType"`
		AttachmentHashes []string `json:"attachmentHashes,omitempty"`
		Hash             string   `json:"hash,omitempty"`
		Reference        string   `json:"reference,omitempty"`
		OnBehalfOf       string   `json:"onBehalfOf,omitempty"`
	}{s.FileName, s.MediaType, s.AttachmentHashes, s.Hash, s.Reference, s.OnBehalfOf})
	if err != nil {
		return nil, fmt.Errorf("submit document: %w", err)
	}
	var sent hash.Hash
	var d answer
	err = c.member.Upload(ctx, "/archive/documents", func() ([]rest.Part, error) {
		content, err := s.Open()
		if err != nil {
			return nil, fmt.Errorf("open document: %w", err)
		}
		sent = sha256.New()
		return []rest.Part{
			{Name: "meta", ContentType: "application/json", Content: bytes.NewReader(meta)},
			{Name: "document", ContentType: "application/octet-stream", Content: hashing{content, sent}},
		}, nil
	}, &d)
	if err != nil {
		return nil, fmt.Errorf("submit document: %w", err)
	}
	if hex.EncodeToString(sent.Sum(nil)) != d.Hash {
		return nil, errors.New("submit document: archive answered about other bytes")
	}
	return &d.Document, nil
}

// FindByReference lists this member's registrations under its own reference, the first one first: none or one.
func (c *Client) FindByReference(ctx context.Context, reference string) ([]Document, error) {
	return c.find(ctx, "reference", reference)
}

// FindByHash lists this member's registrations of a document, the first one first, at most 20.
func (c *Client) FindByHash(ctx context.Context, hash string) ([]Document, error) {
	return c.find(ctx, "hash", hash)
}

func (c *Client) find(ctx context.Context, by, value string) ([]Document, error) {
	var found struct {
		Documents []answer `json:"documents"`
	}
	if err := c.member.JSON(ctx, http.MethodGet, "/archive/documents", url.Values{by: {value}}, nil, &found); err != nil {
		return nil, fmt.Errorf("find documents by %s: %w", by, err)
	}
	documents := make([]Document, len(found.Documents))
	for i, one := range found.Documents {
		if by == "hash" && one.Hash != value || by == "reference" && one.Reference != value {
			return nil, fmt.Errorf("find documents by %s: archive answered about another document", by)
		}
		documents[i] = one.Document
	}
	return documents, nil
}

// hashing hashes the bytes that are read through it.
type hashing struct {
	content io.Reader
	digest  hash.Hash
}

// Read implements io.Reader.
func (h hashing) Read(p []byte) (int, error) {
	n, err := h.content.Read(p)
	_, _ = h.digest.Write(p[:n]) // never fails
	return n, err
}

// Close implements io.Closer.
func (h hashing) Close() error {
	if closer, ok := h.content.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Document returns a registered document with its registration certificate.
func (c *Client) Document(ctx context.Context, documentID string) (*Document, error) {
	var d answer
	if err := c.member.JSON(ctx, http.MethodGet, "/archive/documents/"+url.PathEscape(documentID), nil, nil, &d); err != nil {
		return nil, fmt.Errorf("ask for document: %w", err)
	}
	if d.DocumentID != documentID {
		return nil, errors.New("ask for document: archive answered about another document")
	}
	return &d.Document, nil
}

// Issue has a document issued again (문서 발급) and writes its bytes to w. If the bytes do not have the hash of the answer, or are
// incomplete, Issue returns an error and the bytes in w must not be used.
func (c *Client) Issue(ctx context.Context, documentID string, w io.Writer) (*Issued, error) {
	response, err := c.member.Open(ctx, http.MethodPost, "/archive/documents/"+url.PathEscape(documentID)+"/issue")
	if err != nil {
		return nil, fmt.Errorf("issue document: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	media, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "multipart/mixed" {
		return nil, errors.New("issue document: answer is not multipart")
	}
	parts := multipart.NewReader(response.Body, parameters["boundary"])
	head, err := parts.NextPart()
	if err != nil {
		return nil, errors.New("issue document: answer cannot be read")
	}
	var issued Issued
	if err := json.NewDecoder(io.LimitReader(head, maxJSONBytes)).Decode(&issued); err != nil {
		return nil, errors.New("issue document: answer cannot be read")
	}
	body, err := parts.NextPart()
	if err != nil {
		return nil, errors.New("issue document: document is missing")
	}
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, digest), body); err != nil {
		return nil, fmt.Errorf("issue document: document did not arrive whole: %w", err)
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		return nil, errors.New("issue document: document did not arrive whole")
	}
	if hex.EncodeToString(digest.Sum(nil)) != issued.Hash {
		return nil, errors.New("issue document: bytes do not have the stated hash")
	}
	return &issued, nil
}
