package distcert

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

// The objects of a PDF as updates are compared: name, number, reference, string, hexadecimal string, bool, nil, array, dict,
// stream.
type (
	pdfName   string
	reference int
	plainText string // as written between its parentheses
	hexText   struct {
		digits   string // lower case
		from, to int    // place in the file, brackets included; not compared
	}
	array  []any
	dict   map[pdfName]any
	stream struct {
		dict
		data []byte // as written; none for one of the signed revision
	}
)

// maxNesting bounds how deep objects of an update are nested.
const maxNesting = 16

var errSyntax = errors.New("an object is not of the accepted form")

// scanner reads the objects of an update: the plain notation alone, without comments and without escapes in names. A stranger may
// have written them.
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
	numberPattern    = regexp.MustCompile(`^[+-]?[0-9]{1,10}(?:\.[0-9]{0,10})?`)
	namePattern      = regexp.MustCompile(`^/([A-Za-z0-9.+_-]{1,100})`)
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
		return strconv.ParseFloat(string(found[0]), 64)
	}
	if found := s.match(namePattern); found != nil {
		return pdfName(found[1]), nil
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
		found := s.match(namePattern)
		if found == nil {
			return nil, errSyntax
		}
		key := pdfName(found[1])
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

// text reads a string without parentheses and escapes in it.
func (s *scanner) text() (any, error) {
	end := bytes.IndexByte(s.in[s.at:], ')')
	if end < 0 || bytes.ContainsAny(s.in[s.at+1:s.at+end], `(\`) {
		return nil, errSyntax
	}
	v := plainText(s.in[s.at+1 : s.at+end])
	s.at += end + 1
	return v, nil
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
	case hexText:
		b, ok := b.(hexText)
		return ok && a.digits == b.digits
	case stream:
		return false
	default:
		_, isDict := b.(dict)
		_, isArray := b.(array)
		_, isStream := b.(stream)
		return !isDict && !isArray && !isStream && a == b
	}
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

// objectOf is an object of the signed revision, as the PDF library read it.
func objectOf(o types.Object) any {
	switch o := o.(type) {
	case types.Dict:
		d := dict{}
		for key, v := range o {
			d[pdfName(key)] = objectOf(v)
		}
		return d
	case types.StreamDict:
		return stream{dict: objectOf(o.Dict).(dict)}
	case types.Array:
		list := array{}
		for _, v := range o {
			list = append(list, objectOf(v))
		}
		return list
	case types.Name:
		return pdfName(o)
	case types.IndirectRef:
		return reference(o.ObjectNumber)
	case *types.IndirectRef:
		return reference(o.ObjectNumber)
	case types.Integer:
		return float64(o)
	case types.Float:
		return float64(o)
	case types.StringLiteral:
		return plainText(o)
	case types.HexLiteral:
		return hexText{digits: string(bytes.ToLower([]byte(o)))}
	case types.Boolean:
		return bool(o)
	default:
		return nil
	}
}
