package hub

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/text"
)

// Limits of fields, in characters (hub interface sections 3 to 5).
const (
	maxAddress    = 100
	maxIdn        = 100
	maxName       = 40
	maxSubject    = 100
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

// tolerance between a relay's clock and the hub's: what a relay says happened must not be further ahead.
const tolerance = 5 * time.Second

// future reports whether a time that somebody tells cannot have come yet.
func (s *System) future(t time.Time) bool { return t.After(s.Clock.Now().Add(tolerance)) }

// isHash reports whether s is a SHA-256 or SHA-384 hash in hexadecimal. The interface says only "100 characters"; longer hashes
// do not fit.
func isHash(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 64 || len(s) == 96)
}

// isIdn reports whether s identifies an owner of the type (hub interface 3.1 and 6): a person by its CI, an organisation by its
// business number without hyphens.
func isIdn(s string, ownerType int) bool {
	if ownerType == ownerPerson {
		raw, err := base64.StdEncoding.Strict().DecodeString(s)
		return err == nil && len(s) == lengthCI && len(raw) > 0
	}
	number, ok := text.BusinessNumber(s)
	return ok && number == s
}

// lengthCI is the number of characters of a CI (연계정보).
const lengthCI = 88

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
	body, err := readJSONBody(c, limit)
	if err != nil {
		return err
	}
	return readJSON(body, into)
}

// readJSONBody reads a body that is announced as JSON, in UTF-8 where an encoding is named.
func readJSONBody(c call, limit int64) ([]byte, error) {
	mediaType, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, badForm("Content-Type")
	}
	return readBody(c.w, c.r, limit)
}

// readBody reads a body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, badForm("body")
	}
	return body, nil
}
