package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/distcert"
)

// signatureSpace is what is left for the value of a signature, in bytes.
const signatureSpace = 2048

// smallCertificate is a distribution certificate without pages to look at: what a verifier reads of one, in a tenth of the bytes.
func smallCertificate(content distcert.Content, by bundle.Signer, signedAt time.Time) []byte {
	twin := must(content.Encode())
	const ranges, room = "[0 1111111111 2222222222 3333333333]", "<VALUE>"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] /SigFlags 3 >> /Names << /EmbeddedFiles << /Names [(circulation.json) 6 0 R] >> >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> /Annots [4 0 R] >>",
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (S) /Rect [0 0 0 0] /P 3 0 R /V 5 0 R >>",
		"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (" + signedAt.UTC().Format("D:20060102150405Z") + ") /ByteRange " + ranges + " /Contents " + room + " >>",
		"<< /Type /Filespec /F (circulation.json) /UF (circulation.json) /EF << /F 7 0 R >> >>",
		fmt.Sprintf("<< /Type /EmbeddedFile /Length %d >>\nstream\n%s\nendstream", len(twin), twin),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, strings.Replace(object, room, "<"+strings.Repeat("0", 2*signatureSpace)+">", 1))
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, table)
	pdf := b.Bytes()
	from := bytes.Index(pdf, []byte("<"+strings.Repeat("0", 8)))
	to := from + 2*signatureSpace + 2
	numbers := fmt.Sprintf("[0 %d %d %d]", from, to, len(pdf)-to)
	pdf = bytes.Replace(pdf, []byte(ranges), []byte(numbers+strings.Repeat(" ", len(ranges)-len(numbers))), 1)
	signature := must(cms.SignWith(append(bytes.Clone(pdf[:from]), pdf[to:]...), by.Key, by.Chain, cms.SignOptions{Detached: true, OmitSigningTime: true}))
	hex.Encode(pdf[from+1:], signature)
	return pdf
}
