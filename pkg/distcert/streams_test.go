package distcert_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// streams writes a revision by hand that has a cross-reference stream in place of a table and, where asked for, one object
// stream (ISO 32000-1 7.5.7, 7.5.8). Everything can be written wrongly.
type streams struct {
	// table and container are the numbers of the two streams; packed are the objects in the second.
	table, container int
	packed           []int
	// plain leaves both uncompressed; predictor, unless zero, is that of the rows.
	plain     bool
	predictor int
	// unlisted leaves the cross-reference stream out of its own rows; free adds the row of object 0.
	unlisted, free bool
	// widths of the fields of a row, default 1 4 2.
	widths []int

	// What is written wrongly: the rows by their numbers, the row's bytes before and after the predictor and when they are
	// compressed, the list and the bodies of the object stream, and the dictionaries of both streams.
	entries                     func(map[int][3]int)
	rows, differences, squeezed func([]byte) []byte
	members                     func(list, bodies string) (string, string)
	inTable, inContainer        func(string) string
}

// next is the first number that is free behind these streams.
func (s streams) next(free int) int { return max(free, s.table+1, s.container+1) }

func (s streams) write(begin int, objects map[int]string, trailer string) string {
	var b strings.Builder
	entries := map[int][3]int{}
	add := func(number int, written string) {
		entries[number] = [3]int{1, begin + b.Len(), 0}
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", number, written)
	}
	for _, number := range slices.Sorted(maps.Keys(objects)) {
		if !slices.Contains(s.packed, number) {
			add(number, objects[number])
		}
	}
	if s.container != 0 {
		var list, bodies string
		for i, number := range s.packed {
			list += fmt.Sprintf("%d %d ", number, len(bodies))
			bodies += objects[number] + "\n"
			entries[number] = [3]int{2, s.container, i}
		}
		if s.members != nil {
			list, bodies = s.members(list, bodies)
		}
		dictionary := fmt.Sprintf("/Type /ObjStm /N %d /First %d", len(s.packed), len(list))
		add(s.container, s.stream(dictionary, []byte(list+bodies), nil, s.inContainer))
	}
	table := begin + b.Len()
	if !s.unlisted {
		entries[s.table] = [3]int{1, table, 0}
	}
	if s.free {
		entries[0] = [3]int{0, 0, 0xffff}
	}
	if s.entries != nil {
		s.entries(entries)
	}
	add(s.table, s.tableStream(entries, trailer))
	fmt.Fprintf(&b, "startxref\n%d\n%%%%EOF\n", table)
	return b.String()
}

func (s streams) tableStream(entries map[int][3]int, trailer string) string {
	widths := s.widths
	if widths == nil {
		widths = []int{1, 4, 2}
	}
	var rows []byte
	var index string
	for _, number := range slices.Sorted(maps.Keys(entries)) {
		index += fmt.Sprintf("%d 1 ", number)
		for i, width := range widths {
			field := binary.BigEndian.AppendUint64(nil, uint64(entries[number][i]))
			rows = append(rows, field[8-min(8, max(0, width)):]...)
		}
	}
	if s.rows != nil {
		rows = s.rows(rows)
	}
	dictionary := fmt.Sprintf("/Type /XRef /W [%d %d %d] /Index [%s] %s", widths[0], widths[1], widths[2], index, trailer)
	if s.predictor != 0 {
		width := widths[0] + widths[1] + widths[2]
		dictionary += fmt.Sprintf(" /DecodeParms << /Predictor %d /Columns %d >>", s.predictor, width)
		rows = differences(rows, width, s.predictor)
	}
	if s.differences != nil {
		rows = s.differences(rows)
	}
	return s.stream(dictionary, rows, s.squeezed, s.inTable)
}

func (s streams) stream(dictionary string, data []byte, squeezed func([]byte) []byte, edit func(string) string) string {
	if !s.plain {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, _ = z.Write(data)
		_ = z.Close()
		data = b.Bytes()
		dictionary += " /Filter /FlateDecode"
	}
	if squeezed != nil {
		data = squeezed(data)
	}
	dictionary += fmt.Sprintf(" /Length %d", len(data))
	if edit != nil {
		dictionary = edit(dictionary)
	}
	return "<< " + dictionary + " >>\nstream\n" + string(data) + "\nendstream"
}

// differences writes rows by a predictor; with 15, each row by another filter.
func differences(rows []byte, width, predictor int) []byte {
	var out []byte
	above := make([]byte, width)
	for n := 0; len(rows) > 0; n++ {
		filter := predictor - 10
		if predictor == 15 {
			filter = n % 5
		}
		out = append(out, byte(filter))
		for i, b := range rows[:width] {
			left, corner := 0, 0
			if i > 0 {
				left, corner = int(rows[i-1]), int(above[i-1])
			}
			up, guess := int(above[i]), 0
			switch filter {
			case 1:
				guess = left
			case 2:
				guess = up
			case 3:
				guess = (left + up) / 2
			case 4:
				near := left + up - corner
				guess = slices.MinFunc([]int{left, up, corner}, func(a, b int) int { return (a-near)*(a-near) - (b-near)*(b-near) })
			}
			out = append(out, b-byte(guess))
		}
		above, rows = rows[:width], rows[width:]
	}
	return out
}
