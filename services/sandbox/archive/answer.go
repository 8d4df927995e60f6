package archive

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// domain is the error domain of the archive.
const domain = "sandbox-archive"

type reason string

func (r reason) String() string { return "REASON_" + string(r) }

const (
	reasonForm           reason = "FORM_INVALID"
	reasonTooLarge       reason = "DOCUMENT_TOO_LARGE"
	reasonHashMismatch   reason = "HASH_MISMATCH"
	reasonAttachments    reason = "ATTACHMENTS_DIFFER"
	reasonLogIn          reason = "LOG_IN_REFUSED"
	reasonToken          reason = "TOKEN_INVALID"
	reasonDocument       reason = "DOCUMENT_NOT_FOUND"
	reasonDocumentBroken reason = "DOCUMENT_DAMAGED"
)

func badForm(field, rule string) error {
	return fault.New(fault.Invalid, domain, reasonForm, "the request is not of the documented form",
		fault.WithViolations(fault.Violation{Field: field, Rule: "form", Message: rule}))
}

func noDocument() error {
	return fault.New(fault.NotFound, domain, reasonDocument, "no such document of this member")
}

// refuse answers with a problem document; what is our own fault goes to the log.
func (s *System) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Corrupt || kind == fault.Unavailable {
		s.log.LogAttrs(ctx, slog.LevelError, "archive call not answered", slog.Any("error", err))
	}
	scenario.WriteError(w, err)
}

// maxJSONBytes bounds every JSON body and part.
const maxJSONBytes = 64 << 10

// decode reads exactly one JSON value with known names only.
func decode(r io.Reader, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r, maxJSONBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return badForm("", "one JSON object with the documented names")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return badForm("", "one JSON object and nothing after it")
	}
	return nil
}
