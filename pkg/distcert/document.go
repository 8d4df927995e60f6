package distcert

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// document is what a trusted file holds.
type document struct {
	content  []byte // of the attachment
	signedAt time.Time
	updates  []Update
}

// readDocument parses a file whose signature was verified, and holds its structure to the form: one signature field whose
// dictionary is the one that was verified and, where the content is to be read, no other field and one attachment.
// Only the signed revision reaches the parser; what follows it is judged against that.
func readDocument(pdf []byte, signed *signedFile, opts Options) (_ *document, err error) {
	defer func() {
		// The parser is a large library that was written for friendly files.
		if r := recover(); r != nil {
			err = fmt.Errorf("parser gave up: %v", r)
		}
	}()
	ctx, err := api.ReadContext(bytes.NewReader(pdf[:signed.end]), readConfiguration())
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	r := reader{ctx: ctx}
	if err := r.unpack(); err != nil {
		return nil, err
	}
	catalog, err := ctx.Catalog()
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	withContent := opts.Profile == ProfileSandbox
	signature, err := r.onlySignature(catalog, withContent)
	if err != nil {
		return nil, err
	}
	if err := checkForm(signature, signed, opts.SubFilters); err != nil {
		return nil, err
	}
	if err := r.compareSignature(signature, signed); err != nil {
		return nil, err
	}
	var d document
	if d.updates, err = r.judgeUpdates(pdf, signed, opts.forTimeStamps()); err != nil {
		return nil, err
	}
	if text, err := ctx.DereferenceStringOrHexLiteral(signature["M"], model.V10, nil); err == nil {
		if at, ok := types.DateTime(text, false); ok {
			d.signedAt = at.UTC()
		}
	}
	if !withContent {
		return &d, nil
	}
	if d.content, err = r.onlyAttachment(catalog); err != nil {
		return nil, err
	}
	return &d, nil
}

// readConfiguration is written out because the library's own default reads and writes a folder of the user's.
func readConfiguration() *model.Configuration {
	limits := model.DefaultResourceLimits()
	limits.MaxStreamBytes, limits.MaxDecodeBytes = MaxBytes, 4*MaxBytes
	limits.MaxObjectCount, limits.MaxXRefEntries = 100_000, 100_000
	return &model.Configuration{
		Reader15: true, ValidationMode: model.ValidationStrict, Offline: true, Limits: limits, Cmd: model.LISTATTACHMENTS,
	}
}

type reader struct{ ctx *model.Context }

// unpack reads the objects that the library leaves in their object streams until somebody asks for them: every object is
// looked at.
func (r reader) unpack() error {
	for number, entry := range r.ctx.Table {
		if _, packed := entry.Object.(types.LazyObjectStreamObject); !packed {
			continue
		}
		if _, err := r.ctx.Dereference(*types.NewIndirectRef(number, 0)); err != nil { // keeps it in the table
			return fmt.Errorf("parse: %w", err)
		}
	}
	return nil
}

func (r reader) dict(o types.Object, found bool) (types.Dict, error) {
	if !found || o == nil {
		return nil, errors.New("dictionary is missing")
	}
	d, err := r.ctx.DereferenceDict(o)
	if err != nil || d == nil {
		return nil, errors.New("dictionary cannot be read")
	}
	return d, nil
}

func (r reader) array(o types.Object, found bool, length int) (types.Array, error) {
	if !found || o == nil {
		return nil, errors.New("array is missing")
	}
	a, err := r.ctx.DereferenceArray(o)
	if err != nil || len(a) != length {
		return nil, errors.New("array cannot be read or has another length")
	}
	return a, nil
}

// onlySignature finds the dictionary of the one signature field, and makes sure that no other object looks like a signature.
// alone: the form has no other field.
func (r reader) onlySignature(catalog types.Dict, alone bool) (types.Dict, error) {
	form, err := r.dict(catalog.Find("AcroForm"))
	if err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	o, _ := form.Find("Fields")
	fields, err := r.ctx.DereferenceArray(o)
	if err != nil || len(fields) == 0 || alone && len(fields) != 1 {
		return nil, errors.New("form fields cannot be read, or there are more than the signature")
	}
	var signature types.Dict
	for _, entry := range fields {
		field, err := r.dict(entry, true)
		if err != nil {
			return nil, fmt.Errorf("form field: %w", err)
		}
		if kind := field.NameEntry("FT"); kind == nil || *kind != "Sig" {
			continue
		}
		if signature, err = r.dict(field.Find("V")); err != nil {
			return nil, fmt.Errorf("signature: %w", err)
		}
	}
	if signature == nil {
		return nil, errors.New("form field is not a signature")
	}
	count := 0
	for _, entry := range r.ctx.Table {
		if d, ok := entry.Object.(types.Dict); ok && !entry.Free {
			if _, ranged := d.Find("ByteRange"); ranged {
				count++
			}
		}
	}
	if count != 1 {
		return nil, errors.New("not exactly one signature")
	}
	return signature, nil
}

// checkForm holds the signature to an accepted form, and to what that form demands of it.
func checkForm(signature types.Dict, signed *signedFile, accepted []string) error {
	form := signature.NameEntry("SubFilter")
	switch {
	case form == nil || !slices.Contains(accepted, *form):
		return errors.New("signature is not " + strings.Join(accepted, " or "))
	case *form == SubFilterPAdES && !signed.bound:
		return errors.New("signature is " + SubFilterPAdES + " and does not name its certificate")
	}
	return nil
}

// compareSignature makes sure that the dictionary a PDF reader sees is the one verified from the bytes.
func (r reader) compareSignature(signature types.Dict, signed *signedFile) error {
	o, found := signature.Find("ByteRange")
	numbers, err := r.array(o, found, 4)
	if err != nil {
		return fmt.Errorf("signature range: %w", err)
	}
	for i, number := range numbers {
		if value, ok := number.(types.Integer); !ok || value.Value() != signed.byteRange[i] {
			return errors.New("signature range is not the verified one")
		}
	}
	o, _ = signature.Find("Contents")
	if value, ok := o.(types.HexLiteral); !ok || !bytes.EqualFold([]byte(value), signed.value) {
		return errors.New("signature value is not the verified one")
	}
	return nil
}

// onlyAttachment reads the one embedded file: a flat name tree with the expected name.
func (r reader) onlyAttachment(catalog types.Dict) ([]byte, error) {
	names, err := r.dict(catalog.Find("Names"))
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	tree, err := r.dict(names.Find("EmbeddedFiles"))
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	o, found := tree.Find("Names")
	pair, err := r.array(o, found, 2)
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	specification, err := r.dict(pair[1], true)
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	for _, name := range []types.Object{pair[0], specification["UF"]} {
		if text, err := r.ctx.DereferenceStringOrHexLiteral(name, model.V10, nil); err != nil || text != AttachmentName {
			return nil, errors.New("attachment has another name")
		}
	}
	files, err := r.dict(specification.Find("EF"))
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	stream, _, err := r.ctx.DereferenceStreamDict(files["F"])
	if err != nil || stream == nil {
		return nil, errors.New("attachment cannot be read")
	}
	if err := stream.Decode(); err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	if len(stream.Content) > maxContentBytes {
		return nil, errors.New("attachment is too large")
	}
	return stream.Content, nil
}
