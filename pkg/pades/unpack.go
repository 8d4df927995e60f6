package pades

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"slices"
)

// maxUnpacked bounds what the object streams of all updates of a file hold when they are unpacked. They hold lists of
// validation data and the objects that name them, a few kilobytes; validation data itself are streams, which no object
// stream holds.
const maxUnpacked = 1 << 20

var (
	errPacked    = errors.New("a stream cannot be unpacked, holds more than is accepted, or has bytes behind its end")
	errPredictor = errors.New("predictor of a cross-reference stream is not of the accepted form")
)

// unpacked is what a stream holds: plain or compressed (FlateDecode), at most limit bytes. Of the packed bytes none may be
// left over, or something could be hidden there.
func (o stream) unpacked(limit int) ([]byte, error) {
	switch filter := o.dict["Filter"]; {
	case filter == nil && len(o.data) <= limit:
		return o.data, nil
	case !same(filter, pdfName("FlateDecode")) && !same(filter, array{pdfName("FlateDecode")}):
		return nil, errPacked
	}
	packed := bytes.NewReader(o.data)
	z, err := zlib.NewReader(packed)
	if err != nil {
		return nil, errPacked
	}
	data, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil || len(data) > limit || packed.Len() != 0 {
		return nil, errPacked
	}
	return data, nil
}

// unpackedRows is what a stream holds that must be this many rows of this width.
func (o stream) unpackedRows(count, width int) ([]byte, error) {
	predictor, err := o.predictor(width)
	if err != nil {
		return nil, err
	}
	size := count * width
	if predictor != noPredictor {
		size += count // every row begins with its filter
	}
	data, err := o.unpacked(size)
	if err != nil {
		return nil, err
	}
	if len(data) != size {
		return nil, errPacked
	}
	if predictor == noPredictor {
		return data, nil
	}
	return unpredicted(data, width, predictor)
}

// The predictors (ISO 32000-1 7.4.4.4). From firstPNG on they are the filters of PNG by their order, the last is any of
// them.
const (
	noPredictor = 1
	firstPNG    = 10
	anyPNG      = 15
)

// predictor reads how rows are written as differences. Readers take the row's width from Columns, so it must be the rows'.
func (o stream) predictor(width int) (int, error) {
	parms := o.dict["DecodeParms"]
	if list, ok := parms.(array); ok && len(list) == 1 {
		parms = list[0]
	}
	if parms == nil {
		return noPredictor, nil
	}
	d, ok := parms.(dict)
	if !ok || o.dict["Filter"] == nil {
		return 0, errPredictor
	}
	for key := range d {
		if !slices.Contains([]pdfName{"Predictor", "Columns", "Colors", "BitsPerComponent"}, key) {
			return 0, errPredictor
		}
	}
	or := func(key pdfName, usual int) int {
		if d[key] == nil {
			return usual
		}
		n, ok := whole(d[key])
		if !ok {
			return -1
		}
		return n
	}
	predictor := or("Predictor", noPredictor)
	differences := predictor >= firstPNG && predictor <= anyPNG && or("Columns", 1) == width
	if or("Colors", 1) != 1 || or("BitsPerComponent", 8) != 8 || predictor != noPredictor && !differences {
		return 0, errPredictor
	}
	return predictor, nil
}

// unpredicted undoes the filters of PNG (ISO/IEC 15948 9.2) for pixels of one byte. A row's filter must be the announced
// one: readers differ in which of the two they believe.
func unpredicted(data []byte, width, predictor int) ([]byte, error) {
	rows := make([]byte, 0, len(data))
	above := make([]byte, width)
	for ; len(data) > 0; data = data[width+1:] {
		filter, row := int(data[0]), slices.Clone(data[1:width+1])
		if filter >= anyPNG-firstPNG || predictor != anyPNG && filter != predictor-firstPNG {
			return nil, errPredictor
		}
		for i := range row {
			var left, corner byte
			if i > 0 {
				left, corner = row[i-1], above[i-1]
			}
			row[i] += [...]byte{0, left, above[i], byte((int(left) + int(above[i])) / 2), paeth(left, above[i], corner)}[filter]
		}
		rows, above = append(rows, row...), row
	}
	return rows, nil
}

// paeth is the neighbour that is nearest to left + above - corner; of equal ones the first of left, above, corner.
func paeth(left, above, corner byte) byte {
	from := func(b byte) int {
		distance := int(left) + int(above) - int(corner) - int(b)
		return max(distance, -distance)
	}
	switch {
	case from(left) <= from(above) && from(left) <= from(corner):
		return left
	case from(above) <= from(corner):
		return above
	default:
		return corner
	}
}
