package e2e

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
)

const (
	// mostGrown is by how much a unit may grow over a document of any size.
	mostGrown = 32 << 20
	// mostTogether is by how much all units may, in one process with bus, sandbox and test: less than a large document.
	mostTogether = 48 << 20
)

// largeBytes is the size of a large document: 64 MiB, or so many MiB as E2E_LARGE_MIB says, up to the 1024 that content takes.
func largeBytes(t *testing.T) int64 {
	t.Helper()
	told := os.Getenv("E2E_LARGE_MIB")
	if told == "" {
		return 64 << 20
	}
	mebibytes, err := strconv.ParseInt(told, 10, 64)
	require.NoError(t, err)
	return mebibytes << 20
}

// filled is a file between head and tail that is filled up to its size.
func filled(t *testing.T, size int64, head, tail string, filling func() io.Reader) harness.File {
	t.Helper()
	f, err := harness.MakeFile(func() io.Reader {
		return io.MultiReader(strings.NewReader(head), io.LimitReader(filling(), size-int64(len(head)+len(tail))), strings.NewReader(tail))
	})
	require.NoError(t, err)
	require.Equal(t, size, f.Size)
	return f
}

const (
	pdfHead = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
	pdfTail = "\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
)

// largePDF is a PDF of one stream, which nothing compresses.
func largePDF(t *testing.T, size int64, seed byte) harness.File {
	t.Helper()
	const tail = "\nendstream\nendobj" + pdfTail
	begin := func(length int64) string {
		return pdfHead + fmt.Sprintf("2 0 obj\n<< /Length %010d >>\nstream\n", length)
	}
	return filled(t, size, begin(size-int64(len(begin(0))+len(tail))), tail, func() io.Reader { return harness.Noise(seed) })
}

// again reads a text without end.
type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		copied := copy(p[n:], a.text[a.at:])
		n, a.at = n+copied, (a.at+copied)%len(a.text)
	}
	return len(p), nil
}

func repeated(text string) func() io.Reader { return func() io.Reader { return &again{text: text} } }

// requireSmall fails if a unit grew by more than it may.
func requireSmall(t *testing.T, what string, grown map[string]uint64) {
	t.Helper()
	for unit, by := range grown {
		most := uint64(mostGrown)
		if unit == harness.OneProcess {
			most = mostTogether
		}
		require.LessOrEqual(t, by, most, "%s: %s holds too much", what, unit)
	}
}

// A document that is larger than what any unit may hold is taken, deposited and shown: it streams through all of them. The test
// runs alone, since it measures memory, and holds nothing of the file itself.
func TestLargeDocument(t *testing.T) { //nolint:paralleltest // see above
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	large := largePDF(t, largeBytes(t), 1)
	memory := stack.MeasureMemory(t)
	// What a unit needs for its first document of some parts is not what it needs for a large one.
	travel(t, institution, recipient, largePDF(t, 12<<20, 2), func(_ string, do func()) { do() })
	memory.Begin(t)
	travel(t, institution, recipient, large, func(what string, do func()) { requireSmall(t, what, memory.During(t, what, do)) })
}

// travel takes a file through the whole path, each step within a call of step.
func travel(t *testing.T, institution *harness.Institution, recipient *harness.Recipient, f harness.File, step func(what string, do func())) {
	t.Helper()
	var upload harness.Upload
	step("upload", func() { upload = institution.HandOverFile(t, "큰 문서.pdf", f) })
	require.Equal(t, "UPLOAD_STATE_READY", upload.State, "%v", upload.Findings)
	document := harness.ByReference(upload.ID, recipient.ByCI())
	step("deposit", func() {
		institution.Send(t, document)
		institution.AwaitState(t, document.EdocNum, "RECEIVED")
	})
	step("viewing", func() {
		viewing := recipient.OpenHere(t, document.EdocNum)
		hash, size := recipient.HashPart(t, viewing.Viewing, 0)
		require.Equal(t, f.Size, size)
		require.Equal(t, f.Hash, hash)
		recipient.ConfirmShown(t, viewing.Viewing)
	})
	institution.AwaitState(t, document.EdocNum, "READ")
}

// Large files that are made to be expensive cost no more memory than honest ones: they are taken, or refused. It runs alone, as
// the test above.
func TestLargeHostileFiles(t *testing.T) { //nolint:paralleltest // see above
	institution := stack.Institution(t)
	const size = 64 << 20
	memory := stack.MeasureMemory(t)
	institution.HandOverFile(t, "warm.pdf", largePDF(t, 12<<20, 3))
	memory.Begin(t)
	for _, hostile := range []struct {
		name, head, filling, tail, state string
		findings                         []string
	}{
		{
			// A table is never followed, so what it says does not matter, however large it says that it is.
			"a table that lies", pdfHead + "xref\n0 4294967295\n", "9999999999 65535 n \n",
			"trailer\n<< /Size 9223372036854775807 /Prev 18446744073709551615 /Root 1 0 R >>\nstartxref\n99999999999\n%%EOF\n", "READY", nil,
		},
		{
			"object streams that lie", pdfHead, "9 0 obj\n<< /Type /ObjStm /N 2147483647 /First 2147483647 /Length 9 >>\nstream\n1 0 2 0 3\nendstream\nendobj\n",
			pdfTail, "READY", nil,
		},
		{"arrays in arrays", pdfHead + "2 0 obj\n", "[", "\nendobj" + pdfTail, "REFUSED", []string{"PDF_MALFORMED"}},
	} {
		t.Run(hostile.name, func(t *testing.T) { //nolint:paralleltest // one after the other, as each is measured
			around, each := len(hostile.head)+len(hostile.tail), len(hostile.filling)
			f := filled(t, int64(around+(size-around)/each*each), hostile.head, hostile.tail, repeated(hostile.filling))
			var upload harness.Upload
			requireSmall(t, hostile.name, memory.During(t, hostile.name, func() { upload = institution.HandOverFile(t, "hostile.pdf", f) }))
			require.Equal(t, "UPLOAD_STATE_"+hostile.state, upload.State)
			var reasons []string
			for _, finding := range upload.Findings {
				reasons = append(reasons, finding.Reason)
			}
			require.Equal(t, hostile.findings, slices.Compact(reasons))
		})
	}
}
