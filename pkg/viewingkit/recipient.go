package viewingkit

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Recipient identifies who may see a document by exactly one kind of identifier, the one the sender used when sending (guide
// 5.1.1 3)).
type Recipient struct {
	// CI is the connecting information, 88 characters.
	CI string `json:"ci,omitempty"`
	// Person is a description by name, birth date and phone.
	Person *Person `json:"person,omitempty"`
	// BusinessNumber has ten digits; hyphens do not matter.
	BusinessNumber string `json:"businessNumber,omitempty"`
	// PlatformAddress is a certified address at a relay.
	PlatformAddress *PlatformAddress `json:"platformAddress,omitempty"`
}

// Person describes a person.
type Person struct {
	Name string `json:"name"`
	// BirthDate is YYYYMMDD; other characters do not matter.
	BirthDate string `json:"birthDate"`
	// Phone is a phone number; characters other than digits do not matter.
	Phone string `json:"phone"`
}

// PlatformAddress is a certified address (공인전자주소) with its relay.
type PlatformAddress struct {
	PlatformID string `json:"platformId"`
	// Address compares without regard to the case of letters.
	Address string `json:"address"`
}

// LogValue keeps personal data out of logs.
func (r Recipient) LogValue() slog.Value { return slog.StringValue("[recipient]") }

// String keeps personal data out of formatted text.
func (r Recipient) String() string { return "[recipient]" }

// GoString keeps personal data out of %#v.
func (r Recipient) GoString() string { return "[recipient]" }

// Kind names the identifier kind: "ci", "person", "business_number" or "platform_address"; empty when none or more than one is
// set.
func (r Recipient) Kind() string {
	kinds := make([]string, 0, 1)
	if r.CI != "" {
		kinds = append(kinds, "ci")
	}
	if r.Person != nil {
		kinds = append(kinds, "person")
	}
	if r.BusinessNumber != "" {
		kinds = append(kinds, "business_number")
	}
	if r.PlatformAddress != nil {
		kinds = append(kinds, "platform_address")
	}
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// Validate reports whether exactly one kind is set and complete; its error names the field and never the value.
func (r Recipient) Validate() error {
	parts, err := r.normalised()
	if err != nil {
		return err
	}
	for i, p := range parts {
		if p == "" {
			return fmt.Errorf("recipient: part %d of %s is empty", i, r.Kind())
		}
	}
	return nil
}

// Same reports in constant time whether two recipients are the same after normalising (NFC, digits only, folded letters).
// Different kinds are never the same: a viewing system cannot know whose CI belongs to an address.
func (r Recipient) Same(other Recipient) bool {
	if r.Validate() != nil || other.Validate() != nil {
		return false
	}
	a, b := r.digest(), other.digest()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (r Recipient) digest() [sha256.Size]byte {
	parts, err := r.normalised()
	if err != nil {
		return [sha256.Size]byte{}
	}
	h := sha256.New()
	for _, p := range append([]string{r.Kind()}, parts...) {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (r Recipient) normalised() ([]string, error) {
	switch r.Kind() {
	case "ci":
		return []string{strings.TrimSpace(r.CI)}, nil
	case "person":
		return []string{
			strings.Join(strings.Fields(norm.NFC.String(r.Person.Name)), " "), digitsOf(r.Person.BirthDate), digitsOf(r.Person.Phone),
		}, nil
	case "business_number":
		return []string{digitsOf(r.BusinessNumber)}, nil
	case "platform_address":
		return []string{r.PlatformAddress.PlatformID, strings.ToLower(norm.NFC.String(r.PlatformAddress.Address))}, nil
	default:
		return nil, errors.New("recipient: exactly one kind of identifier must be set")
	}
}

func digitsOf(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}
