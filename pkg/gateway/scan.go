package gateway

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// errSyntax ends a walk: nothing after it can be understood.
var errSyntax = errors.New("not JSON")

// scanner reads JSON (RFC 8259) from a buffer, strictly.
type scanner struct {
	data []byte
	pos  int
}

// peek gives the first byte of the next token, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return s.data[s.pos]
		}
	}
	return 0
}

// take reads the punctuation c.
func (s *scanner) take(c byte) error {
	if s.peek() != c {
		return errSyntax
	}
	s.pos++
	return nil
}

// literal reads true, false or null.
func (s *scanner) literal(text string) error {
	end := s.pos + len(text)
	if end > len(s.data) || string(s.data[s.pos:end]) != text || (end < len(s.data) && !delimiter(s.data[end])) {
		return errSyntax
	}
	s.pos = end
	return nil
}

// delimiter reports whether a literal or a number may end before c.
func delimiter(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ']', '}', ':':
		return true
	default:
		return false
	}
}

// number reads a number as it is written.
func (s *scanner) number() (string, error) {
	start := s.pos
	if s.at() == '-' {
		s.pos++
	}
	switch {
	case s.at() == '0':
		s.pos++
	case !s.digits():
		return "", errSyntax
	}
	if s.at() == '.' {
		s.pos++
		if !s.digits() {
			return "", errSyntax
		}
	}
	if s.at() == 'e' || s.at() == 'E' {
		s.pos++
		if s.at() == '+' || s.at() == '-' {
			s.pos++
		}
		if !s.digits() {
			return "", errSyntax
		}
	}
	if s.pos < len(s.data) && !delimiter(s.data[s.pos]) {
		return "", errSyntax
	}
	return string(s.data[start:s.pos]), nil
}

func (s *scanner) at() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.at() >= '0' && s.at() <= '9' {
		s.pos++
	}
	return s.pos > start
}

// text is a string token.
type text struct {
	value string
	// fault is the rule the characters break: "json.utf8" or "json.surrogate"; empty when they are right.
	fault string
}

// string reads a string. Wrong characters inside do not end the walk, only a string that does not end does.
func (s *scanner) string() (text, error) {
	if err := s.take('"'); err != nil {
		return text{}, err
	}
	start := s.pos
	// Most strings have no escape and need no copy.
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			raw := s.data[start:s.pos]
			s.pos++
			if !utf8.Valid(raw) {
				return text{fault: "json.utf8"}, nil
			}
			return text{value: string(raw)}, nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return text{}, errSyntax
		}
		s.pos++
	}
	return text{}, errSyntax
}

func (s *scanner) escaped(start int) (text, error) {
	out := append(make([]byte, 0, 2*(s.pos-start)+16), s.data[start:s.pos]...)
	var t text
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == '"':
			if t.fault == "" && !utf8.Valid(out) {
				t.fault = "json.utf8"
			}
			if t.fault != "" {
				return t, nil
			}
			return text{value: string(out)}, nil
		case c < ' ':
			return text{}, errSyntax
		case c != '\\':
			out = append(out, c)
		default:
			r, err := s.escape()
			if err != nil {
				return text{}, err
			}
			if utf16.IsSurrogate(r) {
				t.fault = "json.surrogate"
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return text{}, errSyntax
}

// escape reads what follows a backslash; a surrogate it gives is one without its other half.
func (s *scanner) escape() (rune, error) {
	c := s.at()
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, errSyntax
	}
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if s.at() != '\\' || s.pos+1 >= len(s.data) || s.data[s.pos+1] != 'u' {
		return r, nil
	}
	before := s.pos
	s.pos += 2
	low, err := s.hex4()
	if err != nil {
		return 0, err
	}
	if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
		return both, nil
	}
	s.pos = before
	return r, nil
}

func (s *scanner) hex4() (rune, error) {
	if s.pos+4 > len(s.data) {
		return 0, errSyntax
	}
	var r rune
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, errSyntax
		}
	}
	s.pos += 4
	return r, nil
}
