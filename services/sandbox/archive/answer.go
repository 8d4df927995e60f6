package archive

import (
	"io"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// domain is the error domain of the archive.
const domain = "sandbox-archive"

const (
	reasonForm           scenario.Reason = "FORM_INVALID"
	reasonTooLarge       scenario.Reason = "DOCUMENT_TOO_LARGE"
	reasonHashMismatch   scenario.Reason = "HASH_MISMATCH"
	reasonAttachments    scenario.Reason = "ATTACHMENTS_DIFFER"
	reasonReference      scenario.Reason = "REFERENCE_IN_USE"
	reasonRefused        scenario.Reason = "DOCUMENT_REFUSED"
	reasonNoLookUp       scenario.Reason = "LOOK_UP_NOT_OFFERED"
	reasonLogIn          scenario.Reason = "LOG_IN_REFUSED"
	reasonToken          scenario.Reason = "TOKEN_INVALID"
	reasonDocument       scenario.Reason = "DOCUMENT_NOT_FOUND"
	reasonDocumentBroken scenario.Reason = "DOCUMENT_DAMAGED"
)

func badForm(field, rule string) error {
	return fault.New(fault.Invalid, domain, reasonForm, "the request is not of the documented form",
		fault.WithViolations(fault.Violation{Field: field, Rule: "form", Message: rule}))
}

func noDocument() error {
	return fault.New(fault.NotFound, domain, reasonDocument, "no such document of this member")
}

// decode reads exactly one JSON value that has only known names.
func decode(r io.Reader, into any) error {
	if scenario.Decode(r, into) != nil {
		return badForm("", "one JSON object with the documented names and nothing after it")
	}
	return nil
}
