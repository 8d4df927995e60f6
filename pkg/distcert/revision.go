package distcert

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

const (
	// maxRevisions bounds the updates after the signed revision.
	maxRevisions = 8
	// maxObjects bounds the objects of one update.
	maxObjects = 1000
)

// revision is an update that was appended to a file: its objects, each accounted for by its cross-reference table and the other
// way round, and nothing else.
type revision struct {
	objects map[int]any
	trailer dict
	// table is where its cross-reference table begins, end where the revision ends.
	table, end int
}

var (
	objectPattern  = regexp.MustCompile(`^([1-9][0-9]{0,6})[\t\n\r ]+0[\t\n\r ]+obj`)
	sectionPattern = regexp.MustCompile(`^([0-9]{1,7}) ([0-9]{1,7}) ?\r?\n`)
	entryPattern   = regexp.MustCompile(`^([0-9]{10}) ([0-9]{5}) ([nf])(?: \r| \n|\r\n)`)
	startPattern   = regexp.MustCompile(`^startxref[\t\n\r ]+([0-9]{1,10})[\t\n\r ]+%%EOF(?:\r\n|\n|\r)?`)
	tailPattern    = regexp.MustCompile(`startxref[\t\n\r ]+([0-9]{1,10})[\t\n\r ]+%%EOF[\t\n\r ]*$`)
)

// revisionsOf takes what follows the signed revision apart.
func revisionsOf(pdf []byte, signedEnd int) (list []revision, err error) {
	s := &scanner{in: pdf, at: signedEnd}
	for s.at < len(pdf) {
		if len(list) == maxRevisions {
			return nil, errors.New("too many updates")
		}
		r, err := s.revision()
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", len(list)+1, err)
		}
		list = append(list, *r)
	}
	return list, nil
}

func (s *scanner) revision() (*revision, error) {
	r := &revision{objects: map[int]any{}}
	places := map[int]int{}
	for {
		s.skip()
		begin := s.at
		found := s.match(objectPattern)
		if found == nil {
			break
		}
		number, _ := strconv.Atoi(string(found[1])) // seven digits at most
		if _, twice := places[number]; twice || len(places) == maxObjects {
			return nil, errors.New("an object twice, or too many")
		}
		places[number] = begin
		object, err := s.object()
		if err != nil {
			return nil, err
		}
		r.objects[number] = object
	}
	r.table = s.at
	if err := s.crossReferences(places); err != nil {
		return nil, err
	}
	s.skip()
	trailer, err := s.value(0)
	if err != nil {
		return nil, err
	}
	var ok bool
	if r.trailer, ok = trailer.(dict); !ok {
		return nil, errors.New("trailer")
	}
	s.skip()
	found := s.match(startPattern)
	if found == nil || string(found[1]) != strconv.Itoa(r.table) {
		return nil, errors.New("its end does not lead to its cross-reference table")
	}
	r.end = s.at
	return r, nil
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
		length, ok := d["Length"].(float64)
		if !ok || length < 0 || length != float64(int(length)) || int(length) > len(s.in)-s.at {
			return nil, errSyntax
		}
		s.at += int(length)
		if s.skip(); !s.take("endstream") {
			return nil, errSyntax
		}
		v = stream{d}
		s.skip()
	}
	if !s.take("endobj") {
		return nil, errSyntax
	}
	return v, nil
}

// crossReferences holds the table to the objects that were found: a reader of the file sees exactly these.
func (s *scanner) crossReferences(places map[int]int) error {
	wrong := errors.New("its cross-reference table is not that of its objects")
	if !s.take("xref\n") && !s.take("xref\r\n") && !s.take("xref \n") {
		return errors.New("no cross-reference table")
	}
	for {
		section := s.match(sectionPattern)
		if section == nil {
			break
		}
		first, _ := strconv.Atoi(string(section[1])) // seven digits at most, as the next
		count, _ := strconv.Atoi(string(section[2]))
		if count > maxObjects+1 {
			return wrong
		}
		for number := first; number < first+count; number++ {
			entry := s.match(entryPattern)
			if entry == nil {
				return wrong
			}
			if number == 0 && bytes.Equal(entry[3], []byte("f")) {
				continue
			}
			place, known := places[number]
			if !known || !bytes.Equal(entry[3], []byte("n")) || string(entry[2]) != "00000" || string(entry[1]) != fmt.Sprintf("%010d", place) {
				return wrong
			}
			delete(places, number) // listed once
		}
	}
	if len(places) != 0 || !s.take("trailer") {
		return wrong
	}
	return nil
}
