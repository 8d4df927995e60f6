package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/naru-relay/naru/pkg/id"
)

// Attachment is a machine-readable JSON file that goes with the pages.
type Attachment struct {
	// Title of the file, as viewers show it.
	Title string
	// Name of the attachment.
	Name    string
	Content []byte
}

// Attach adds an attachment to drawn pages. The same pages, attachment and time give the same bytes.
func Attach(drawn []byte, with Attachment, at time.Time) ([]byte, error) {
	ctx, err := api.ReadContext(bytes.NewReader(drawn), configuration())
	if err != nil {
		return nil, fmt.Errorf("read drawn pages: %w", err)
	}
	if err := api.ValidateContext(ctx); err != nil {
		return nil, fmt.Errorf("validate drawn pages: %w", err)
	}
	a := assembler{ctx: ctx, title: with.Title, date: pdfDate(at)}
	catalog, err := ctx.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read drawn pages: %w", err)
	}
	if err := a.attach(catalog, with.Name, with.Content); err != nil {
		return nil, fmt.Errorf("attach content: %w", err)
	}
	return a.write(with.Content)
}

// configuration sets every field, because the library's default reads and writes a folder in the user's home.
func configuration() *model.Configuration {
	return &model.Configuration{
		Reader15: true, ValidationMode: model.ValidationRelaxed, Offline: true,
		Limits: model.DefaultResourceLimits(), Cmd: model.ADDATTACHMENTS,
	}
}

type assembler struct {
	ctx   *model.Context
	title string
	date  string
}

func (a assembler) add(o types.Object) (*types.IndirectRef, error) {
	return a.ctx.IndRefForNewObject(o)
}

// attach embeds the twin in a flat name tree, and marks it as an associated file (ISO 19005-3) of the document.
func (a assembler) attach(catalog types.Dict, name string, twin []byte) error {
	stream, err := a.ctx.NewStreamDictForBuf(twin)
	if err != nil {
		return err
	}
	stream.Dict = types.Dict{
		"Type": types.Name("EmbeddedFile"), "Subtype": types.Name("application/json"), "Filter": types.Name(filter.Flate),
		"Params": types.Dict{"Size": types.Integer(len(twin)), "ModDate": types.StringLiteral(a.date)},
	}
	if err := stream.Encode(); err != nil {
		return err
	}
	file, err := a.add(*stream)
	if err != nil {
		return err
	}
	specification, err := a.add(types.Dict{
		"Type": types.Name("Filespec"), "F": text(name), "UF": text(name),
		"EF": types.Dict{"F": *file, "UF": *file}, "AFRelationship": types.Name("Data"),
	})
	if err != nil {
		return err
	}
	tree, err := a.add(types.Dict{"Names": types.Array{text(name), *specification}})
	if err != nil {
		return err
	}
	catalog["Names"] = types.Dict{"EmbeddedFiles": *tree}
	catalog["AF"] = types.Array{*specification}
	return nil
}

// text is a PDF text string in UTF-16BE. It is always written in hexadecimal, because the bytes of 한, 표 and 로 contain parentheses
// and backslashes.
func text(s string) types.HexLiteral {
	b := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return types.HexLiteral(hex.EncodeToString(b))
}

// pdfDate is KST in the notation of ISO 32000-1 section 7.9.4.
func pdfDate(at time.Time) string { return at.In(id.KST).Format("D:20060102150405") + "+09'00'" }

// write writes the objects in the order of their numbers with a plain cross-reference table. The library's own writer iterates
// over maps, so its order differs from run to run, and it takes dates and the file identifier from its own clock.
func (a assembler) write(twin []byte) ([]byte, error) {
	hexDate := types.HexLiteral(hex.EncodeToString([]byte(a.date)))
	info, err := a.add(types.Dict{
		"Title": text(a.title), "CreationDate": hexDate, "ModDate": hexDate,
	})
	if err != nil {
		return nil, fmt.Errorf("write file: %w", err)
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := map[int]int{}
	numbers := slices.Sorted(maps.Keys(a.ctx.Table))
	for _, number := range numbers {
		entry := a.ctx.Table[number]
		if entry.Free || entry.Object == nil {
			continue
		}
		offsets[number] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n", number)
		if stream, ok := entry.Object.(types.StreamDict); ok {
			stream.Dict["Length"] = types.Integer(len(stream.Raw))
			fmt.Fprintf(&out, "%s\nstream\n%s\nendstream\nendobj\n", stream.PDFString(), stream.Raw)
			continue
		}
		fmt.Fprintf(&out, "%s\nendobj\n", entry.Object.PDFString())
	}
	table, size := out.Len(), numbers[len(numbers)-1]+1
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", size)
	for number := 1; number < size; number++ {
		if offset, ok := offsets[number]; ok {
			fmt.Fprintf(&out, "%010d 00000 n \n", offset)
			continue
		}
		out.WriteString("0000000000 65535 f \n")
	}
	digest := sha256.Sum256(twin)
	identifier := types.HexLiteral(hex.EncodeToString(digest[:16]))
	trailer := types.Dict{
		"Size": types.Integer(size), "Root": *a.ctx.Root, "Info": *info, "ID": types.Array{identifier, identifier},
	}
	fmt.Fprintf(&out, "trailer\n%s\nstartxref\n%d\n%%%%EOF\n", trailer.PDFString(), table)
	return out.Bytes(), nil
}
