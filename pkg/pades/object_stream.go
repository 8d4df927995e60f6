package pades

import (
	"errors"
	"regexp"
	"slices"
)

var (
	errObjectStream = errors.New("an object stream is not of the accepted form")
	wholePattern    = regexp.MustCompile(`^[0-9]{1,7}`)
)

// unpack takes an object stream (ISO 32000-1 7.5.7) apart into objects of the revision. Every byte of it belongs to its list
// of numbers, to one object or to the white space between them. Signatures and time stamps are refused in it, since their
// place in the file is part of what they sign.
func (r *revision) unpack(container int, o stream, room *int) error {
	for key := range o.dict {
		if !slices.Contains([]pdfName{"Type", "N", "First", "Length", "Filter"}, key) {
			return errors.New("an object stream has an entry that is not accepted")
		}
	}
	count, counted := whole(o.dict["N"])
	first, ok := whole(o.dict["First"])
	if !ok || !counted || count < 1 || count > maxObjects {
		return errObjectStream
	}
	data, err := o.unpacked(*room)
	if err != nil {
		return err
	}
	*room -= len(data)
	s := &scanner{in: data}
	numbers, offsets := make([]int, count), make([]int, count)
	for i := range count {
		var numbered, placed bool
		numbers[i], numbered = s.whole()
		offsets[i], placed = s.whole()
		if !numbered || !placed || numbers[i] == 0 {
			return errObjectStream
		}
	}
	if s.at != first { // where some readers end the list
		return errObjectStream
	}
	for i, number := range numbers {
		if s.at-first != offsets[i] {
			return errObjectStream
		}
		object, err := s.value(0)
		if err != nil {
			return err
		}
		if d, ok := object.(dict); ok && d["ByteRange"] != nil {
			return errors.New("a signature in an object stream")
		}
		if err := r.put(number, place{container, i}); err != nil {
			return err
		}
		r.objects[number] = object
		s.skip()
	}
	if s.at != len(data) {
		return errObjectStream
	}
	return nil
}

// whole reads a number of digits alone that white space or the end follows.
func (s *scanner) whole() (int, bool) {
	s.skip()
	found := s.match(wholePattern)
	if found == nil {
		return 0, false
	}
	end := s.at
	if s.skip(); s.at == end && end < len(s.in) {
		return 0, false
	}
	n := 0
	for _, digit := range found[0] {
		n = 10*n + int(digit-'0')
	}
	return n, true
}
