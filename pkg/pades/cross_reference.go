package pades

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errCrossReferences = errors.New("its cross-references are not those of its objects")

// place is where an object of an update stands: at a byte of the file, or at an index of an object stream.
type place struct {
	container int // number of the object stream; zero for the file itself
	at        int
}

// crossReferenceTable holds the table to the objects that were found: a reader of the file sees exactly these.
func (s *scanner) crossReferenceTable(places map[int]place) error {
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
			return errCrossReferences
		}
		for number := first; number < first+count; number++ {
			entry := s.match(entryPattern)
			if entry == nil {
				return errCrossReferences
			}
			if number == 0 && bytes.Equal(entry[3], []byte("f")) {
				continue
			}
			where, known := places[number]
			if !known || where.container != 0 || string(entry[2]) != "00000" || string(entry[3]) != "n" ||
				string(entry[1]) != fmt.Sprintf("%010d", where.at) {
				return errCrossReferences
			}
			delete(places, number) // listed once
		}
	}
	if len(places) != 0 || !s.take("trailer") {
		return errCrossReferences
	}
	return nil
}

// crossReferenceStream is a cross-reference stream (ISO 32000-1 7.5.8): the table as rows of three fields, and the trailer.
type crossReferenceStream struct {
	trailer dict
	// widths of the fields of a row: its kind, and what it says.
	widths [3]int
	// numbers are the objects of the rows.
	numbers []int
	rows    []byte
}

const (
	maxFieldWidth = 8
	rowFree       = 0
	rowInFile     = 1
	rowInStream   = 2
)

// readCrossReferenceStream takes the stream apart. Its rows must be as many as it announces, no byte more.
func readCrossReferenceStream(o stream) (*crossReferenceStream, error) {
	x := crossReferenceStream{trailer: dict{}}
	for key, v := range o.dict {
		switch key {
		case "Type", "W", "Index", "Length", "Filter", "DecodeParms":
		default:
			x.trailer[key] = v
		}
	}
	widths, ok := wholes(o.dict["W"])
	if !ok || len(widths) != len(x.widths) || widths[0] != 1 || widths[1] < 1 || max(widths[1], widths[2]) > maxFieldWidth {
		return nil, errors.New("fields of its cross-reference stream are not of the accepted width")
	}
	x.widths = [3]int(widths)
	if err := x.readIndex(o.dict); err != nil {
		return nil, err
	}
	width := widths[0] + widths[1] + widths[2]
	var err error
	if x.rows, err = o.unpackedRows(len(x.numbers), width); err != nil {
		return nil, fmt.Errorf("its cross-reference stream: %w", err)
	}
	return &x, nil
}

// readIndex lists the numbers of the rows: ascending, none twice, all below Size (ISO 32000-1 table 17).
func (x *crossReferenceStream) readIndex(d dict) error {
	wrong := errors.New("index of its cross-reference stream")
	size, ok := whole(d["Size"])
	if !ok {
		return wrong
	}
	index := []int{0, size}
	if d["Index"] != nil {
		if index, ok = wholes(d["Index"]); !ok || len(index) == 0 || len(index)%2 != 0 {
			return wrong
		}
	}
	free := 0 // the lowest number that the next section may begin with
	for ; len(index) > 0; index = index[2:] {
		first, count := index[0], index[1]
		if first < free || count < 1 || count > maxObjects+1-len(x.numbers) || first > size-count {
			return wrong
		}
		free = first + count
		for number := first; number < free; number++ {
			x.numbers = append(x.numbers, number)
		}
	}
	return nil
}

// judge holds the rows to the objects that were found, as crossReferenceTable does. The stream's own row may be missing,
// which listed tells: nothing refers to it by its number.
func (x *crossReferenceStream) judge(places map[int]place, own int) (listed bool, err error) {
	rows := &scanner{in: x.rows}
	for _, number := range x.numbers {
		kind, second, third := rows.field(x.widths[0]), rows.field(x.widths[1]), rows.field(x.widths[2])
		if number == 0 && kind == rowFree {
			continue
		}
		where, known := places[number]
		inFile := kind == rowInFile && where.container == 0 && second == uint64(where.at) && third == 0
		inStream := kind == rowInStream && where.container != 0 && second == uint64(where.container) && third == uint64(where.at)
		if !known || !inFile && !inStream {
			return false, errCrossReferences
		}
		delete(places, number) // listed once
	}
	if _, missing := places[own]; missing {
		delete(places, own)
		return false, leftOver(places)
	}
	return true, leftOver(places)
}

func leftOver(places map[int]place) error {
	if len(places) != 0 {
		return errCrossReferences
	}
	return nil
}

// field reads a number in big-endian order; one of no width is zero.
func (s *scanner) field(width int) (n uint64) {
	for range width {
		n = n<<8 | uint64(s.in[s.at])
		s.at++
	}
	return n
}
