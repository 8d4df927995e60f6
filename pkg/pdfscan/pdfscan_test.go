package pdfscan_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pdfscan"
)

// head begins every file, with the line of binary characters that most have.
const head = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"

// file is a PDF of these objects, with a cross-reference table that lists none of them: nothing may depend on it.
func file(objects ...string) string {
	var b strings.Builder
	b.WriteString(head)
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
	return b.String()
}

func stream(dict, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content)
}

func deflated(content string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	return b.String()
}

func objectStream(content string) string {
	return stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", deflated(content))
}

func reasons(t *testing.T, content string) []string {
	t.Helper()
	findings, err := pdfscan.Scan(strings.NewReader(content))
	require.NoError(t, err)
	var found []string
	for _, f := range findings {
		if len(found) == 0 || found[len(found)-1] != f.Reason {
			found = append(found, f.Reason)
		}
	}
	return found
}

var cases = []struct {
	name, content string
	want          []string
}{
	{"an ordinary file", file("<< /Type /Catalog /Pages 2 0 R >>", stream("", "BT (text) Tj ET")), nil},
	{"text about all that is refused, in a page", file(stream("", "BT (/JavaScript /JS /Launch /EmbeddedFile /Encrypt endstream endobj) Tj ET")), nil},
	{"the same in strings and comments", file("<< /Title (a \\) /S /JavaScript \\( /JS (nested) /Launch) /Author <2F4A53> % /JS /EF\n>>"), nil},
	{"a name that only contains one", file("<< /JSX 1 /XJS 2 /A /JavaScript >>"), nil},
	{"an object stream of ordinary objects", file(objectStream("1 0 << /Type /Catalog >>")), nil},
	{"a stream that holds its own end in a string", file(stream("", "(endstream) Tj\nendstream of nothing")), nil},
	{"a stream with an indirect length", file("<< /Length 9 0 R >>\nstream\nabc\nendstream"), nil},
	{"a stream whose length is too short", file("<< /Length 2 >>\nstream\nabcdefgh\nendstream"), nil},
	{"a stream whose length is too long", file("<< /Length 99999 >>\nstream\nabc\nendstream", "<< /A 1 >>"), nil},
	{"windows line ends", strings.ReplaceAll(file("<< /A 1 >>"), "\n", "\r\n"), nil},
	{"no space anywhere", head + "1 0 obj<</A/B>>endobj 2 0 obj[1 2]endobj\n", nil},

	{"encryption in the trailer", head + "1 0 obj<<>>endobj\ntrailer << /Root 1 0 R /Encrypt 5 0 R >>\n", []string{pdfscan.Encrypted}},
	{"encryption in a cross-reference stream", file(stream("/Type /XRef /Encrypt 5 0 R", "binary")), []string{pdfscan.Encrypted}},
	{"encryption hides its object streams", head + "1 0 obj\n" + stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", "not deflated") +
		"\nendobj\ntrailer << /Encrypt << >> >>", []string{pdfscan.Encrypted}},
	{"a script", file("<< /S /JavaScript /JS (app.alert\\(1\\)) >>"), []string{pdfscan.Script}},
	{"a script as a stream", file("<< /S /JavaScript /JS 4 0 R >>"), []string{pdfscan.Script}},
	{"the name tree of scripts", file("<< /Names << /JavaScript 5 0 R >> >>"), []string{pdfscan.Script}},
	{"a script when the file is opened", file("<< /OpenAction << /S/JavaScript/JS(1) >> >>"), []string{pdfscan.Script}},
	{"a script in additional actions", file("<< /AA << /O << /JS (1) /S /JavaScript >> >> >>"), []string{pdfscan.Script}},
	{"a script with escaped names", file("<< /#53 /#4aava#53cript >>"), []string{pdfscan.Script}},
	{"a form in XML", file("<< /AcroForm << /XFA [(a) 1 0 R] >> >>"), []string{pdfscan.Script}},
	{"a launch action", file("<< /S /Launch /F (cmd.exe) >>"), []string{pdfscan.LaunchAction}},
	{"an embedded file", file(stream("/Type /EmbeddedFile", "MZ")), []string{pdfscan.EmbeddedFile}},
	{"a file specification", file("<< /Type /Filespec /EF << /F 3 0 R >> >>"), []string{pdfscan.EmbeddedFile}},
	{"the name tree of embedded files", file("<< /Names << /EmbeddedFiles 5 0 R >> >>"), []string{pdfscan.EmbeddedFile}},
	{"rich media", file("<< /Subtype /RichMedia >>"), []string{pdfscan.EmbeddedFile}},
	{"every finding", file("<< /JS 1 >>", "<< /S /Launch >>", "<< /EF 1 >>"), []string{pdfscan.Script, pdfscan.LaunchAction, pdfscan.EmbeddedFile}},

	{"in an object stream", file(objectStream("1 0 << /S /JavaScript >>")), []string{pdfscan.Script}},
	{"in an object stream with escaped type and key", file(stream("/#54ype /Obj#53tm /N 1 /First 4 /Filter [/FlateDecode]", deflated("1 0 << /#4AS 1 >>"))), []string{pdfscan.Script}},
	{"in an object stream without a type", file(stream("/N 1 /First 4 /Filter /FlateDecode", deflated("1 0 << /JS 1 >>"))), []string{pdfscan.Script}},
	{"in an object stream that is not deflated", file(stream("/Type /ObjStm /N 1 /First 4", "1 0 << /JS 1 >>")), []string{pdfscan.Script}},
	{"in an object that no table lists", file("<< >>") + "7 0 obj << /JS 1 >> endobj", []string{pdfscan.Script}},
	{"in an object in a comment between objects", head + "% 1 0 obj << /JS 1 >> endobj\n", []string{pdfscan.Script}},
	{"in an object in a parenthesis between objects", head + "( 1 0 obj << /JS 1 >> endobj )\n", []string{pdfscan.Script}},
	{"in an object with a comment in its number", head + "1 0 %\nobj << /JS 1 >> endobj\n", []string{pdfscan.Script}},
	{"in an object without space in its number", head + "1 0obj<< /JS 1 >>endobj\n", []string{pdfscan.Script}},
	{"in an object behind one without an end", head + "1 0 obj << >> 2 0 obj << /JS 1 >> endobj\n", []string{pdfscan.Script}},
	{"behind a stream whose length swallows it", head + "1 0 obj << /Length 9999 >>\nstream\nabc\nendstream\nendobj\n2 0 obj << /JS 1 >> endobj\n", []string{pdfscan.Script}},
	{"behind a trailer that is none", head + "trailer 1 0 obj << /JS 1 >> endobj\n", []string{pdfscan.Script}},

	{"no header", "1 0 obj << >> endobj", []string{pdfscan.Malformed}},
	{"nothing", "", []string{pdfscan.Malformed}},
	{"no object", head, []string{pdfscan.Malformed}},
	{"cut off in a dictionary", head + "1 0 obj << /A", []string{pdfscan.Malformed}},
	{"cut off in a string", head + "1 0 obj (abc", []string{pdfscan.Malformed}},
	{"cut off in a stream", head + "1 0 obj << /Length 9 >>\nstream\nabc", []string{pdfscan.Malformed}},
	{"cut off in an object stream", head + "1 0 obj << /Type /ObjStm >>\nstream\n1 0 <<", []string{pdfscan.Malformed}},
	{"a dictionary that does not end", file("<< /A << /B 1 >>"), []string{pdfscan.Malformed}},
	{"a dictionary that did not begin", file("[ >>"), []string{pdfscan.Malformed}},
	{"nested too deeply", file(strings.Repeat("[", 101) + strings.Repeat("]", 101)), []string{pdfscan.Malformed}},
	{"an object stream with another filter", file(stream("/Type /ObjStm /Filter /LZWDecode", "x")), []string{pdfscan.Malformed}},
	{"an object stream with two filters", file(stream("/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", "x")), []string{pdfscan.Malformed}},
	{"an object stream with a predictor", file(stream("/Type /ObjStm /Filter /FlateDecode /DecodeParms << /Predictor 12 >>", "x")), []string{pdfscan.Malformed}},
	{"an object stream whose filter is elsewhere", file(stream("/Type /ObjStm /Filter 9 0 R", "x")), []string{pdfscan.Malformed}},
	{"an object stream that does not inflate", file(stream("/Type /ObjStm /Filter /FlateDecode", "nothing deflated")), []string{pdfscan.Malformed}},
	{"an object within a stream", file(stream("", "x 5 0 obj << /JS 1 >> endobj x")), []string{pdfscan.Malformed}},
	{"an object within a string", file("(5 0 obj << /JS 1 >> endobj)"), []string{pdfscan.Malformed}},
}

// Each file has the findings it should have, and the same ones in whatever pieces it is read.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, reasons(t, c.content))
			requireSame(t, []byte(c.content))
		})
	}
}

func requireSame(t *testing.T, content []byte) {
	t.Helper()
	whole, err := pdfscan.Scan(bytes.NewReader(content))
	require.NoError(t, err)
	for _, in := range []io.Reader{
		iotest.OneByteReader(bytes.NewReader(content)), iotest.HalfReader(bytes.NewReader(content)), iotest.DataErrReader(bytes.NewReader(content)),
	} {
		pieces, err := pdfscan.Scan(in)
		require.NoError(t, err)
		require.Equal(t, whole, pieces)
	}
}

// A finding says where it is.
func TestPosition(t *testing.T) {
	t.Parallel()
	content := file("<< >>", "<< /A /B /JS 1 >>")
	findings, err := pdfscan.Scan(strings.NewReader(content))
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, int64(strings.Index(content, "/JS")+len("/JS")), findings[0].Position)
}

// An error of the reader is no finding.
func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, begin := range []string{"", head + "1 0 obj << /A", head + "1 0 obj <<>>\nstream\nabc", file(objectStream("1 0 << >>"))[:150]} {
		_, err := pdfscan.Scan(io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
	}
}

// A hostile file has few findings.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	findings, err := pdfscan.Scan(strings.NewReader(file(strings.Repeat("<< /JS 1 >> ", 10_000))))
	require.NoError(t, err)
	require.Len(t, findings, 20)
}

// What inflates to very much is not looked through to its end, and takes no memory. It runs alone, since it measures the memory
// of the process.
func TestInflatedIsBounded(t *testing.T) { //nolint:paralleltest // see above
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 80 {
		_, err := w.Write(blank)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	content := file(stream("/Type /ObjStm /Filter /FlateDecode", packed.String()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.Equal(t, []string{pdfscan.Malformed}, reasons(t, content))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

// Object streams of a few bytes each cost no more memory than one. It runs alone, since it measures the memory of the process.
func TestManyObjectStreams(t *testing.T) { //nolint:paralleltest // see above
	for _, one := range []string{objectStream("1 0 << >>"), stream("/Type /ObjStm", "1 0 << >>")} {
		content := file(slices.Repeat([]string{one}, 10_000)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Empty(t, reasons(t, content))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
	}
}

// Long tokens and endless repetitions take time in proportion to their length; quadratic work would not end within the time of a
// test.
func TestHostileRepetitions(t *testing.T) {
	t.Parallel()
	const n = 2 << 20
	for _, unit := range []string{"trailer ", "1 0 obj ", "(", "<", "/", "a", "endstream ", "stream\n", "<<>>stream\n", "<<>>stream\nendstream ", "%", "[", "#", "\\", "5 0 obj<<"} {
		for _, begin := range []string{head, head + "1 0 obj ", head + "1 0 obj <<>>\nstream\n", head + "1 0 obj ("} {
			_, err := pdfscan.Scan(strings.NewReader(begin + strings.Repeat(unit, n/len(unit))))
			require.NoError(t, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.content))
	}
	known := map[string]bool{}
	for _, reason := range pdfscan.Reasons() {
		known[reason] = true
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		findings, err := pdfscan.Scan(bytes.NewReader(content))
		require.NoError(t, err)
		require.LessOrEqual(t, len(findings), 20*len(known))
		for _, finding := range findings {
			require.True(t, known[finding.Reason])
			require.NotEmpty(t, finding.Message)
			require.LessOrEqual(t, finding.Position, int64(len(content)))
		}
		requireSame(t, content)
	})
}

func BenchmarkScan(b *testing.B) {
	content := file(stream("", strings.Repeat("0.1 0.2 0.3 rg 10 10 100 100 re f\n", 1<<15)))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := pdfscan.Scan(strings.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
