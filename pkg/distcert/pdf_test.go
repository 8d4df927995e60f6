package distcert_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
)

// paper writes small signed PDF files by hand, so that the tests can make files that no correct writer makes. Objects are
// numbered by their position, from 1.
type paper struct {
	objects []string
	// tail is appended after the end of the file before signing.
	tail string
	// space is the number of octets reserved for the signature.
	space int
	// streams in place of the table; nil for a table.
	streams *streams
}

const (
	rangePlace = "[0 1111111111 2222222222 3333333333]"
	valuePlace = "<VALUE>"
)

// newPaper returns a file of the documented form with this content.
func newPaper(content []byte) *paper {
	return &paper{space: 4096, objects: []string{
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] /SigFlags 3 >> /Names << /EmbeddedFiles << /Names [(circulation.json) 6 0 R] >> >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> /Annots [4 0 R] >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (S) /Rect [0 0 0 0] /P 3 0 R /V 5 0 R >>",
		"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (D:20260302100203+09'00') /ByteRange " + rangePlace + " /Contents " + valuePlace + " >>",
		"<< /Type /Filespec /F (circulation.json) /UF (circulation.json) /EF << /F 7 0 R >> >>",
		fmt.Sprintf("<< /Type /EmbeddedFile /Length %d >>\nstream\n%s\nendstream", len(content), content),
	}}
}

// replace changes one object.
func (p *paper) replace(t testing.TB, number int, old, replacement string) *paper {
	t.Helper()
	require.Contains(t, p.objects[number-1], old)
	p.objects = slices.Clone(p.objects)
	p.objects[number-1] = strings.Replace(p.objects[number-1], old, replacement, 1)
	return p
}

func (p *paper) write() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	if p.streams != nil {
		objects := map[int]string{}
		for i, object := range p.objects {
			objects[i+1] = strings.Replace(object, valuePlace, "<"+strings.Repeat("0", 2*p.space)+">", 1)
		}
		trailer := fmt.Sprintf("/Size %d /Root 1 0 R", p.streams.next(len(p.objects)+1))
		return append(b.Bytes(), p.streams.write(b.Len(), objects, trailer)...)
	}
	offsets := make([]int, 0, len(p.objects))
	for i, object := range p.objects {
		offsets = append(offsets, b.Len())
		object = strings.Replace(object, valuePlace, "<"+strings.Repeat("0", 2*p.space)+">", 1)
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n%s", len(offsets)+1, table, p.tail)
	return b.Bytes()
}

// sign writes the file with its ByteRange and signs it.
func (p *paper) sign(t testing.TB, signer cmstest.Signer) []byte {
	t.Helper()
	return p.signWith(t, func(content []byte) ([]byte, error) {
		return cms.SignWith(content, signer.Key, signer.Chain, cms.SignOptions{Detached: true, OmitSigningTime: true})
	})
}

// signWith is sign with a signature over the content as somebody else makes it.
func (p *paper) signWith(t testing.TB, sign func(content []byte) ([]byte, error)) []byte {
	t.Helper()
	pdf := p.write()
	zeros := strings.Repeat("0", 2*p.space)
	start := bytes.Index(pdf, []byte("<"+zeros+">"))
	require.Positive(t, start)
	end := start + len(zeros) + 2
	numbers := fmt.Sprintf("[0 %d %d %d]", start, end, len(pdf)-end)
	pdf = bytes.Replace(pdf, []byte(rangePlace), []byte(numbers+strings.Repeat(" ", len(rangePlace)-len(numbers))), 1)
	der, err := sign(slices.Concat(pdf[:start], pdf[end:]))
	require.NoError(t, err)
	require.LessOrEqual(t, len(der), p.space)
	hex.Encode(pdf[start+1:], der)
	return pdf
}
