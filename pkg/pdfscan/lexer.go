package pdfscan

import (
	"bufio"
	"errors"
	"io"
)

// kept is how much of a name or keyword is kept: more than the longest that means anything here. The rest is read and forgotten.
const kept = 32

// lexer reads the tokens of a PDF (ISO 32000-1, 7.2 and 7.3).
type lexer struct {
	r        *bufio.Reader
	position int64
	// nested notes what looks like an object where none should be.
	nested objectInside
}

func (l *lexer) next() (byte, error) {
	c, err := l.r.ReadByte()
	if err == nil {
		l.position++
	}
	return c, err
}

// back unreads the byte that was read last.
func (l *lexer) back() {
	if l.r.UnreadByte() == nil {
		l.position--
	}
}

func isSpace(c byte) bool {
	return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '
}

func isDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	default:
		return false
	}
}

func isRegular(c byte) bool { return !isSpace(c) && !isDelimiter(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// run is a run of regular characters: its beginning, its last characters, and whether all of it are digits.
type run struct {
	text   string
	tail   [4]byte
	number bool
}

// isObj recognises the word that begins an object, also where no space is before it. What stands before is not looked at: a
// comment may lie between, and readers take much for a number.
func (r run) isObj() bool {
	return r.text == "obj" || (string(r.tail[1:]) == "obj" && isDigit(r.tail[0]))
}

// word reads the next run of regular characters; a delimiter is an empty one.
func (l *lexer) word() (run, error) {
	c, err := l.skipSpace()
	if err != nil || isDelimiter(c) {
		return run{}, err
	}
	return l.run(c)
}

func (l *lexer) skipSpace() (byte, error) {
	for {
		c, err := l.next()
		if err != nil || !isSpace(c) {
			return c, err
		}
	}
}

// run reads the rest of a run. The end of the file ends it, too.
func (l *lexer) run(first byte) (run, error) {
	var buffer [kept]byte
	n, r := 0, run{number: true}
	for c := first; ; {
		if n < kept {
			buffer[n] = c
			n++
		}
		r.tail[0], r.tail[1], r.tail[2], r.tail[3] = r.tail[1], r.tail[2], r.tail[3], c
		r.number = r.number && isDigit(c)
		var err error
		if c, err = l.next(); err == nil && isRegular(c) {
			continue
		}
		r.text = string(buffer[:n])
		switch {
		case err == nil:
			l.back()
		case !errors.Is(err, io.EOF):
			return run{}, err
		}
		return r, nil
	}
}

// The kinds of tokens in objects.
type tokenKind int

const (
	tokenOther tokenKind = iota
	tokenName
	tokenNumber
	tokenKeyword
	tokenDictBegin
	tokenDictEnd
	tokenArrayBegin
	tokenArrayEnd
)

type token struct {
	kind tokenKind
	// text of a name, with its escapes read, or of a number or keyword; at most kept bytes.
	text string
	// obj says that the keyword begins an object.
	obj bool
}

// token reads the next token of an object. The error is io.EOF also where the file ends within a token.
func (l *lexer) token() (token, error) {
	for {
		c, err := l.skipSpace()
		if err != nil {
			return token{}, err
		}
		switch c {
		case '%':
			if err := l.comment(); err != nil {
				return token{}, err
			}
		case '/':
			return l.name()
		case '(':
			return token{}, l.literal()
		case '<':
			if c, err = l.next(); err == nil && c == '<' {
				return token{kind: tokenDictBegin}, nil
			} else if err == nil && c == '>' {
				return token{}, nil
			}
			return token{}, l.hex(err)
		case '>':
			if c, err = l.next(); err == nil && c == '>' {
				return token{kind: tokenDictEnd}, nil
			} else if err == nil {
				l.back()
			}
			return token{}, err
		case '[':
			return token{kind: tokenArrayBegin}, nil
		case ']':
			return token{kind: tokenArrayEnd}, nil
		case ')', '{', '}':
			return token{}, nil
		default:
			r, err := l.run(c)
			if r.number {
				return token{kind: tokenNumber, text: r.text}, err
			}
			return token{kind: tokenKeyword, text: r.text, obj: r.isObj()}, err
		}
	}
}

func (l *lexer) comment() error {
	for {
		c, err := l.next()
		if err != nil || c == '\n' || c == '\r' {
			return err
		}
		l.nested.feed(c, l.position)
	}
}

// literal reads a string up to the parenthesis that closes it.
func (l *lexer) literal() error {
	for depth := 1; depth > 0; {
		c, err := l.next()
		if err != nil {
			return err
		}
		l.nested.feed(c, l.position)
		switch c {
		case '\\':
			if _, err := l.next(); err != nil {
				return err
			}
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	return nil
}

// hex reads a hexadecimal string to its end.
func (l *lexer) hex(err error) error {
	for {
		if err != nil {
			return err
		}
		var c byte
		if c, err = l.next(); err == nil && c == '>' {
			return nil
		}
	}
}

// name reads a name and its escapes.
func (l *lexer) name() (token, error) {
	var buffer [kept]byte
	n := 0
	for {
		c, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return token{}, err
		}
		if !isRegular(c) {
			l.back()
			break
		}
		if c == '#' {
			if c, err = l.escaped(); err != nil {
				return token{}, err
			}
		}
		if n < kept {
			buffer[n] = c
			n++
		}
	}
	return token{kind: tokenName, text: string(buffer[:n])}, nil
}

// escaped reads the two digits after #. Without them # stands for itself.
func (l *lexer) escaped() (byte, error) {
	digits, err := l.r.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if len(digits) < 2 || hexValue(digits[0]) < 0 || hexValue(digits[1]) < 0 {
		return '#', nil
	}
	c := byte(hexValue(digits[0])<<4 | hexValue(digits[1])) //nolint:gosec // two digits are a byte
	l.position += 2
	_, err = l.r.Discard(2)
	return c, err
}

func hexValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// objectInside recognises "5 0 obj <<" in bytes that should hold no object.
type objectInside struct {
	step int
	// at is where the first one stood; 0 for none.
	at int64
}

// The steps of objectInside: what was read last.
const (
	insideNothing = iota
	insideNumber
	insideNumberSpace
	insideGeneration
	insideGenerationSpace
	insideO
	insideOB
	insideOBJ
	insideBracket
)

func (o *objectInside) feed(c byte, position int64) {
	switch {
	case isDigit(c) && o.step <= insideNumber:
		o.step = insideNumber
	case isDigit(c) && (o.step == insideNumberSpace || o.step == insideGeneration):
		o.step = insideGeneration
	case isDigit(c) && o.step == insideGenerationSpace: // the generation may have been the number: 1 5 0 obj
		o.step = insideGeneration
	case isSpace(c) && (o.step == insideNumber || o.step == insideNumberSpace):
		o.step = insideNumberSpace
	case isSpace(c) && (o.step == insideGeneration || o.step == insideGenerationSpace):
		o.step = insideGenerationSpace
	case c == 'o' && o.step == insideGenerationSpace:
		o.step = insideO
	case c == 'b' && o.step == insideO:
		o.step = insideOB
	case c == 'j' && o.step == insideOB:
		o.step = insideOBJ
	case isSpace(c) && o.step == insideOBJ:
	case c == '<' && o.step == insideOBJ:
		o.step = insideBracket
	case c == '<' && o.step == insideBracket:
		if o.at == 0 {
			o.at = position
		}
		o.step = insideNothing
	case isDigit(c):
		o.step = insideNumber
	default:
		o.step = insideNothing
	}
}
