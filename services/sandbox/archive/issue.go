package archive

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// owned finds the document that the path names. Another member's document gets the same answer as an unknown one.
func (s *System) owned(r *http.Request, m member) (document, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return document{}, noDocument()
	}
	return findDocument(r.Context(), s.DB, id, m.ID)
}

func (s *System) show(_ http.ResponseWriter, r *http.Request, m member) (any, error) {
	d, err := s.owned(r, m)
	if err != nil {
		return nil, err
	}
	return s.answerDocument(d, true)
}

// find lists what this member registered under its reference, or of one hash.
func (s *System) find(_ http.ResponseWriter, r *http.Request, m member) (any, error) {
	reference, hash := r.URL.Query().Get("reference"), r.URL.Query().Get("hash")
	if _, forgetful := s.Scenarios.Take(scenario.Forgetful, hash); forgetful {
		return nil, fault.New(fault.NotFound, domain, reasonNoLookUp, "this archive offers no look-up")
	}
	if (reference == "") == (hash == "") {
		return nil, badForm("", "either reference or hash")
	}
	found, err := findOwn(r.Context(), s.DB, m.ID, reference, strings.ToLower(hash))
	if err != nil {
		return nil, err
	}
	answers := make([]documentAnswer, len(found))
	for i, d := range found {
		if answers[i], err = s.answerDocument(d, true); err != nil {
			return nil, err
		}
	}
	return map[string]any{"documents": answers}, nil
}

func (s *System) registrationCertificate(w http.ResponseWriter, r *http.Request, m member) (any, error) {
	d, err := s.owned(r, m)
	if err != nil {
		return nil, err
	}
	der, err := s.registrationFor(d)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", archivecert.MediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(der)))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(der) // a caller that lost the connection asks again
	return scenario.Written{}, nil
}

// issuedAnswer is the JSON part of the answer to 문서 발급.
type issuedAnswer struct {
	documentAnswer
	OriginalCertificateNumber string `json:"originalCertificateNumber"`
	OriginalCertificate       []byte `json:"originalCertificate"` // base64
}

// issue serves 문서 발급: the stored bytes with a new original certificate. All bytes are checked against the registered hash before
// the first one is sent.
func (s *System) issue(w http.ResponseWriter, r *http.Request, m member) (any, error) {
	ctx := r.Context()
	d, err := s.owned(r, m)
	if err != nil {
		return nil, err
	}
	file, err := s.files.open(d.ID, d.Hash)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	c, err := s.certify(ctx, s.DB, archivecert.KindOriginal, d, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	der, err := s.distort(c, d)
	if err != nil {
		return nil, err
	}
	answer := issuedAnswer{
		documentAnswer: answerOf(d, d.Certificate, true), OriginalCertificateNumber: c.Number, OriginalCertificate: der,
	}
	parts := multipart.NewWriter(w)
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
	w.Header().Set("Cache-Control", "no-store")
	if err := writeIssued(parts, answer, d.MediaType, file); err != nil {
		// The status has been sent already; the caller sees an unfinished multipart body.
		s.Log.LogAttrs(ctx, slog.LevelInfo, "issued document not written to its end", slog.Any("error", err))
	}
	return scenario.Written{}, nil
}

func writeIssued(parts *multipart.Writer, answer issuedAnswer, mediaType string, content io.Reader) error {
	head, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
	if err != nil {
		return fmt.Errorf("begin answer: %w", err)
	}
	if err := json.NewEncoder(head).Encode(answer); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	body, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {mediaType}})
	if err != nil {
		return fmt.Errorf("begin document: %w", err)
	}
	if _, err := io.Copy(body, content); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return parts.Close()
}
