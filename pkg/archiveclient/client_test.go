package archiveclient_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archiveclient"
)

// liar is an archive that accepts every log-in and answers all other calls with answer.
func liar(t *testing.T, answer http.HandlerFunc) *archiveclient.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /archive/login", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"token":"t"}`)
	})
	mux.HandleFunc("/", answer)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := archiveclient.New(archiveclient.Options{BaseURL: server.URL, HTTP: server.Client(), MemberID: "m", Password: "p"})
	require.NoError(t, err)
	return client
}

func submission(content []byte) archiveclient.Submission {
	return archiveclient.Submission{FileName: "a", MediaType: "text/plain", Open: func() (io.Reader, error) { return bytes.NewReader(content), nil }}
}

func hashOf(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

func TestSubmitDisbelieves(t *testing.T) {
	t.Parallel()
	_, err := liar(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		writeJSON(w, `{"hash":"`+hashOf("다른 문서")+`"}`)
	}).Submit(t.Context(), submission([]byte("문서")))
	require.ErrorContains(t, err, "other bytes")

	// An archive that answers before it has read the document cannot know its hash.
	large := bytes.Repeat([]byte("x"), 8<<20)
	_, err = liar(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, `{"hash":"`+hashOf(string(large))+`"}`)
	}).Submit(t.Context(), submission(large))
	require.Error(t, err)

	for name, answer := range map[string]http.HandlerFunc{
		"is not JSON":      func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"cannot unmarshal": func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"hash":1}`) },
		"502 Bad Gateway":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"401 TOKEN_INVALID - zu": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"reason":"TOKEN_INVALID","detail":"zu"}`)
		},
		"409 SOMETHING - details": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(409)
			_, _ = io.WriteString(w, `{"reason":"SOMETHING","detail":"details"}`)
		},
	} {
		_, err := liar(t, answer).Submit(t.Context(), submission([]byte("문서")))
		require.ErrorContains(t, err, name)
	}
	unreadable := submission(nil)
	unreadable.Open = func() (io.Reader, error) { return nil, errors.New("no such file") }
	_, err = liar(t, http.NotFound).Submit(t.Context(), unreadable)
	require.ErrorContains(t, err, "no such file")
}

func TestDocumentDisbelieves(t *testing.T) {
	t.Parallel()
	_, err := liar(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"documentId":"other"}`) }).Document(t.Context(), "d")
	require.ErrorContains(t, err, "another document")
}

func TestIssueDisbelieves(t *testing.T) {
	t.Parallel()
	issued := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/mixed; boundary=b")
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "\n", "\r\n"))
		}
	}
	head := fmt.Sprintf("--b\nContent-Type: application/json\n\n{\"hash\":%q}\n", hashOf("문서"))
	var got bytes.Buffer
	answer, err := liar(t, issued(head+"--b\n\n문서\n--b--\n")).Issue(t.Context(), "d", &got)
	require.NoError(t, err)
	require.Equal(t, "문서", got.String())
	require.Equal(t, hashOf("문서"), answer.Hash)
	for body, want := range map[string]string{
		head + "--b\n\n다른 문서\n--b--\n":           "do not have the stated hash",
		head + "--b\n\n문":                        "did not arrive whole",
		head + "--b\n\n문서\n--b\n\nmore\n--b--\n": "did not arrive whole",
		head + "--b--\n":                         "document is missing",
		"--b\n\nnot json\n--b\n\n문서\n--b--\n":    "cannot be read",
		"": "cannot be read",
	} {
		_, err := liar(t, issued(body)).Issue(t.Context(), "d", io.Discard)
		require.ErrorContains(t, err, want)
	}
	_, err = liar(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "{}") }).Issue(t.Context(), "d", io.Discard)
	require.ErrorContains(t, err, "not multipart")
}

func TestNewRefusals(t *testing.T) {
	t.Parallel()
	good := archiveclient.Options{BaseURL: "https://archive.invalid", HTTP: http.DefaultClient, MemberID: "m", Password: "p"}
	for _, edit := range []func(*archiveclient.Options){
		func(o *archiveclient.Options) { o.BaseURL = "archive.invalid" },
		func(o *archiveclient.Options) { o.BaseURL = "ftp://archive.invalid" },
		func(o *archiveclient.Options) { o.HTTP = nil },
		func(o *archiveclient.Options) { o.MemberID = "" },
		func(o *archiveclient.Options) { o.Password = "" },
	} {
		opts := good
		edit(&opts)
		_, err := archiveclient.New(opts)
		require.Error(t, err)
	}
}
