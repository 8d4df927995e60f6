package pades_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/signintech/gopdf"
	"github.com/stretchr/testify/require"
)

// handwritten is a file with a cross-reference table. Objects are numbered by their position, from 1; 1 is the catalog.
func handwritten(objects ...string) []byte {
	numbered := map[int]string{}
	for i, object := range objects {
		numbered[i+1] = object
	}
	return withTable([]byte("%PDF-1.7\n"), numbered, fmt.Sprintf("/Size %d /Root 1 0 R", len(objects)+1))
}

// withTable appends objects, a table and a trailer to what there is of a file.
func withTable(begin []byte, objects map[int]string, trailer string) []byte {
	b := bytes.NewBuffer(bytes.Clone(begin))
	places := map[int]int{}
	numbers := slices.Sorted(maps.Keys(objects))
	for _, number := range numbers {
		places[number] = b.Len()
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", number, objects[number])
	}
	table := b.Len()
	b.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, number := range numbers {
		fmt.Fprintf(b, "%d 1\n%010d 00000 n \n", number, places[number])
	}
	fmt.Fprintf(b, "trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n", trailer, table)
	return b.Bytes()
}

// simple is a small file with everything direct.
func simple() []byte {
	return handwritten(
		"<< /Type /Catalog /Pages 2 0 R /Lang (ko-KR) >>",
		"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 200 200] >>",
		"<< /Type /Page /Parent 2 0 R /Resources << >> >>",
		"<< /Type /Page /Parent 2 0 R /Resources << >> /Rotate 90 >>",
	)
}

// scattered keeps its form and lists in objects of their own, has a field to be signed in and one of another kind, and names and
// strings that need escapes. more are entries of the field to be signed in.
func scattered(more ...string) []byte {
	return handwritten(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm 5 0 R /PieceInfo << /A#20B << /LastModified (D:20260101\\(x\\)) >> >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200.5 200.25] /Annots 4 0 R /Resources << >> >>",
		"[7 0 R 8 0 R]",
		"<< /Fields 6 0 R /DA (/Helv 0 Tf \\050\\)) >>",
		"[7 0 R 8 0 R]",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (buyer) /Rect [20 20 120 60] /P 3 0 R /F 4 "+strings.Join(more, " ")+" >>",
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (remark) /Rect [20 80 120 100] /P 3 0 R /F 4 /V (text) >>",
	)
}

// drawn is a file of another writer.
func drawn(t testing.TB) []byte {
	t.Helper()
	pdf := &gopdf.GoPdf{}
	pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	for range 3 {
		pdf.AddPage()
		pdf.Line(50, 50, 300, 300)
	}
	raw, err := pdf.GetBytesPdfReturnErr()
	require.NoError(t, err)
	return raw
}

// packed is a file with a cross-reference stream and object streams, as a third writer makes it.
func packed(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	conf := model.Configuration{
		Reader15: true, Offline: true, ValidationMode: model.ValidationRelaxed, WriteObjectStream: true, WriteXRefStream: true,
		Limits: model.DefaultResourceLimits(), Optimize: true, Eol: "\n",
	}
	require.NoError(t, api.Optimize(bytes.NewReader(drawn(t)), &b, &conf))
	require.Contains(t, b.String(), "/ObjStm")
	require.NotContains(t, b.String(), "\ntrailer")
	return b.Bytes()
}

func files(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"simple": simple(), "scattered": scattered(), "drawn": drawn(t), "packed": packed(t),
	}
}
