package pades

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// draft is a revision while it is written: objects that are new or changed.
type draft struct {
	*original
	written map[int]any
}

func (o *original) draft() *draft { return &draft{original: o, written: map[int]any{}} }

// add gives an object the next number.
func (d *draft) add(object any) reference {
	to := reference(d.next)
	d.written[d.next] = object
	d.objects[d.next] = object
	d.next++
	return to
}

// put writes an object of before anew.
func (d *draft) put(at reference, object any) {
	d.written[int(at)] = object
	d.objects[int(at)] = object
}

// with is a dictionary with another entry.
func with(d dict, key pdfName, value any) dict {
	now := maps.Clone(d)
	if now == nil {
		now = dict{}
	}
	now[key] = value
	return now
}

// extend appends to the list under a key, wherever that list is kept: in the dictionary itself, whose new form is returned, or in
// an object of its own.
func (d *draft) extend(holder dict, key pdfName, more ...any) (dict, error) {
	to, indirect := holder[key].(reference)
	list, ok := d.resolve(holder[key]).(array)
	switch {
	case !ok && holder[key] != nil:
		return nil, fmt.Errorf("%w: a list of fields or annotations", ErrMalformed)
	case indirect:
		d.put(to, append(slices.Clone(list), more...))
		return holder, nil
	}
	return with(holder, key, append(slices.Clone(list), more...)), nil
}

// addField adds a field to the form and to a page.
func (d *draft) addField(page, field reference) error {
	before := d.dict(page)
	now, err := d.extend(before, "Annots", field)
	if err != nil {
		return err
	}
	if _, indirect := before["Annots"].(reference); !indirect {
		d.put(page, now)
	}
	catalog := d.catalog()
	if catalog["AcroForm"] != nil && d.form() == nil {
		return fmt.Errorf("%w: the form", ErrMalformed)
	}
	form, err := d.extend(d.form(), "Fields", field)
	if err != nil {
		return err
	}
	d.putForm(form)
	return nil
}

// putForm writes the form anew, and says that it holds signatures and nothing may be written but behind the file.
func (d *draft) putForm(form dict) {
	const signaturesExistAppendOnly = 3
	form = with(form, "SigFlags", float64(signaturesExistAppendOnly))
	if to, indirect := d.catalog()["AcroForm"].(reference); indirect {
		d.put(to, form)
		return
	}
	d.put(d.root, with(d.catalog(), "AcroForm", form))
}

// room is the place for the value of a signature of so many octets.
func room(octets int) hexText { return hexText{digits: strings.Repeat("0", 2*octets)} }

// rangeRoom has as many digits as the largest number that can replace it.
const rangeRoom = 9_999_999_999

// seal writes the revision behind the file and has the value of the signature under this number made over everything but the
// value itself.
func (d *draft) seal(number reference, sign func(content []byte) ([]byte, error)) ([]byte, error) {
	file, offsets, err := d.write()
	if err != nil {
		return nil, err
	}
	values, _ := d.written[int(number)].(dict)
	contents := []byte("/Contents" + written(values["Contents"]))
	ranges := fmt.Appendf(nil, "%d %d %d", rangeRoom, rangeRoom, rangeRoom)
	begin := offsets[int(number)]
	valueAt, rangeAt := bytes.Index(file[begin:], contents), bytes.Index(file[begin:], ranges)
	if valueAt < 0 || rangeAt < 0 {
		return nil, errors.New("place for the signature is missing")
	}
	s := seal{from: begin + valueAt + len("/Contents"), to: begin + valueAt + len(contents), end: len(file)}
	numbers := fmt.Appendf(nil, "%d %d %d", s.from, s.to, s.end-s.to)
	copy(file[begin+rangeAt:], append(numbers, bytes.Repeat([]byte{' '}, len(ranges)-len(numbers))...))
	der, err := sign((&File{pdf: file}).covered(s))
	if err != nil {
		return nil, err
	}
	if 2*len(der) > s.to-s.from-2 {
		return nil, errors.New("signature is larger than its place")
	}
	copy(file[s.from+1:], fmt.Appendf(nil, "%x", der))
	return file, nil
}

// write appends the revision to the file. Its cross-references are of the file's kind, without gaps.
func (d *draft) write() (file []byte, offsets map[int]int, err error) {
	out := bytes.NewBuffer(bytes.Clone(d.pdf))
	if last := d.pdf[len(d.pdf)-1]; last != '\n' && last != '\r' {
		out.WriteByte('\n')
	}
	offsets = map[int]int{}
	for _, number := range slices.Sorted(maps.Keys(d.written)) {
		offsets[number] = out.Len()
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, written(d.written[number]))
	}
	table := out.Len()
	if d.streamed {
		offsets[d.next] = table
		object, err := d.referenceStream(offsets)
		if err != nil {
			return nil, nil, err
		}
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", d.next, written(object))
	} else {
		out.WriteString("xref\n")
		for _, section := range sections(offsets) {
			fmt.Fprintf(out, "%d %d\n", section[0], len(section))
			for _, number := range section {
				fmt.Fprintf(out, "%010d 00000 n \n", offsets[number])
			}
		}
		fmt.Fprintf(out, "trailer\n%s\n", written(d.trailer(d.next)))
	}
	fmt.Fprintf(out, "startxref\n%d\n%%%%EOF\n", table)
	return out.Bytes(), offsets, nil
}

func (d *draft) trailer(size int) dict {
	t := dict{"Size": float64(size), "Root": d.root, "Prev": float64(d.table)}
	if d.info != nil {
		t["Info"] = d.info
	}
	// The second half changes with the file (ISO 32000-1 14.4).
	digest := sha256.Sum256(d.pdf)
	now := plainText(digest[:16])
	t["ID"] = array{now, now}
	if before, ok := d.id.(array); ok && len(before) == 2 && isText(before[0]) {
		t["ID"] = array{before[0], now}
	}
	return t
}

// referenceStream is the cross-reference stream of the revision, which lists itself, too.
func (d *draft) referenceStream(offsets map[int]int) (stream, error) {
	var rows []byte
	index := array{}
	for _, section := range sections(offsets) {
		index = append(index, float64(section[0]), float64(len(section)))
		for _, number := range section {
			rows = append(rows, rowInFile)
			rows = binary.BigEndian.AppendUint32(rows, uint32(offsets[number])) //nolint:gosec // MaxBytes is far below
			rows = append(rows, 0, 0)
		}
	}
	packed, err := squeezed(rows)
	if err != nil {
		return stream{}, err
	}
	entries := d.trailer(d.next + 1)
	maps.Copy(entries, dict{
		"Type": pdfName("XRef"), "W": array{float64(1), float64(4), float64(2)}, "Index": index, "Filter": pdfName("FlateDecode"),
	})
	return stream{dict: entries, data: packed}, nil
}

// sections are the runs of numbers that follow each other.
func sections(offsets map[int]int) (list [][]int) {
	for _, number := range slices.Sorted(maps.Keys(offsets)) {
		if n := len(list); n > 0 && list[n-1][len(list[n-1])-1] == number-1 {
			list[n-1] = append(list[n-1], number)
			continue
		}
		list = append(list, []int{number})
	}
	return list
}

// text is a text string in UTF-16BE (ISO 32000-1 7.9.2.2).
func text(s string) plainText {
	b := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return plainText(b)
}
