package pades

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// The objects of a PDF as they are compared and written: name, number (float64), reference, string, hexadecimal string, bool,
// nil, array, dict, stream.
type (
	pdfName   string
	reference int
	// oldReference is one to an object of another generation than 0. Such objects are never written anew.
	oldReference struct{ number, generation int }
	plainText    string // its octets, escapes read
	hexText      struct {
		digits   string // lower case
		from, to int    // place in the file, brackets included; not compared
	}
	array  []any
	dict   map[pdfName]any
	stream struct {
		dict
		data []byte // as it stands in the file, before its filters are undone
	}
)

const (
	// maxNesting bounds how deep objects of an update are nested.
	maxNesting = 16
	// maxName bounds a name (ISO 32000-1 annex C).
	maxName = 127
)

var errSyntax = errors.New("an object is not of the accepted form")

// scanner reads the objects of an update: the plain notation alone, without comments, and with escapes in names only of
// characters that need one. A stranger may have written them.
type scanner struct {
	in []byte
	at int
}

const space = "\x00\t\n\f\r "

func (s *scanner) skip() {
	for s.at < len(s.in) && bytes.IndexByte([]byte(space), s.in[s.at]) >= 0 {
		s.at++
	}
}

// take moves over a text at the scanner's place.
func (s *scanner) take(word string) bool {
	if !bytes.HasPrefix(s.in[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// match moves over what a pattern that begins with ^ finds, and returns its groups.
func (s *scanner) match(pattern *regexp.Regexp) [][]byte {
	found := pattern.FindSubmatch(s.in[s.at:min(len(s.in), s.at+128)])
	if found != nil {
		s.at += len(found[0])
	}
	return found
}

var (
	referencePattern = regexp.MustCompile(`^([1-9][0-9]{0,6})[\t\n\r ]+0[\t\n\r ]+R(?:[\x00\t\n\f\r /<>\[\]()])`)
	numberPattern    = regexp.MustCompile(`^[+-]?(?:[0-9]{1,10}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})`)
	keywordPattern   = regexp.MustCompile(`^(?:true|false|null)`)
)

func (s *scanner) value(depth int) (any, error) {
	s.skip()
	if depth > maxNesting || s.at >= len(s.in) {
		return nil, errSyntax
	}
	if found := s.match(referencePattern); found != nil {
		s.at-- // the delimiter
		n, err := strconv.Atoi(string(found[1]))
		return reference(n), err
	}
	if found := s.match(numberPattern); found != nil {
		if !s.ended() {
			return nil, errSyntax
		}
		return strconv.ParseFloat(string(found[0]), 64)
	}
	if s.in[s.at] == '/' {
		return s.name()
	}
	if found := s.match(keywordPattern); found != nil {
		return map[string]any{"true": true, "false": false, "null": nil}[string(found[0])], nil
	}
	switch {
	case s.take("<<"):
		return s.dict(depth)
	case s.take("["):
		return s.array(depth)
	case s.in[s.at] == '<':
		return s.hexText()
	case s.in[s.at] == '(':
		return s.text()
	}
	return nil, errSyntax
}

func (s *scanner) dict(depth int) (any, error) {
	d := dict{}
	for {
		if s.skip(); s.take(">>") {
			return d, nil
		}
		key, err := s.name()
		if err != nil {
			return nil, err
		}
		if _, twice := d[key]; twice {
			return nil, errSyntax
		}
		v, err := s.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d[key] = v
	}
}

func (s *scanner) array(depth int) (any, error) {
	list := array{}
	for {
		if s.skip(); s.take("]") {
			return list, nil
		}
		v, err := s.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (s *scanner) hexText() (any, error) {
	from := s.at
	end := bytes.IndexByte(s.in[from:], '>')
	if end < 0 {
		return nil, errSyntax
	}
	s.at = from + end + 1
	digits := bytes.ToLower(s.in[from+1 : s.at-1])
	if len(bytes.Trim(digits, "0123456789abcdef")) != 0 {
		return nil, errSyntax
	}
	return hexText{string(digits), from, s.at}, nil
}

// ended reports whether a word is over: what follows is white space, a delimiter or nothing.
func (s *scanner) ended() bool { return s.at >= len(s.in) || !regular(s.in[s.at]) }

func regular(c byte) bool { return strings.IndexByte(space+"()<>[]{}/%", c) < 0 }

// name reads a name. The escape of a character that needs none is another spelling of a name that checks could overlook.
func (s *scanner) name() (pdfName, error) {
	if !s.take("/") {
		return "", errSyntax
	}
	var name []byte
	for ; !s.ended(); s.at++ {
		c := s.in[s.at]
		if c == '#' {
			if s.at+2 >= len(s.in) {
				return "", errSyntax
			}
			octet, err := hex.DecodeString(string(s.in[s.at+1 : s.at+3]))
			if err != nil || octet[0] == 0 || !needsEscape(octet[0]) {
				return "", errSyntax
			}
			c, s.at = octet[0], s.at+2
		}
		if name = append(name, c); len(name) > maxName {
			return "", errSyntax
		}
	}
	if len(name) == 0 {
		return "", errSyntax
	}
	return pdfName(name), nil
}

func needsEscape(c byte) bool { return c == '#' || c <= ' ' || c >= 0x7f || !regular(c) }

// text reads a string. Parentheses in it are paired or escaped.
func (s *scanner) text() (any, error) {
	depth := 0
	for at := s.at; at < len(s.in); at++ {
		switch s.in[at] {
		case '\\':
			at++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				v := plainText(unescaped(s.in[s.at+1 : at]))
				s.at = at + 1
				return v, nil
			}
		}
	}
	return nil, errSyntax
}

// unescaped are the octets of a string by what stands between its parentheses (ISO 32000-1 7.3.4.2).
func unescaped(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		c := in[0]
		in = in[1:]
		if c == '\r' { // an end of line is one octet, however it is written
			in = bytes.TrimPrefix(in, []byte("\n"))
			c = '\n'
		}
		if c != '\\' || len(in) == 0 {
			out = append(out, c)
			continue
		}
		c, in = in[0], in[1:]
		switch {
		case c >= '0' && c <= '7':
			octet := c - '0'
			for n := 0; n < 2 && len(in) > 0 && in[0] >= '0' && in[0] <= '7'; n++ {
				octet, in = octet<<3|(in[0]-'0'), in[1:]
			}
			out = append(out, octet)
		case c == '\r':
			in = bytes.TrimPrefix(in, []byte("\n"))
		case c == '\n':
		default:
			if i := strings.IndexByte("nrtbf", c); i >= 0 {
				c = "\n\r\t\b\f"[i]
			}
			out = append(out, c)
		}
	}
	return out
}

// same compares two objects.
func same(a, b any) bool {
	switch a := a.(type) {
	case dict:
		b, ok := b.(dict)
		return ok && maps.EqualFunc(a, b, same)
	case array:
		b, ok := b.(array)
		return ok && slices.EqualFunc(a, b, same)
	case plainText, hexText:
		return isText(b) && characters(a) == characters(b)
	case stream:
		b, ok := b.(stream)
		return ok && same(a.dict, b.dict) && bytes.Equal(a.data, b.data)
	default:
		_, isDict := b.(dict)
		_, isArray := b.(array)
		_, isStream := b.(stream)
		return !isDict && !isArray && !isStream && a == b
	}
}

func isText(o any) bool {
	switch o.(type) {
	case plainText, hexText:
		return true
	}
	return false
}

// whole reports the value of a number that is whole and not negative.
func whole(o any) (int, bool) {
	n, ok := o.(float64)
	if !ok || n < 0 || n != float64(int(n)) {
		return 0, false
	}
	return int(n), true
}

// wholes lists the values of an array of such numbers.
func wholes(o any) ([]int, bool) {
	list, ok := o.(array)
	numbers := make([]int, len(list))
	for i, v := range list {
		n, isWhole := whole(v)
		numbers[i], ok = n, ok && isWhole
	}
	return numbers, ok
}

// characters are the octets of a string object, however it is written; none for another object.
func characters(o any) string {
	switch o := o.(type) {
	case plainText:
		return string(o)
	case hexText:
		raw, _ := hex.DecodeString(o.digits + strings.Repeat("0", len(o.digits)%2))
		return string(raw)
	}
	return ""
}

// references lists the objects to which an object refers.
func references(o any) (list []reference) {
	switch o := o.(type) {
	case reference:
		return []reference{o}
	case oldReference:
		return []reference{reference(o.number)}
	case dict:
		for _, v := range o {
			list = append(list, references(v)...)
		}
	case array:
		for _, v := range o {
			list = append(list, references(v)...)
		}
	case stream:
		return references(o.dict)
	}
	return list
}

// objectOf is an object as the PDF library read it.
func objectOf(o types.Object) any {
	switch o := o.(type) {
	case types.Dict:
		d := dict{}
		for key, v := range o {
			d[pdfName(key)] = objectOf(v)
		}
		return d
	case types.StreamDict:
		return stream{dict: objectOf(o.Dict).(dict), data: o.Raw}
	case types.Array:
		list := array{}
		for _, v := range o {
			list = append(list, objectOf(v))
		}
		return list
	case types.Name:
		return pdfName(o)
	case types.IndirectRef:
		return referenceOf(o)
	case *types.IndirectRef:
		return referenceOf(*o)
	case types.Integer:
		return float64(o)
	case types.Float:
		return float64(o)
	case types.StringLiteral:
		return plainText(unescaped([]byte(o)))
	case types.HexLiteral:
		return hexText{digits: string(bytes.ToLower([]byte(o)))}
	case types.Boolean:
		return bool(o)
	default:
		return nil
	}
}

func referenceOf(o types.IndirectRef) any {
	if o.GenerationNumber != 0 {
		return oldReference{o.ObjectNumber.Value(), o.GenerationNumber.Value()}
	}
	return reference(o.ObjectNumber)
}
