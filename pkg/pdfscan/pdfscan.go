package pdfscan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Reasons of findings.
const (
	Encrypted    = "PDF_ENCRYPTED"
	Script       = "PDF_SCRIPT"
	LaunchAction = "PDF_LAUNCH_ACTION"
	EmbeddedFile = "PDF_EMBEDDED_FILE"
	Malformed    = "PDF_MALFORMED"
)

// Reasons are all there are.
func Reasons() []string { return []string{Encrypted, Script, LaunchAction, EmbeddedFile, Malformed} }

const (
	maxDepth     = 100
	maxInflated  = 64 << 20
	maxPerReason = 20
	bufferBytes  = 32 << 10
	// headerWithin is how far from its beginning readers look for the header of a file.
	headerWithin = 1024
)

// Finding is something that was found.
type Finding struct {
	Reason string
	// Message says what was found, without content of the file.
	Message string
	// Position is where, in bytes from the beginning of the file; in an object stream, where that stream begins.
	Position int64
}

// Scan reads a PDF to its end and returns what it holds, in the order of the file. The error is that of the reader.
func Scan(r io.Reader) ([]Finding, error) {
	s := &scanner{lexer: lexer{r: bufio.NewReaderSize(r, bufferBytes)}, counts: map[string]int{}}
	err := s.file()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("scan a PDF: %w", err)
	}
	if s.counts[Encrypted] > 0 {
		// Object streams are encrypted as well, so that they do not inflate says nothing.
		s.found = slices.DeleteFunc(s.found, func(f located) bool { return f.inStream && f.Reason == Malformed })
	}
	findings := make([]Finding, len(s.found))
	for i, f := range s.found {
		findings[i] = f.Finding
	}
	return findings, nil
}

type located struct {
	Finding
	// inStream says that it was found in an object stream.
	inStream bool
}

// scanner is the scan of one file.
type scanner struct {
	lexer
	found    []located
	counts   map[string]int
	inflated int64
	objects  int
	// inflater and clear are those of all object streams, one after the other.
	inflater io.Reader
	clear    *bufio.Reader
}

// report notes a finding; the same reason at the same place is one finding.
func (s *scanner) report(reason, message string, position int64, inStream bool) {
	if slices.ContainsFunc(s.found, func(f located) bool { return f.Reason == reason && f.Position == position }) {
		return
	}
	if s.counts[reason]++; s.counts[reason] <= maxPerReason {
		s.found = append(s.found, located{Finding{Reason: reason, Message: message, Position: position}, inStream})
	}
}

func (s *scanner) malformed(message string, position int64) {
	s.report(Malformed, message, position, false)
}

// file looks for objects and trailers until the end. Between them nothing has a meaning, whatever it looks like.
func (s *scanner) file() error {
	head, err := s.r.Peek(headerWithin)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !hasHeader(head) {
		s.malformed("the file has no header of a PDF", 0)
	}
	for {
		begin := s.position
		word, err := s.word()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch {
		case word.isObj():
			s.objects++
			err = s.object(begin)
		case word.text == "trailer":
			err = s.trailer()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if s.objects == 0 {
		s.malformed("the file holds no object", 0)
	}
	return nil
}

func hasHeader(head []byte) bool {
	const header = "%PDF-"
	for i := range head {
		if len(head)-i >= len(header) && string(head[i:i+len(header)]) == header {
			return true
		}
	}
	return false
}
