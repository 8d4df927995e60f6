package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/naru-relay/naru/pkg/id"
)

// Limits of fields, in characters (hub interface sections 3 to 5).
const (
	maxAddress    = 100
	maxIdn        = 100
	maxName       = 40
	maxSubject    = 100
	maxHash       = 100
	maxPlatformID = 25
	maxReason     = 200
	maxFileHashes = 10
	maxBatch      = 500
)

// dateLayout is string(19) in KST.
const dateLayout = "2006-01-02 15:04:05"

// parseDate parses a KST date strictly: it accepts only what formatDate writes.
func parseDate(s string) (time.Time, bool) {
	t, err := time.ParseInLocation(dateLayout, s, id.KST)
	if err != nil || t.Format(dateLayout) != s {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// formatDate formats a time in KST, truncated to seconds.
func formatDate(t time.Time) string { return t.In(id.KST).Format(dateLayout) }

// isText reports whether s is printable UTF-8 of 1 to limit characters.
func isText(s string, limit int) bool {
	if s == "" || len(s) > 4*limit || !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	return !strings.ContainsFunc(s, unicode.IsControl)
}

// isAddress checks the only rule that is publicly known, the length. Leading and trailing spaces are refused too, because they
// are a mistake.
func isAddress(s string) bool {
	return isText(s, maxAddress) && strings.TrimSpace(s) == s
}

// fold returns the form in which an address is unique: Latin letters are case-insensitive.
func fold(eaddr string) string { return strings.ToLower(norm.NFC.String(eaddr)) }

// digits keeps the digits of a phone number or a birth date.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// readJSON reads one JSON value strictly. It refuses unknown fields, so that a misspelt optional field is noticed in the sandbox.
func readJSON(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return badForm(wrong.Field)
		}
		return badForm("JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badForm("JSON")
	}
	return nil
}

// readMessage reads a JSON body of at most limit bytes.
func readMessage(c call, limit int64, into any) error {
	body, err := readBody(c.w, c.r, limit)
	if err != nil {
		return err
	}
	return readJSON(body, into)
}

// readBody reads a body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, badForm("body")
	}
	return body, nil
}
