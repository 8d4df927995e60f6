package certpdf

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/naru-relay/naru/pkg/attestation"
)

var startPattern = regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`)

// extend appends a revision to a signed file (PAdES B-LTA): the certificates of both signers as validation data, and a document
// time stamp over everything before its revision's end.
func extend(signed []byte, opts Options) ([]byte, error) {
	ctx, err := api.ReadContext(bytes.NewReader(signed), configuration())
	if err != nil {
		return nil, fmt.Errorf("read signed file: %w", err)
	}
	catalog, err := ctx.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read signed file: %w", err)
	}
	if err := ctx.EnsurePageCount(); err != nil {
		return nil, fmt.Errorf("read signed file: %w", err)
	}
	page, pageRef, _, err := ctx.PageDict(1, false)
	if err != nil {
		return nil, fmt.Errorf("read signed file: %w", err)
	}
	form, ok := catalog["AcroForm"].(types.Dict)
	start := startPattern.FindSubmatch(signed)
	if !ok || start == nil || ctx.Size == nil {
		return nil, errors.New("read signed file: no form, or no end")
	}
	u := update{objects: map[int]string{}, next: *ctx.Size}
	var certificates types.Array
	for _, certificate := range slices.Concat(opts.Chain, opts.LongTerm.Chain) {
		certificates = append(certificates, u.add(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(certificate.Raw), certificate.Raw)))
	}
	stamp := u.add(types.Dict{
		"Type": types.Name("DocTimeStamp"), "Filter": types.Name("Adobe.PPKLite"), "SubFilter": types.Name("ETSI.RFC3161"),
		"ByteRange": types.Array{types.Integer(0), types.Integer(rangePlaceholder), types.Integer(rangePlaceholder), types.Integer(rangePlaceholder)},
		"Contents":  types.HexLiteral(strings.Repeat("0", 2*signatureBytes)),
	}.PDFString())
	const printLocked = 4 | 128
	field := u.add(types.Dict{
		"Type": types.Name("Annot"), "Subtype": types.Name("Widget"), "FT": types.Name("Sig"), "T": text("시점확인"),
		"V": stamp, "P": *pageRef, "F": types.Integer(printLocked),
		"Rect": types.Array{types.Integer(0), types.Integer(0), types.Integer(0), types.Integer(0)},
	}.PDFString())
	for _, list := range []struct {
		of  types.Dict
		key string
	}{{form, "Fields"}, {page, "Annots"}} {
		before, _ := list.of[list.key].(types.Array)
		list.of[list.key] = append(slices.Clone(before), field)
	}
	catalog["DSS"] = types.Dict{"Certs": certificates}
	u.objects[int(ctx.Root.ObjectNumber)], u.objects[int(pageRef.ObjectNumber)] = catalog.PDFString(), page.PDFString()
	trailer := types.Dict{"Size": types.Integer(u.next), "Root": *ctx.Root, "ID": ctx.ID}
	if ctx.Info != nil {
		trailer["Info"] = *ctx.Info
	}
	file := u.write(signed, trailer, string(start[1]))
	return sign(file, func(content []byte) ([]byte, error) {
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
		if err != nil {
			return nil, fmt.Errorf("draw serial number: %w", err)
		}
		return attestation.IssueTimeStamp(attestation.Stamp{Hash: sha256.Sum256(content), Serial: serial, At: opts.At}, opts.LongTerm.Signer, opts.LongTerm.Chain)
	})
}

// update is a revision while it is written.
type update struct {
	objects map[int]string
	next    int
}

func (u *update) add(object string) types.IndirectRef {
	number := u.next
	u.objects[number], u.next = object, number+1
	return *types.NewIndirectRef(number, 0)
}

func (u *update) write(signed []byte, trailer types.Dict, previous string) []byte {
	out := bytes.NewBuffer(bytes.Clone(signed))
	numbers, offsets := slices.Sorted(maps.Keys(u.objects)), map[int]int{}
	for _, number := range numbers {
		offsets[number] = out.Len()
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, u.objects[number])
	}
	table := out.Len()
	out.WriteString("xref\n")
	for _, number := range numbers {
		fmt.Fprintf(out, "%d 1\n%010d 00000 n \n", number, offsets[number])
	}
	written := strings.TrimSuffix(trailer.PDFString(), ">>")
	fmt.Fprintf(out, "trailer\n%s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n", written, previous, table)
	return out.Bytes()
}
