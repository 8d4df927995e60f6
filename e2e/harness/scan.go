package harness

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Canary is a value that must not be found.
type Canary struct{ Name, Value string }

// Finding is a place where a canary was found.
type Finding struct{ Canary, Form, Part, Around string }

// String says where the canary was found.
func (f Finding) String() string {
	return fmt.Sprintf("%s as %s in %s: %s", f.Canary, f.Form, f.Part, f.Around)
}

const (
	// shortest is the minimum length of a form in bytes; shorter forms occur everywhere by chance.
	shortest = 8
	// around is how many bytes of context a finding shows.
	around = 40
	// perForm limits the findings of one form in one part.
	perForm = 1
)

// Scanner searches for many values in many forms at once.
type Scanner struct {
	needles map[uint32][]needle
	// first says for each hash of four bytes whether a needle may begin there; most positions are ruled out by it.
	first [1 << 16]bool
}

type needle struct {
	canary, form string
	bytes        []byte
	// bounded forms must not be part of a longer hexadecimal text: eight digits occur by chance in the text of digests.
	bounded bool
}

// NewScanner prepares the forms of the values.
func NewScanner(canaries ...Canary) *Scanner {
	s := &Scanner{needles: map[uint32][]needle{}}
	for _, c := range canaries {
		for name, form := range Forms(c.Value) {
			if len(form) < shortest {
				continue
			}
			key := binary.LittleEndian.Uint32(form)
			s.needles[key] = append(s.needles[key], needle{canary: c.Name, form: name, bytes: form, bounded: len(form) == shortest && allHex(form)})
			s.first[mix(key)] = true
		}
	}
	return s
}

// Forms returns the forms in which a value could be stored: as it is, and as encoders change it.
func Forms(value string) map[string][]byte {
	raw := []byte(value)
	lower := hex.EncodeToString(raw)
	forms := map[string][]byte{
		"raw": raw, "hex": []byte(lower), "HEX": []byte(strings.ToUpper(lower)),
		"utf-16le": utf16Of(value, binary.LittleEndian), "utf-16be": utf16Of(value, binary.BigEndian),
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for shift := range 3 {
			forms[name+"+"+strconv.Itoa(shift)] = shifted(encoding, raw, shift)
		}
	}
	for name, text := range map[string]string{
		"json": escapeRunes(value, `\u%04x`), "JSON": escapeRunes(value, `\u%04X`), "percent": url.QueryEscape(value), "percent lower": lowerPercent(url.QueryEscape(value)),
		"octal": escapeBytes(raw, `\%03o`), "go": escapeBytes(raw, `\x%02x`), "xml": escapeRunes(value, `&#%d;`),
	} {
		if text != value {
			forms[name] = []byte(text)
		}
	}
	return forms
}

// shifted returns the part of a base64 text that depends only on the value, if the value begins shift bytes after a group of
// three.
func shifted(encoding *base64.Encoding, raw []byte, shift int) []byte {
	text := encoding.EncodeToString(append(make([]byte, shift), raw...))
	begin := (shift*8 + 5) / 6
	end := (shift + len(raw)) * 8 / 6
	return []byte(text[begin:end])
}

func utf16Of(value string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(value)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

// escapeRunes escapes every character that is not ASCII by its number.
func escapeRunes(value, format string) string {
	var b strings.Builder
	for _, r := range value {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func escapeBytes(raw []byte, format string) string {
	var b strings.Builder
	for _, c := range raw {
		if c < 0x80 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// lowerPercent writes the hex digits of %XX in lower case.
func lowerPercent(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// Scan returns every place that holds a value in one of its forms.
func (s *Scanner) Scan(parts ...Part) []Finding {
	var findings []Finding
	for _, part := range parts {
		counts := map[string]int{}
		data := part.Data
		for at := 0; at+4 <= len(data); at++ {
			key := binary.LittleEndian.Uint32(data[at:])
			if !s.first[mix(key)] {
				continue
			}
			for _, n := range s.needles[key] {
				if !n.at(data, at) {
					continue
				}
				if counts[n.canary+n.form]++; counts[n.canary+n.form] <= perForm {
					findings = append(findings, Finding{n.canary, n.form, part.Name, strconv.QuoteToASCII(string(data[max(0, at-around):min(len(data), at+len(n.bytes)+around)]))})
				}
			}
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return strings.Compare(a.Canary+a.Part, b.Canary+b.Part) })
	return findings
}

func (n needle) at(data []byte, at int) bool {
	if !bytes.HasPrefix(data[at:], n.bytes) {
		return false
	}
	end := at + len(n.bytes)
	return !n.bounded || ((at == 0 || !allHex(data[at-1:at])) && (end == len(data) || !allHex(data[end:end+1])))
}

// mix hashes four bytes to sixteen bits.
func mix(key uint32) uint16 { return uint16(key * 2654435761 >> 16) }

func allHex(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}
