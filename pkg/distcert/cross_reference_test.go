package distcert_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/distcert"
)

// A cross-reference stream accounts for every object as a table does, and holds nothing else.
func TestCrossReferenceStreamRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := streamedPaper(t)
	signed := p.sign(t, w.hub)
	entry := func(number int, row [3]int) func(*appended) {
		return func(r *appended) { r.streams.entries = func(e map[int][3]int) { e[number] = row } }
	}
	move := func(number, by int) func(*appended) {
		return func(r *appended) {
			r.streams.entries = func(e map[int][3]int) { e[number] = [3]int{1, e[number][1] + by, 0} }
		}
	}
	dictionary := func(old, replacement string) func(*appended) {
		return func(r *appended) {
			r.streams.inTable = func(s string) string {
				require.Contains(t, s, old)
				return strings.Replace(s, old, replacement, 1)
			}
		}
	}
	text := func(old, replacement string) func(*appended) {
		return func(r *appended) {
			r.edit = func(s string) string {
				require.Contains(t, s, old)
				return strings.Replace(s, old, replacement, 1)
			}
		}
	}
	const index = "/Index [1 1 3 1 9 1 10 1 11 1 12 1 ]"
	const references, prev, kind = "not those of its objects", "does not continue", "not of the kind of those before"
	const width, ofIndex, rows, predictor = "not of the accepted width", "index of its cross-reference stream", "cannot be unpacked", "predictor"
	for name, tc := range map[string]struct {
		change func(*appended)
		want   string
	}{
		"an entry outside the file":               {entry(9, [3]int{1, 1 << 30, 0}), references},
		"an entry in the signed revision":         {entry(9, [3]int{1, 9, 0}), references},
		"an entry within an object":               {move(9, 1), references},
		"an entry before an object's white space": {move(9, -1), references},
		"two entries at one place": {func(r *appended) {
			r.streams.entries = func(e map[int][3]int) { e[9] = e[11] }
		}, references},
		"two entries changed over": {func(r *appended) {
			r.streams.entries = func(e map[int][3]int) { e[9], e[11] = e[11], e[9] }
		}, references},
		"another generation":           {func(r *appended) { r.streams.entries = func(e map[int][3]int) { e[9] = [3]int{1, e[9][1], 1} } }, references},
		"an object freed":              {entry(9, [3]int{0, 0, 1}), references},
		"an object of before freed":    {entry(2, [3]int{0, 0, 1}), references},
		"an object of before moved":    {entry(2, [3]int{1, 9, 0}), references},
		"an entry of an unknown kind":  {func(r *appended) { r.streams.entries = func(e map[int][3]int) { e[9] = [3]int{3, e[9][1], 0} } }, references},
		"an object of no stream":       {entry(9, [3]int{2, 11, 0}), references},
		"an object of a signed stream": {entry(9, [3]int{2, 7, 0}), references},
		"object 0 in use":              {entry(0, [3]int{1, 9, 0}), references},
		"an object nobody lists":       {func(r *appended) { r.streams.entries = func(e map[int][3]int) { delete(e, 11) } }, references},
		"an object nobody lists, nor the stream": {func(r *appended) {
			r.streams.unlisted, r.streams.entries = true, func(e map[int][3]int) { delete(e, 11) }
		}, references},
		"an entry for nothing": {entry(13, [3]int{1, 9, 0}), references},

		"a kind of no width":         {func(r *appended) { r.streams.widths = []int{0, 4, 2} }, width},
		"a kind of two bytes":        {func(r *appended) { r.streams.widths = []int{2, 4, 2} }, width},
		"a place of no width":        {func(r *appended) { r.streams.widths = []int{1, 0, 2} }, width},
		"a place of nine bytes":      {func(r *appended) { r.streams.widths = []int{1, 9, 2} }, width},
		"a field of nine bytes":      {func(r *appended) { r.streams.widths = []int{1, 4, 9} }, width},
		"a field of negative width":  {func(r *appended) { r.streams.widths = []int{1, 4, -2} }, width},
		"a place of negative width":  {func(r *appended) { r.streams.widths = []int{1, -4, 2} }, width},
		"a width that is not whole":  {dictionary("/W [1 4 2]", "/W [1 4.5 2]"), width},
		"two widths":                 {dictionary("/W [1 4 2]", "/W [1 6]"), width},
		"four widths":                {dictionary("/W [1 4 2]", "/W [1 4 2 0]"), width},
		"widths of another object":   {dictionary("/W [1 4 2]", "/W 11 0 R"), width},
		"no widths":                  {dictionary("/W [1 4 2]", ""), width},
		"an index with half a pair":  {dictionary("12 1 ]", "12 ]"), ofIndex},
		"an empty index":             {dictionary(index, "/Index []"), ofIndex},
		"an index beyond Size":       {dictionary("/Size 14", "/Size 12"), ofIndex},
		"an index that descends":     {dictionary("[1 1 3 1", "[3 1 1 1"), ofIndex},
		"a number twice":             {dictionary("[1 1 3 1", "[3 1 3 1"), ofIndex},
		"a negative index":           {dictionary("[1 1 3 1", "[-1 3 3 1"), ofIndex},
		"an index of too many":       {dictionary(index, "/Index [0 1000000]"), ofIndex},
		"an index of huge numbers":   {dictionary(index, "/Index [9999999999 9999999999]"), ofIndex},
		"a section of none":          {dictionary("[1 1 3 1", "[1 1 2 0 3 1"), ofIndex},
		"no index":                   {dictionary(index, ""), rows},
		"an index that lists more":   {dictionary("12 1 ]", "12 2 ]"), rows},
		"an index that lists less":   {dictionary("12 1 ]", "]"), rows},
		"no size":                    {dictionary("/Size 14", ""), ofIndex},
		"another revision before":    {dictionary("/Prev ", "/Prev 1"), prev},
		"no revision before":         {dictionary("/Prev", "/ID [] /Info 0 /Nothing"), "not accepted"},
		"Prev of another kind":       {dictionary("/Prev ", "/Prev 0."), prev},
		"another root":               {dictionary("/Root 1 0 R", "/Root 11 0 R"), prev},
		"a stream of hidden objects": {dictionary("/Size 14", "/Size 14 /XRefStm 9"), "not accepted"},
		"encryption":                 {dictionary("/Size 14", "/Size 14 /Encrypt 11 0 R"), "not accepted"},
		"a file of its own":          {dictionary("/Type /XRef", "/Type /XRef /F (other)"), "not accepted"},
		"another filter":             {dictionary("/FlateDecode", "/LZWDecode"), rows},
		"two filters":                {dictionary("/FlateDecode", "[/FlateDecode /FlateDecode]"), rows},
		"no filter though one is":    {dictionary("/Filter /FlateDecode", ""), rows},

		"a row too many":       {func(r *appended) { r.streams.rows = func(b []byte) []byte { return append(b, b[:7]...) } }, rows},
		"a byte behind rows":   {func(r *appended) { r.streams.rows = func(b []byte) []byte { return append(b, 0) } }, rows},
		"a row too few":        {func(r *appended) { r.streams.rows = func(b []byte) []byte { return b[7:] } }, rows},
		"a byte behind packed": {func(r *appended) { r.streams.squeezed = func(b []byte) []byte { return append(b, 0) } }, rows},
		"a line behind packed": {func(r *appended) { r.streams.squeezed = func(b []byte) []byte { return append(b, '\n') } }, rows},
		"a wrong checksum": {func(r *appended) {
			r.streams.squeezed = func(b []byte) []byte { b[len(b)-1]++; return b }
		}, rows},
		"a cut stream": {func(r *appended) { r.streams.squeezed = func(b []byte) []byte { return b[:len(b)-5] } }, rows},
		"rows that grow out of proportion": {func(r *appended) {
			r.streams.rows = func(b []byte) []byte { return append(b, make([]byte, 64<<20)...) }
		}, rows},

		"a predictor that grows out of proportion": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("/Columns 7", "/Columns 2147483647")(r)
		}, predictor},
		"differences that grow out of proportion": {func(r *appended) {
			r.streams.predictor, r.streams.differences = 12, func(b []byte) []byte { return append(b, make([]byte, 64<<20)...) }
		}, rows},
		"a predictor of images": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("/Predictor 12", "/Predictor 2")(r)
		}, predictor},
		"an unknown predictor": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("/Predictor 12", "/Predictor 16")(r)
		}, predictor},
		"a predictor that rows do not have": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("/Predictor 12", "/Predictor 11")(r)
		}, predictor},
		"a row with an unknown filter": {func(r *appended) {
			r.streams.predictor, r.streams.differences = 15, func(b []byte) []byte { b[0] = 5; return b }
		}, predictor},
		"colours": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("/Columns 7", "/Columns 7 /Colors 3")(r)
		}, predictor},
		"a predictor of nothing": {func(r *appended) {
			r.streams.predictor, r.streams.plain = 12, true
		}, predictor},
		"two predictors": {func(r *appended) {
			r.streams.predictor = 12
			dictionary("<< /Predictor 12 /Columns 7 >>", "[<< /Predictor 12 /Columns 7 >> << >>]")(r)
		}, predictor},

		"bytes between objects":          {text("9 0 obj\n", "gap 9 0 obj\n"), "no cross-reference table"},
		"an object behind the stream":    {text("startxref\n", "13 0 obj\nnull\nendobj\nstartxref\n"), "does not lead to its cross-references"},
		"a table behind the stream":      {text("startxref\n", "xref\ntrailer\n<< >>\nstartxref\n"), "does not lead to its cross-references"},
		"an end that leads elsewhere":    {text("startxref\n", "startxref\n1"), "does not lead to its cross-references"},
		"a number of the signed file":    {func(r *appended) { r.streams.table = 2 }, "not new"},
		"the number of the stream there": {func(r *appended) { r.streams.table = 8 }, "not new"},
		"a number of before, unlisted":   {func(r *appended) { r.streams.table, r.streams.unlisted = 2, true }, "not new"},
		"a number of its own objects":    {func(r *appended) { r.streams.table = 11 }, "an object twice"},
		"a table":                        {func(r *appended) { r.streams = nil }, kind},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.streamedStamp(t, p)
			tc.change(&r)
			w.refused(t, r.write(t, signed), tc.want)
		})
	}
}

// A stream is no continuation of a table, and a table none of a stream; nor is an object stream listed by a table.
func TestKindsOfCrossReferencesAreNotMixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t))
	signed := p.sign(t, w.hub)
	w.refused(t, w.streamedStamp(t, p).write(t, signed), "not of the kind of those before")

	r := w.stamped(t, p)
	r.objects[12] = "<< /Type /ObjStm /N 1 /First 5 /Length 7 >>\nstream\n14 0 []\nendstream"
	w.refused(t, r.write(t, signed), "not those of its objects")
	r.edit = func(s string) string { return strings.Replace(s, "xref\n", "xref\n14 1\n0000000000 00000 n \n", 1) }
	w.refused(t, r.write(t, signed), "not those of its objects")
}

// A number that the signed revision left out is not free for streams either: something there may refer to it.
func TestStreamUnderANumberLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t))
	p.objects = append(p.objects, "null")
	p.streams = &streams{table: 9}
	signed := p.sign(t, w.hub)
	r := w.packedStamp(t, p)
	r.moveUp()
	w.accepted(t, r.write(t, signed), []distcert.Update{{ValidationData: true, TimeStamp: at}})
	r.streams.container = 8
	w.refused(t, r.write(t, signed), "not new")
}
