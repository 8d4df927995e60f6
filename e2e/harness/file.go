package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
)

// File is a file that is made while it is read, so that nobody holds it.
type File struct {
	Size int64
	// Hash is its SHA-256, hexadecimal.
	Hash string
	open func() io.Reader
}

// Open reads the file from its beginning.
func (f File) Open() io.Reader { return f.open() }

// MakeFile describes a file of what a reader gives, always the same.
func MakeFile(open func() io.Reader) (File, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, open())
	if err != nil {
		return File{}, fmt.Errorf("make a file: %w", err)
	}
	return File{Size: size, Hash: hex.EncodeToString(sum.Sum(nil)), open: open}, nil
}

// Noise reads bytes without end that look random and are the same for the same seed.
func Noise(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) } //nolint:gosec // nothing secret

// Announce begins the upload of a PDF.
func (c *Caller) Announce(t testing.TB, name string, size int64, hash string) (u Upload) {
	t.Helper()
	c.Do(t, http.MethodPost, "/v1/uploads", map[string]any{
		"fileName": name, "mediaType": "application/pdf", "size": strconv.FormatInt(size, 10),
		"hash": map[string]any{"algorithm": "SHA-256", "value": hash},
	}).Into(t, &u)
	return u
}

// HandOverFile uploads a file in one stream, and returns what became of it. A file that is looked through for longer than a call
// may take is answered 504, and the upload itself says what became of it.
func (c *Caller) HandOverFile(t testing.TB, name string, f File) Upload {
	t.Helper()
	u := c.Announce(t, name, f.Size, f.Hash)
	answer := c.appendFrom(t, u.ID, 0, f.Open(), f.Size)
	if answer.Status != http.StatusGatewayTimeout {
		answer.Into(t, &u)
		return u
	}
	await.Require(t, Patience, func() bool {
		c.Do(t, http.MethodGet, "/v1/uploads/"+u.ID, nil).Into(t, &u)
		return u.State == "UPLOAD_STATE_READY" || u.State == "UPLOAD_STATE_REFUSED"
	})
	return u
}

func (c *Caller) appendFrom(t testing.TB, id string, offset int64, body io.Reader, size int64) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, c.stack.Endpoints.REST+"/v1/uploads/"+id, body)
	require.NoError(t, err)
	request.ContentLength = size
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	answer, err := send(c.sign(request))
	require.NoError(t, err)
	return answer
}

// HashPart reads a part of an opened document and keeps nothing of it but its SHA-256 and size.
func (r *Recipient) HashPart(t testing.TB, viewing string, part int) (hash string, size int64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.stack.Endpoints.REST+"/v1/viewings/"+viewing+"/parts/"+strconv.Itoa(part), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r.sign(request))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	sum := sha256.New()
	size, err = io.Copy(sum, response.Body)
	require.NoError(t, err)
	return hex.EncodeToString(sum.Sum(nil)), size
}
