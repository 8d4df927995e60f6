package pades

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

const (
	// maxRevisions bounds the updates after the signed revision.
	maxRevisions = 100
	// maxObjects bounds the objects of one update.
	maxObjects = 1000
)

// revision is an update that was appended to a file: its objects, each accounted for by its cross-references and the other
// way round, and nothing else.
type revision struct {
	objects map[int]any
	trailer dict
	// containers are its object streams and its cross-reference stream, and whether it lists them: nothing refers to these, and
	// what they hold is accounted for apart.
	containers map[int]bool
	// streamed: the cross-references are a stream, not a table.
	streamed bool
	// table is where its cross-references begin, end where the revision ends.
	table, end int

	places map[int]place // of all its objects and containers, while it is read
}

var (
	objectPattern  = regexp.MustCompile(`^([1-9][0-9]{0,6})[\t\n\r ]+0[\t\n\r ]+obj`)
	sectionPattern = regexp.MustCompile(`^([0-9]{1,7}) ([0-9]{1,7}) ?\r?\n`)
	entryPattern   = regexp.MustCompile(`^([0-9]{10}) ([0-9]{5}) ([nf])(?: \r| \n|\r\n)`)
	startPattern   = regexp.MustCompile(`^startxref[\t\n\r ]+([0-9]{1,10})[\t\n\r ]+%%EOF(?:\r\n|\n|\r)?`)
	tailPattern    = regexp.MustCompile(`startxref[\t\n\r ]+([0-9]{1,10})[\t\n\r ]+%%EOF[\t\n\r ]*$`)
)

// revisionsOf takes what follows the first signed revision apart; with an error it gives what was read before.
func revisionsOf(pdf []byte, signedEnd int) (list []revision, err error) {
	s, room := &scanner{in: pdf, at: signedEnd}, maxUnpacked
	for s.at < len(pdf) {
		if len(list) == maxRevisions {
			return list, errors.New("too many updates")
		}
		r, err := s.revision(&room)
		if err != nil {
			return list, fmt.Errorf("update %d: %w", len(list)+1, err)
		}
		list = append(list, *r)
	}
	return list, nil
}

// revision reads objects up to the cross-references, which end it. room is how much its object streams may still hold.
func (s *scanner) revision(room *int) (*revision, error) {
	r := &revision{objects: map[int]any{}, containers: map[int]bool{}, places: map[int]place{}}
	for !r.streamed {
		s.skip()
		r.table = s.at
		found := s.match(objectPattern)
		if found == nil {
			break
		}
		number, _ := strconv.Atoi(string(found[1])) // seven digits at most
		if err := r.put(number, place{at: r.table}); err != nil {
			return nil, err
		}
		object, err := s.object()
		if err != nil {
			return nil, err
		}
		if err := r.take(number, object, room); err != nil {
			return nil, err
		}
	}
	if !r.streamed {
		if err := s.tableAndTrailer(r); err != nil {
			return nil, err
		}
	}
	s.skip()
	found := s.match(startPattern)
	if found == nil || string(found[1]) != strconv.Itoa(r.table) {
		return nil, errors.New("its end does not lead to its cross-references")
	}
	r.end = s.at
	return r, nil
}

// put notes where an object stands.
func (r *revision) put(number int, where place) error {
	if _, twice := r.places[number]; twice || len(r.places) == maxObjects {
		return errors.New("an object twice, or too many")
	}
	r.places[number] = where
	return nil
}

// take keeps an object, or what it holds. A cross-reference stream must be the last one: it accounts for all before it.
func (r *revision) take(number int, object any, room *int) error {
	o, ok := object.(stream)
	switch {
	case ok && same(o.dict["Type"], pdfName("ObjStm")):
		r.containers[number] = true
		return r.unpack(number, o, room)
	case ok && same(o.dict["Type"], pdfName("XRef")):
		x, err := readCrossReferenceStream(o)
		if err != nil {
			return err
		}
		r.trailer, r.streamed = x.trailer, true
		r.containers[number], err = x.judge(r.places, number)
		return err
	}
	r.objects[number] = object
	return nil
}

func (s *scanner) tableAndTrailer(r *revision) error {
	if err := s.crossReferenceTable(r.places); err != nil {
		return err
	}
	s.skip()
	trailer, err := s.value(0)
	if err != nil {
		return err
	}
	var ok bool
	if r.trailer, ok = trailer.(dict); !ok {
		return errors.New("trailer")
	}
	return nil
}

// object reads what stands between obj and endobj.
func (s *scanner) object() (any, error) {
	v, err := s.value(0)
	if err != nil {
		return nil, err
	}
	s.skip()
	if d, ok := v.(dict); ok && s.take("stream") {
		if !s.take("\r\n") && !s.take("\n") {
			return nil, errSyntax
		}
		length, ok := whole(d["Length"])
		if !ok || length > len(s.in)-s.at {
			return nil, errSyntax
		}
		v = stream{d, s.in[s.at : s.at+length]}
		s.at += length
		if s.skip(); !s.take("endstream") {
			return nil, errSyntax
		}
		s.skip()
	}
	if !s.take("endobj") {
		return nil, errSyntax
	}
	return v, nil
}
