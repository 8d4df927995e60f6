package archiveclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
)

// Submission is a document to register.
type Submission struct {
	// FileName and MediaType come back on issue; 1 to 255 and 1 to 100 printable characters.
	FileName, MediaType string
	// AttachmentHashes that the registration shall cover too: 0 to 10, SHA-256 in hexadecimal.
	AttachmentHashes []string
	// Open gives the document's bytes from the first; it is called again when the call has to be repeated. The reader is
	// closed if it can be.
	Open func() (io.Reader, error)
}

// Submit registers a document (문서 등록), at most 64 MiB. Registering the same bytes again gives the first registration.
// The answer's hash is compared with the bytes that were sent.
func (c *Client) Submit(ctx context.Context, s Submission) (*Document, error) {
	meta, err := json.Marshal(struct {
		FileName         string   `json:"fileName"`
		MediaType        string   `json:"mediaType"`
		AttachmentHashes []string `json:"attachmentHashes,omitempty"`
	}{s.FileName, s.MediaType, s.AttachmentHashes})
	if err != nil {
		return nil, fmt.Errorf("submit document: %w", err)
	}
	// One boundary for all tries; taken from a writer that writes nowhere.
	boundary := multipart.NewWriter(io.Discard).Boundary()
	var sent *upload
	response, err := c.call(ctx, http.MethodPost, "/archive/documents", "multipart/form-data; boundary="+boundary, func() (io.Reader, error) {
		content, err := s.Open()
		if err != nil {
			return nil, fmt.Errorf("open document: %w", err)
		}
		sent = startUpload(meta, boundary, content)
		return sent, nil
	})
	if err != nil {
		return nil, fmt.Errorf("submit document: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var d Document
	if err := readJSON(response, &d); err != nil {
		return nil, fmt.Errorf("submit document: %w", err)
	}
	if hash, ok := sent.hash(); !ok || hash != d.Hash {
		return nil, errors.New("submit document: archive answered about other bytes")
	}
	return &d, nil
}

// upload is a request body that is made while it is read. Reading ends with the writer's error, so the goroutine behind it
// ends with the body: the HTTP client always closes it.
type upload struct {
	*io.PipeReader
	done   chan struct{}
	digest string // set before done is closed, when everything was written
}

func startUpload(meta []byte, boundary string, content io.Reader) *upload {
	reader, writer := io.Pipe()
	u := &upload{PipeReader: reader, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		if closer, ok := content.(io.Closer); ok {
			defer func() { _ = closer.Close() }() // only read
		}
		digest, err := writeSubmission(writer, meta, boundary, content)
		if err == nil {
			u.digest = digest
		}
		_ = writer.CloseWithError(err) // never fails; nil means end of file
	}()
	return u
}

// hash is that of the bytes sent; false when they were not all sent.
func (u *upload) hash() (string, bool) {
	_ = u.Close() // never fails; frees a writer that nobody reads any more
	<-u.done
	return u.digest, u.digest != ""
}

func writeSubmission(w io.Writer, meta []byte, boundary string, content io.Reader) (string, error) {
	parts := multipart.NewWriter(w)
	if err := parts.SetBoundary(boundary); err != nil {
		return "", fmt.Errorf("set boundary: %w", err)
	}
	head, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="meta"`}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return "", fmt.Errorf("begin meta: %w", err)
	}
	if _, err := head.Write(meta); err != nil {
		return "", fmt.Errorf("write meta: %w", err)
	}
	body, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="document"; filename="document"`}, "Content-Type": {"application/octet-stream"},
	})
	if err != nil {
		return "", fmt.Errorf("begin document: %w", err)
	}
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(body, digest), content); err != nil {
		return "", fmt.Errorf("write document: %w", err)
	}
	if err := parts.Close(); err != nil {
		return "", fmt.Errorf("end document: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// Document asks for a registered document with its registration certificate.
func (c *Client) Document(ctx context.Context, documentID string) (*Document, error) {
	response, err := c.call(ctx, http.MethodGet, "/archive/documents/"+url.PathEscape(documentID), "", noBody)
	if err != nil {
		return nil, fmt.Errorf("ask for document: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var d Document
	if err := readJSON(response, &d); err != nil {
		return nil, fmt.Errorf("ask for document: %w", err)
	}
	return &d, nil
}

// Issue has a document issued again (문서 발급) and writes its bytes to w. When the bytes do not have the answer's hash, or
// do not arrive whole, the error says so and what was written to w is worthless.
func (c *Client) Issue(ctx context.Context, documentID string, w io.Writer) (*Issued, error) {
	response, err := c.call(ctx, http.MethodPost, "/archive/documents/"+url.PathEscape(documentID)+"/issue", "", noBody)
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

func noBody() (io.Reader, error) { return http.NoBody, nil }
