package distcert_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/distcert"
)

// An object stream holds what its list and the cross-references say, byte by byte, and no more may change by it than by
// objects that stand in the file.
func TestObjectStreamRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := streamedPaper(t)
	signed := p.sign(t, w.hub)
	members := func(change func(list, bodies string) (string, string)) func(*appended) {
		return func(r *appended) { r.streams.members = change }
	}
	list := func(old, replacement string) func(*appended) {
		return members(func(list, bodies string) (string, string) {
			require.Contains(t, list, old)
			return strings.Replace(list, old, replacement, 1), bodies
		})
	}
	dictionary := func(old, replacement string) func(*appended) {
		return func(r *appended) {
			r.streams.inContainer = func(s string) string {
				require.Contains(t, s, old)
				return strings.Replace(s, old, replacement, 1)
			}
		}
	}
	entry := func(number int, row [3]int) func(*appended) {
		return func(r *appended) { r.streams.entries = func(e map[int][3]int) { e[number] = row } }
	}
	object := func(number int, old, replacement string) func(*appended) {
		return func(r *appended) {
			require.Contains(t, r.objects[number], old)
			r.objects[number] = strings.Replace(r.objects[number], old, replacement, 1)
		}
	}
	pack := func(number int) func(*appended) {
		return func(r *appended) { r.streams.packed = append(r.streams.packed, number) }
	}
	const form, references, packed = "object stream is not of the accepted form", "not those of its objects", "cannot be unpacked"
	const changed, twice = "an object was changed", "an object twice"
	for name, tc := range map[string]struct {
		change func(*appended)
		want   string
	}{
		"another stream of an earlier revision": {entry(9, [3]int{2, 7, 1}), references},
		"another stream of the update":          {entry(9, [3]int{2, 11, 1}), references},
		"a stream that does not exist":          {entry(9, [3]int{2, 99, 1}), references},
		"another object of the stream":          {entry(9, [3]int{2, 13, 0}), references},
		"an object behind the last":             {entry(9, [3]int{2, 13, 3}), references},
		"a packed object as one of the file":    {entry(9, [3]int{1, 1, 0}), references},
		"an object of the file as packed":       {entry(11, [3]int{2, 13, 1}), references},
		"the stream within itself":              {entry(13, [3]int{2, 13, 0}), references},
		"an object nobody lists":                {func(r *appended) { r.streams.entries = func(e map[int][3]int) { delete(e, 9) } }, references},
		"a stream nobody lists":                 {func(r *appended) { r.streams.entries = func(e map[int][3]int) { delete(e, 13) } }, references},
		"an object in the stream and the file": {func(r *appended) {
			r.edit = func(s string) string { return "9 0 obj\nnull\nendobj\n" + s }
		}, twice},
		"an object twice in the stream":  {list("9 ", "3 "), twice},
		"an object under another number": {list("9 ", "2 "), references},
		"the stream in itself":           {list("9 ", "13 "), twice},
		"an object 0":                    {list("9 ", "0 "), form},
		"a stream under a number of the signed file": {func(r *appended) {
			r.streams.container = 2
		}, "not new"},

		"a list in another order": {members(func(list, bodies string) (string, string) {
			one := strings.SplitAfter(list, " ")
			return strings.Join([]string{one[2], one[3], one[0], one[1], one[4], one[5]}, ""), bodies
		}), form},
		"a place within an object":   {list("9 ", "9 1"), form},
		"a list with something else": {list("9 ", "(x) 9 "), form},
		"a number that its place follows at once": {func(r *appended) {
			const number = 1234567 // the most digits of a number
			r.objects[number], r.trailer = "[11 0 R]", "/Size 1234568 /Root 1 0 R"
			pack(number)(r)
			list("1234567 ", "1234567")(r)
		}, form},
		"a comment in the list":         {list("9 ", "% \n9 "), form},
		"a number with a sign":          {list("9 ", "+9 "), form},
		"a list with more":              {members(func(list, bodies string) (string, string) { return list + "14 0 ", bodies }), form},
		"bytes before the first object": {members(func(list, bodies string) (string, string) { return list, " " + bodies }), form},
		"bytes between objects": {members(func(list, bodies string) (string, string) {
			return list, strings.Replace(bodies, ">>\n<<", ">>x<<", 1)
		}), form},
		"bytes behind the last object": {members(func(list, bodies string) (string, string) { return list, bodies + "null" }), form},
		"a comment behind the last":    {members(func(list, bodies string) (string, string) { return list, bodies + "% hidden" }), form},
		"no object":                    {dictionary("/N 3", "/N 0"), form},
		"less objects than it has":     {dictionary("/N 3", "/N 2"), form},
		"more objects than it has":     {dictionary("/N 3", "/N 4"), form},
		"too many objects":             {dictionary("/N 3", "/N 9999999999"), form},
		"a number that is not whole":   {dictionary("/N 3", "/N 3.5"), form},
		"objects of another place":     {dictionary("/First 15", "/First 14"), form},
		"objects outside the stream":   {dictionary("/First 15", "/First 9999999"), form},
		"objects that begin in the list": {func(r *appended) {
			dictionary("/First 15", "/First 14")(r)
			members(func(list, bodies string) (string, string) {
				var moved string
				for i, text := range strings.Fields(list) {
					n, err := strconv.Atoi(text)
					require.NoError(t, err)
					moved += strconv.Itoa(n+i%2) + " "
				}
				require.Len(t, moved, len(list))
				return moved, bodies
			})(r)
		}, form},
		"a stream that it extends":      {dictionary("/N 3", "/N 3 /Extends 11 0 R"), "not accepted"},
		"a file of its own":             {dictionary("/N 3", "/N 3 /F (other)"), "not accepted"},
		"a predictor":                   {dictionary("/N 3", "/N 3 /DecodeParms << /Predictor 12 /Columns 1 >>"), "not accepted"},
		"another filter":                {dictionary("/FlateDecode", "/LZWDecode"), packed},
		"objects out of all proportion": {members(func(list, bodies string) (string, string) { return list, bodies + strings.Repeat(" ", 64<<20) }), packed},
		"bytes behind the packed ones": {func(r *appended) {
			r.edit = func(s string) string {
				require.Contains(t, s, "/N 3")
				start, length := strings.Index(s, "stream\nx"), 0
				_, err := fmt.Sscanf(s[strings.LastIndex(s[:start], "/Length "):], "/Length %d", &length)
				require.NoError(t, err)
				s = strings.Replace(s, fmt.Sprintf("/Length %d >>\nstream\nx", length), fmt.Sprintf("/Length %d >>\nstream\nx", length+1), 1)
				end := start + length + strings.Index(s[start+length:], "\nendstream")
				return s[:end] + "0" + s[end:]
			}
		}, packed},

		"a stream in the stream": {pack(11), "not of the accepted form"},
		"a time stamp":           {pack(10), "a signature in an object stream"},
		"a signature": {func(r *appended) {
			r.objects[14], r.streams.packed = "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>", append(r.streams.packed, 14)
			r.trailer = "/Size 15 /Root 1 0 R"
		}, "a signature in an object stream"},
		"a reference as object": {func(r *appended) {
			r.objects[14], r.streams.packed = "5 0 R", append(r.streams.packed, 14)
			r.trailer = "/Size 15 /Root 1 0 R"
		}, "neither validation data nor part of a signature or time stamp"},
		"an object of another kind": {func(r *appended) {
			r.objects[14], r.streams.packed = "<< /Type /XObject /Subtype /Form >>", append(r.streams.packed, 14)
			r.trailer = "/Size 15 /Root 1 0 R"
		}, "neither validation data nor part of a signature or time stamp"},
		"the hub's field written anew": {func(r *appended) {
			r.objects[4], r.streams.packed = p.objects[3], append(r.streams.packed, 4)
		}, changed},
		"another page size":         {object(3, "[0 0 200 200]", "[0 0 100 100]"), changed},
		"another page content":      {object(3, "/Resources << >>", "/Resources << >> /Contents 11 0 R"), changed},
		"an action in the catalog":  {object(1, "/Type /Catalog", "/Type /Catalog /OpenAction << /S /JavaScript /JS (app) >>"), changed},
		"another attachment":        {object(1, "(circulation.json) 6 0 R", "(circulation.json) 11 0 R"), changed},
		"a field that is shown":     {object(9, "[0 0 0 0]", "[0 0 9 9]"), "a time stamp is shown"},
		"a field with the hub's":    {object(9, "/V 10 0 R", "/V 5 0 R"), "no value of its own"},
		"an object beyond the Size": {func(r *appended) { r.trailer = "/Size 13 /Root 1 0 R" }, "index"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.packedStamp(t, p)
			tc.change(&r)
			w.refused(t, r.write(t, signed), tc.want)
		})
	}
}

// A bomb is not unpacked further than its bound.
func TestBombsAreNotUnpacked(t *testing.T) { //nolint:paralleltest // what others allocate would be counted too
	w := newWorld(t)
	p := streamedPaper(t)
	signed := p.sign(t, w.hub)
	const bomb = 64 << 20
	for _, change := range []func(*streams){
		func(s *streams) {
			s.members = func(list, bodies string) (string, string) { return list, bodies + strings.Repeat(" ", bomb) }
		},
		func(s *streams) { s.rows = func(b []byte) []byte { return append(b, make([]byte, bomb)...) } },
		func(s *streams) {
			s.predictor, s.differences = 12, func(b []byte) []byte { return append(b, make([]byte, bomb)...) }
		},
	} {
		r := w.packedStamp(t, p)
		change(r.streams)
		pdf := r.write(t, signed)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.refused(t, pdf, "cannot be unpacked")
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(bomb/2))
	}
}

// All object streams of a file share one bound.
func TestObjectStreamsShareTheirBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := streamedPaper(t)
	pdf := p.sign(t, w.hub)
	for n := range 3 {
		number, padding := 9+3*n, strings.Repeat(" ", 400<<10)
		r := appended{trailer: fmt.Sprintf("/Size %d /Root 1 0 R", number+3), objects: map[int]string{number: "[]"}, streams: &streams{
			container: number + 1, table: number + 2, packed: []int{number},
			members: func(list, bodies string) (string, string) { return list, bodies + padding },
		}}
		pdf = r.write(t, pdf)
		if n < 2 {
			_, _, err := distcert.Verify(pdf, w.options(at))
			require.NoError(t, err)
		}
	}
	w.refused(t, pdf, "cannot be unpacked")
}

// What an update packs is there to stay: a later one may neither write its object stream anew nor reuse its number.
func TestObjectStreamsOfUpdatesStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := streamedPaper(t)
	first := w.packedStamp(t, p)
	pdf := first.write(t, p.sign(t, w.hub))
	for _, number := range []int{first.streams.container, first.streams.table} {
		r := appended{trailer: "/Size 16 /Root 1 0 R", streams: &streams{table: 15}, objects: map[int]string{
			14: "[11 0 R]", number: "<< /Length 0 >>\nstream\n\nendstream",
		}}
		w.refused(t, r.write(t, pdf), "an object was changed")
		delete(r.objects, number)
		w.accepted(t, r.write(t, pdf), []distcert.Update{{ValidationData: true, TimeStamp: at}, {ValidationData: true}})
		r.streams.container, r.streams.packed = number, []int{14}
		w.refused(t, r.write(t, pdf), "not new")
	}
}

// What the signed revision keeps in object streams is looked at as everything else: its signatures, and references to
// objects that it does not hold.
func TestSignedObjectStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	packedPaper := func() *paper {
		p := newPaper(encoded(t))
		p.streams = &streams{table: 10, container: 9, packed: []int{1, 2, 3, 4, 6, 8}}
		p.objects = append(p.objects, "<< /Type /ExtGState >>")
		return p
	}
	pdf := packedPaper().sign(t, w.hub)
	require.NotContains(t, string(pdf), "/ExtGState")
	w.accepted(t, pdf, nil)

	hidden := packedPaper().replace(t, 8, "/Type /ExtGState", "/Type /Sig /Byte#52ange [0 1 2 3]")
	w.refused(t, hidden.sign(t, w.hub), "not exactly one signature")

	update := func(p *paper) []byte {
		r := w.streamedStamp(t, p)
		r.moveUp()
		return r.write(t, p.sign(t, w.hub))
	}
	w.accepted(t, update(packedPaper()), []distcert.Update{{ValidationData: true, TimeStamp: at}})
	w.refused(t, update(packedPaper().replace(t, 8, "/Type", "/Font 13 0 R /Type")), "refers to objects that it does not hold")
}
