package hubclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/limits"
)

// ErrUnknown says that a call's outcome is unknown: it may or may not have been done, and may be sent again.
var ErrUnknown = errors.New("the outcome of the hub call is unknown")

// Refused is an answer with resultCode 0: the hub did not do what was asked.
type Refused struct {
	// Code is the hub's errCode, e.g. ERR-01-303; empty if it gave none. The message is not kept, because it may repeat values.
	Code string
}

// Error is the code.
func (r *Refused) Error() string { return "the hub refused: " + r.Code }

// TryLater is an answer with resultCode 0 and a code that means: not now, send the same again later.
type TryLater struct {
	// Code is the hub's errCode, one of Config.RetryCodes.
	Code string
}

// Error is the code.
func (l *TryLater) Error() string { return "the hub asks to try again later: " + l.Code }

// Limits of single fields, in characters (hub-interface 3 to 5).
const (
	maxAddress    = limits.Address
	maxPlatformID = limits.PlatformID
)

// Answer is what came back over HTTP.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// head is the common part of every answer.
type head struct {
	ResultCode *int   `json:"resultCode"`
	ErrCode    string `json:"errCode"`
}

// garbage is the error for an answer that makes no sense. The detail never repeats the answer.
func garbage(detail string) error { return fmt.Errorf("%w: %s", ErrUnknown, detail) }

// ReadResult reads an answer that only says whether it was done.
func ReadResult(a Answer) error {
	var body struct{ head }
	return a.readJSON(&body, &body.head)
}

// readJSON reads a JSON answer, also one declared as text/plain, and checks its head, which is part of into.
func (a Answer) readJSON(into any, h *head) error {
	if err := a.checkStatus(); err != nil {
		return err
	}
	mediaType, _, err := mime.ParseMediaType(a.ContentType)
	if err != nil || mediaType != "application/json" && mediaType != "text/plain" {
		return garbage("the answer is neither application/json nor text/plain")
	}
	return decodeAnswer(a.Body, a.ContentType, into, h)
}

// checkStatus accepts 2xx. It accepts a 4xx that reports a failure in the hub's own form, which decodeAnswer checks: the rules
// for HTTP statuses are not public. Any other answer does not come from the hub's interface.
func (a Answer) checkStatus() error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	if a.Status >= 400 && a.Status < 500 {
		var body struct{ head }
		if err := decodeAnswer(a.Body, a.ContentType, &body, &body.head); err != nil {
			var refused *Refused
			if errors.As(err, &refused) && refused.Code != "" {
				return refused
			}
		}
	}
	return garbage(fmt.Sprintf("HTTP status %d", a.Status))
}

// decodeAnswer reads exactly one JSON object, in whatever encoding. Unknown members are accepted, because the hub may add some.
func decodeAnswer(body []byte, contentType string, into any, h *head) error {
	body, err := inUTF8(body, contentType)
	if err != nil {
		return err
	}
	if err := decodeObject(body, into); err != nil {
		return err
	}
	switch {
	case h.ResultCode == nil || *h.ResultCode != 0 && *h.ResultCode != 1:
		return garbage("resultCode is neither 0 nor 1")
	case *h.ResultCode == 1:
		return nil
	case h.ErrCode != "" && !codePattern.MatchString(h.ErrCode):
		return garbage("errCode is not an error code")
	default:
		return &Refused{Code: h.ErrCode}
	}
}

// decodeObject reads exactly one JSON object in UTF-8.
func decodeObject(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(into); err != nil {
		return garbage("it is not the JSON expected")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return garbage("it has more than one JSON value")
	}
	return nil
}

// isText reports whether s is printable and has 1 to limit characters.
func isText(s string, limit int) bool {
	return s != "" && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, unicode.IsControl)
}
