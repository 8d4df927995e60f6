package pdfscan

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

const (
	endstream = "endstream"
	// lookAhead is how far behind "endstream" is looked for what has to follow it.
	lookAhead = 64
)

// stream reads the bytes of a stream after its "stream", and looks through them if they are objects.
func (s *scanner) stream(of entries) error {
	begin := s.position
	if err := s.endOfLine(); err != nil {
		return err
	}
	raw := &streamBody{l: &s.lexer, length: of.length}
	if of.isObjectStream() {
		if err := s.objectStream(of, raw, begin); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return raw.failed
	}
	return nil
}

// endOfLine reads the end of the line of "stream".
func (s *scanner) endOfLine() error {
	c, err := s.next()
	if err == nil && c == '\r' {
		if c, err = s.next(); err == nil && c != '\n' {
			s.back()
		}
		return err
	}
	if err == nil && c != '\n' {
		s.back()
	}
	return err
}

// objectStream looks through the objects of an object stream (ISO 32000-1, 7.5.7). An error is one of the file itself.
func (s *scanner) objectStream(of entries, raw *streamBody, begin int64) error {
	if of.encoded || of.filters > 1 || (of.filters == 1 && !of.deflated) {
		s.report(Malformed, "an object stream is encoded in a way that cannot be looked through", begin, true)
		return nil
	}
	var clear io.Reader = raw
	if of.deflated {
		if _, err := io.CopyN(io.Discard, raw, 2); err != nil { // the header of zlib
			return raw.failed
		}
		var err error
		if clear, err = s.inflate(raw); err != nil {
			return err
		}
	}
	counted := &counting{from: clear, left: maxInflated - s.inflated}
	inner := &lexer{r: s.buffer(counted)}
	v := &values{s: s, at: begin, lexer: inner, inStream: true}
	var err error
	for more := true; more && err == nil; {
		var t token
		if t, err = inner.token(); err == nil {
			more = v.take(t)
		}
	}
	s.inflated = maxInflated - counted.left
	switch {
	case raw.failed != nil:
		return raw.failed
	case errors.Is(err, errTooMuch):
		s.report(Malformed, "object streams inflate to more than is looked through", begin, false)
	case err != nil && !errors.Is(err, io.EOF):
		s.report(Malformed, "an object stream does not inflate", begin, true)
	case errors.Is(err, io.EOF) && len(v.frames) > 0:
		s.report(Malformed, "an object stream ends within an object", begin, true)
	}
	if inner.nested.at > 0 {
		s.report(Malformed, "an object stands within a string of an object stream", begin, true)
	}
	return nil
}

// inflate inflates what it reads with the scan's inflater. A file may be made of object streams of a few bytes each, and none of
// them may cost an inflater of its own.
func (s *scanner) inflate(from io.Reader) (io.Reader, error) {
	if s.inflater == nil {
		s.inflater = flate.NewReader(from)
		return s.inflater, nil
	}
	resetter, ok := s.inflater.(flate.Resetter)
	if !ok {
		return nil, errors.New("the inflater cannot be used again")
	}
	if err := resetter.Reset(from, nil); err != nil {
		return nil, fmt.Errorf("use the inflater again: %w", err)
	}
	return s.inflater, nil
}

// buffer reads through the scan's buffer for object streams, for the same reason.
func (s *scanner) buffer(from io.Reader) *bufio.Reader {
	if s.clear == nil {
		s.clear = bufio.NewReaderSize(from, bufferBytes)
	}
	s.clear.Reset(from)
	return s.clear
}

var errTooMuch = errors.New("more is inflated than is looked through")

// counting bounds what is inflated.
type counting struct {
	from io.Reader
	left int64
}

func (c *counting) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.from.Read(p)
	c.left -= int64(n)
	return n, err
}

// streamBody reads the bytes of a stream and ends behind its "endstream".
type streamBody struct {
	l *lexer
	// length is what the stream says of itself, negative where that is not known. An "endstream" before it is the end only if an
	// object ends or begins right behind: then the length lies.
	length   int64
	consumed int64
	ended    bool
	// failed is an error of the file, which ends the scan; io.EOF where it ends within the stream.
	failed error
}

func (b *streamBody) Read(p []byte) (int, error) {
	switch {
	case b.failed != nil:
		return 0, b.failed
	case b.ended:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	window, err := b.l.r.Peek(len(endstream) + lookAhead)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
		return 0, err
	}
	if len(window) == 0 {
		b.failed = io.EOF
		return 0, io.ErrUnexpectedEOF
	}
	// More may be there already; it changes only how much is read at a time.
	if more := b.l.r.Buffered(); more > len(window) {
		window, _ = b.l.r.Peek(more) // cannot fail, it is there
	}
	n := b.safe(window)
	if n == 0 {
		if b.isEnd(window) {
			b.ended = true
			return 0, b.take(len(endstream), nil)
		}
		n = 1
	}
	n = min(n, len(p))
	copy(p, window[:n])
	return n, b.take(n, window)
}

// safe is how many bytes of the window belong to the stream for sure: those before what may be its end.
func (b *streamBody) safe(window []byte) int {
	if i := bytes.Index(window, []byte(endstream)); i >= 0 {
		return i
	}
	for n := min(len(window), len(endstream)-1); n > 0; n-- {
		if bytes.HasPrefix([]byte(endstream), window[len(window)-n:]) {
			return len(window) - n
		}
	}
	return len(window)
}

// take goes on in the file. The bytes of the stream are looked at for objects; nil are those of its end.
func (b *streamBody) take(n int, window []byte) error {
	if window != nil {
		for i, c := range window[:n] {
			// Most bytes of a stream begin nothing.
			if b.l.nested.step != insideNothing || isDigit(c) {
				b.l.nested.feed(c, b.l.position+int64(i))
			}
		}
	}
	b.l.position += int64(n)
	b.consumed += int64(n)
	if _, err := b.l.r.Discard(n); err != nil {
		b.failed = err
		return err
	}
	if b.ended {
		return io.EOF
	}
	return nil
}

// isEnd judges what stands at the beginning of the window.
func (b *streamBody) isEnd(window []byte) bool {
	if !bytes.HasPrefix(window, []byte(endstream)) {
		return false
	}
	behind := window[len(endstream):]
	behind = behind[:min(len(behind), lookAhead)] // what is buffered beyond that MUST NOT count
	if len(behind) > 0 && isRegular(behind[0]) && !bytes.HasPrefix(behind, []byte("endobj")) {
		return false
	}
	if b.length < 0 || b.consumed >= b.length {
		return true
	}
	behind = bytes.TrimLeftFunc(behind, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) })
	return bytes.HasPrefix(behind, []byte("endobj")) || beginsObject(behind)
}

// beginsObject recognises "5 0 obj".
func beginsObject(text []byte) bool {
	fields := bytes.Fields(text)
	number := func(f []byte) bool { return len(f) > 0 && len(bytes.Trim(f, "0123456789")) == 0 }
	return len(fields) > 2 && number(fields[0]) && number(fields[1]) && bytes.HasPrefix(fields[2], []byte("obj"))
}
