package harness

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archiveclient"
)

// Upload is a file that a sender handed over, or is handing over.
type Upload struct {
	ID, State string
	Offset    int64 `json:",string"`
	Findings  []struct{ Reason string }
}

// BeginUpload announces a file.
func (c *Caller) BeginUpload(t testing.TB, name string, body []byte) Upload {
	t.Helper()
	sum := sha256.Sum256(body)
	return c.Announce(t, name, int64(len(body)), hex.EncodeToString(sum[:]))
}

// AppendUpload sends bytes from an offset on.
func (c *Caller) AppendUpload(t testing.TB, id string, offset int64, body []byte) Answer {
	t.Helper()
	return c.appendFrom(t, id, offset, bytes.NewReader(body), int64(len(body)))
}

// HandOver uploads a file and returns the upload's id.
func (c *Caller) HandOver(t testing.TB, name string, body []byte) string {
	t.Helper()
	u := c.BeginUpload(t, name, body)
	c.AppendUpload(t, u.ID, 0, body).Into(t, &u)
	require.Equal(t, "UPLOAD_STATE_READY", u.State, "%v", u.Findings)
	return u.ID
}

// PDF is a small PDF with bytes of its own.
func PDF() []byte {
	return []byte("%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n% " + rand.Text() + "\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n")
}

// HandedOver is a document whose file, and whose attachments, are uploaded, with its send request.
func (c *Caller) HandedOver(t testing.TB, recipient map[string]any, attachments ...[]byte) *Document {
	t.Helper()
	content := PDF()
	sum := sha256.Sum256(content)
	ids := []string{}
	for _, body := range attachments {
		ids = append(ids, c.HandOver(t, "첨부.pdf", body))
	}
	d := ByReference(c.HandOver(t, "시험 고지서.pdf", content), recipient, ids...)
	d.Bytes, d.Hash = content, hex.EncodeToString(sum[:])
	return d
}

// ByReference is a document of uploads, with its send request.
func ByReference(upload string, recipient map[string]any, attachments ...string) *Document {
	return &Document{Item: map[string]any{
		"ownKey": "key-" + rand.Text(), "recipient": recipient, "title": "시험용 안내문", "documentType": "DOCUMENT_TYPE_GENERAL", "category": "DOCUMENT_CATEGORY_NOTICE",
		"content": upload, "attachmentContents": attachments,
	}}
}

// SendDocument sends a document as this caller.
func (c *Caller) SendDocument(t testing.TB, d *Document) {
	t.Helper()
	var accepted struct{ EdocNum, Receipt string }
	c.Do(t, http.MethodPost, "/v1/documents", d.Item).Into(t, &accepted)
	d.EdocNum, d.Receipt = accepted.EdocNum, accepted.Receipt
}

// Viewing is a document that was opened at the relay.
type Viewing struct {
	Viewing, EdocNum string
	Parts            []struct {
		Part                int
		FileName, MediaType string
		Size                int64 `json:",string"`
	}
}

// OpenHere opens a document that the relay shows, with a new viewing token.
func (r *Recipient) OpenHere(t testing.TB, edocNum string) Viewing {
	t.Helper()
	token := r.ViewingToken(t, edocNum)
	require.Empty(t, token.URL)
	var v Viewing
	r.Do(t, http.MethodPost, "/v1/viewings", map[string]any{"token": token.Token, "requestId": rand.Text()}).Into(t, &v)
	return v
}

// Part reads a part of an opened document.
func (r *Recipient) Part(t testing.TB, viewing string, part int, query string) Answer {
	t.Helper()
	return r.Do(t, http.MethodGet, "/v1/viewings/"+viewing+"/parts/"+strconv.Itoa(part)+query, nil)
}

// ConfirmShown tells that the first page stands on the screen.
func (r *Recipient) ConfirmShown(t testing.TB, viewing string) Answer {
	t.Helper()
	return r.Do(t, http.MethodPost, "/v1/viewings/"+viewing+":shown", map[string]any{})
}

// Depositor is the archive for the relay itself, which deposits what senders hand over.
func (s *Stack) Depositor(t testing.TB) *archiveclient.Client {
	t.Helper()
	raw, err := os.ReadFile(s.Endpoints.Sandbox.Depositor)
	require.NoError(t, err)
	var member ArchiveMember
	require.NoError(t, json.Unmarshal(raw, &member))
	client, err := archiveclient.New(archiveclient.Options{BaseURL: s.Endpoints.Sandbox.Archive, HTTP: http.DefaultClient, MemberID: member.MemberID, Password: member.Password})
	require.NoError(t, err)
	return client
}
