package browser

import (
	"encoding/binary"
	"slices"
)

// jbig2 codes a picture of black and white as PDFs embed it (ITU-T T.88): a page with one generic region, template 0, coded
// arithmetically. No encoder is to be had in Go or in Debian.
func jbig2(size int, black func(x, y int) bool) []byte {
	at := func(x, y int) int {
		if x < 0 || y < 0 || x >= size || y >= size || !black(x, y) {
			return 0
		}
		return 1
	}
	// The sixteen pixels before a pixel (figure 3, with the nominal adaptive ones) are its context.
	before := [][2]int{
		{-1, -2}, {0, -2}, {1, -2}, {2, -2}, {-2, -2}, {-2, -1}, {-1, -1}, {0, -1}, {1, -1}, {2, -1}, {3, -1}, {-3, -1}, {-4, 0}, {-3, 0}, {-2, 0}, {-1, 0},
	}
	e := &arithmetic{a: 0x8000, count: 12, out: []byte{0}, states: make([]state, 1<<16)}
	for y := range size {
		for x := range size {
			context := 0
			for _, d := range before {
				context = context<<1 | at(x+d[0], y+d[1])
			}
			e.code(context, at(x, y))
		}
	}
	long := func(values ...int) (raw []byte) {
		for _, v := range values {
			raw = binary.BigEndian.AppendUint32(raw, uint32(v)) //nolint:gosec // sizes of a small picture
		}
		return raw
	}
	segment := func(number, kind int, data []byte) []byte {
		return slices.Concat(long(number), []byte{byte(kind), 0, 1}, long(len(data)), data) //nolint:gosec // two kinds
	}
	page := slices.Concat(long(size, size, 0, 0), []byte{0, 0, 0})
	region := slices.Concat(long(size, size, 0, 0), []byte{0, 0}, []byte{3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe}, e.flush())
	return slices.Concat(segment(0, 48, page), segment(1, 38, region))
}

// estimates are the rows of the probability table (T.88, table E.1): Qe, the next state after the more and the less probable
// symbol, and whether that changes places with the other.
var estimates = [47]struct {
	qe         uint32
	more, less int
	exchange   bool
}{
	{0x5601, 1, 1, true}, {0x3401, 2, 6, false}, {0x1801, 3, 9, false}, {0x0AC1, 4, 12, false}, {0x0521, 5, 29, false}, {0x0221, 38, 33, false},
	{0x5601, 7, 6, true}, {0x5401, 8, 14, false}, {0x4801, 9, 14, false}, {0x3801, 10, 14, false}, {0x3001, 11, 17, false}, {0x2401, 12, 18, false},
	{0x1C01, 13, 20, false}, {0x1601, 29, 21, false}, {0x5601, 15, 14, true}, {0x5401, 16, 14, false}, {0x5101, 17, 15, false}, {0x4801, 18, 16, false},
	{0x3801, 19, 17, false}, {0x3401, 20, 18, false}, {0x3001, 21, 19, false}, {0x2801, 22, 19, false}, {0x2401, 23, 20, false}, {0x2201, 24, 21, false},
	{0x1C01, 25, 22, false}, {0x1801, 26, 23, false}, {0x1601, 27, 24, false}, {0x1401, 28, 25, false}, {0x1201, 29, 26, false}, {0x1101, 30, 27, false},
	{0x0AC1, 31, 28, false}, {0x09C1, 32, 29, false}, {0x08A1, 33, 30, false}, {0x0521, 34, 31, false}, {0x0441, 35, 32, false}, {0x02A1, 36, 33, false},
	{0x0221, 37, 34, false}, {0x0141, 38, 35, false}, {0x0111, 39, 36, false}, {0x0085, 40, 37, false}, {0x0049, 41, 38, false}, {0x0025, 42, 39, false},
	{0x0015, 43, 40, false}, {0x0009, 44, 41, false}, {0x0005, 45, 42, false}, {0x0001, 45, 43, false}, {0x5601, 46, 46, false},
}

// state is what has been learnt of a context.
type state struct{ index, probable int }

// arithmetic is the encoder of annex E.
type arithmetic struct {
	a, c   uint32
	count  int
	out    []byte
	states []state
}

func (e *arithmetic) code(context, bit int) {
	s := &e.states[context]
	row := estimates[s.index]
	e.a -= row.qe
	if bit == s.probable {
		if e.a&0x8000 != 0 {
			e.c += row.qe
			return
		}
		if e.a < row.qe {
			e.a = row.qe
		} else {
			e.c += row.qe
		}
		s.index = row.more
	} else {
		if e.a < row.qe {
			e.c += row.qe
		} else {
			e.a = row.qe
		}
		if row.exchange {
			s.probable = 1 - s.probable
		}
		s.index = row.less
	}
	for renormalise := true; renormalise; renormalise = e.a&0x8000 == 0 {
		e.a, e.c, e.count = e.a<<1, e.c<<1, e.count-1
		if e.count == 0 {
			e.put()
		}
	}
}

// put writes a byte; after 0xff only seven bits follow, so that a carry has room.
func (e *arithmetic) put() {
	last := &e.out[len(e.out)-1]
	if *last != 0xff && e.c >= 0x8000000 {
		*last++
		e.c &= 0x7ffffff
	}
	shift := 19
	if *last == 0xff {
		shift = 20
	}
	e.out = append(e.out, byte(e.c>>shift)) //nolint:gosec // eight bits are meant
	e.c &= 1<<shift - 1
	e.count = 27 - shift
}

func (e *arithmetic) flush() []byte {
	whole := e.c + e.a
	if e.c |= 0xffff; e.c >= whole {
		e.c -= 0x8000
	}
	for range 2 {
		e.c <<= e.count
		e.put()
	}
	return append(e.out[1:], 0xff, 0xac)
}
