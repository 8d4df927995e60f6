package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"time"
)

// Pair is what a receiving office (제출처) presents: both certificates and the document that they should be about.
type Pair struct {
	// Distribution is the distribution certificate, a PDF.
	Distribution []byte
	// Original is the original certificate of the archive, DER.
	Original []byte
	// Document holds the document's bytes.
	Document []byte
	// At is the time of the check.
	At time.Time
}

// Check is the outcome of one check.
type Check struct {
	// Name identifies the check, for example "distribution.intact".
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Detail is a short machine-readable reason if the check did not pass.
	Detail string `json:"detail,omitempty"`
}

// PairVerifier makes the checks of guide 5.1.2 ❹: each certificate is intact, each issuer is right, and both hashes are equal to
// each other and to the document's. A failed check is a Check; an error means that the checks could not be made.
type PairVerifier interface {
	VerifyPair(ctx context.Context, p Pair) ([]Check, error)
}

type verifyAnswer struct {
	result
	Valid  bool    `json:"valid"`
	Checks []Check `json:"checks"`
}

var errCannotVerify = &failure{codeCertificateFailed, "증명서 유효성 검증을 수행할 수 없습니다"}

// verifyPair serves POST /api/cert/verify (ours): multipart/form-data or multipart/mixed with the parts distribution, original
// and document. It needs neither headers nor token, because a receiving office is no platform. resultCode 1 says that the checks
// were made; valid says that all passed.
func (s *System) verifyPair(ctx context.Context, c call) (any, error) {
	if s.verifier == nil {
		return nil, errCannotVerify
	}
	body, err := readBody(c.w, c.r, s.config.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	pair, err := readPair(c.r.Header.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	pair.At = s.Clock.Now()
	checks, err := s.verifier.VerifyPair(ctx, pair)
	if err != nil {
		return nil, err
	}
	// Only the hub itself knows whether it issued exactly these bytes.
	ours := Check{Name: "distribution.issued_by_hub", Passed: true}
	if _, err := issuedNumber(ctx, s.DB, pair.Distribution); errors.Is(err, errNotFound) {
		ours.Passed, ours.Detail = false, "not_issued"
	} else if err != nil {
		return nil, err
	}
	answer := verifyAnswer{result: success, Valid: true, Checks: append(checks, ours)}
	for _, c := range answer.Checks {
		answer.Valid = answer.Valid && c.Passed
	}
	return answer, nil
}

func readPair(contentType string, body []byte) (Pair, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(mediaType, "multipart/") || params["boundary"] == "" {
		return Pair{}, badForm("Content-Type")
	}
	var p Pair
	into := map[string]*[]byte{"distribution": &p.Distribution, "original": &p.Original, "document": &p.Document}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Pair{}, badForm("multipart")
		}
		target := into[part.FormName()]
		if part.FormName() == "" {
			// multipart/mixed parts carry their name without being form data.
			_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			target = into[disposition["name"]]
		}
		if target == nil || *target != nil {
			return Pair{}, badForm("multipart")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return Pair{}, badForm("multipart")
		}
		*target = append([]byte{}, content...)
	}
	for _, name := range []string{"distribution", "original", "document"} {
		if *into[name] == nil {
			return Pair{}, badForm(name)
		}
	}
	return p, nil
}
