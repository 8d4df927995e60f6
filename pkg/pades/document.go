package pades

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Document is a first signed revision that was parsed.
type Document struct {
	// PDF is the revision as the library reads it. It MUST NOT be changed.
	PDF *model.Context
	// Catalog of the document, Signature the dictionary of its one signature, and Fields the number of its form's top fields.
	Catalog, Signature types.Dict
	Fields             int

	file   *File
	looked int // how many fields were looked at
}

// Document parses the first signed revision with a general library, which was written for friendly files. So it MUST be called
// only once the signature over that revision was verified to be of somebody who is trusted to sign: of that revision they have
// made, or seen, every byte. What follows the revision never reaches the library.
//
// The form has exactly one signature, the one that was taken from the bytes, and no other object looks like one.
func (f *File) Document() (*Document, error) {
	ctx, err := parse(f.pdf[:f.first.end])
	if err != nil {
		return nil, err
	}
	d := &Document{PDF: ctx, file: f}
	if d.Catalog, err = ctx.Catalog(); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if err := d.onlySignature(); err != nil {
		return nil, err
	}
	return d, d.compareSignature()
}

// parse reads a whole file, all of its objects.
func parse(pdf []byte) (_ *model.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parser gave up: %v", r)
		}
	}()
	ctx, err := api.ReadContext(bytes.NewReader(pdf), configuration())
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	// The library leaves objects in their object streams until somebody asks for them.
	for number, entry := range ctx.Table {
		if _, packed := entry.Object.(types.LazyObjectStreamObject); !packed {
			continue
		}
		if _, err := ctx.Dereference(*types.NewIndirectRef(number, 0)); err != nil { // keeps it in the table
			return nil, fmt.Errorf("parse: %w", err)
		}
	}
	return ctx, nil
}

// configuration is written out because the library's own default reads and writes a folder of the user's.
func configuration() *model.Configuration {
	limits := model.DefaultResourceLimits()
	limits.MaxStreamBytes, limits.MaxDecodeBytes = MaxBytes, 2*MaxBytes
	limits.MaxObjectCount, limits.MaxXRefEntries = 200_000, 200_000
	return &model.Configuration{
		Reader15: true, ValidationMode: model.ValidationStrict, Offline: true, Limits: limits, Cmd: model.LISTATTACHMENTS,
	}
}

func (d *Document) dict(o types.Object, found bool) (types.Dict, error) {
	if !found || o == nil {
		return nil, errors.New("dictionary is missing")
	}
	read, err := d.PDF.DereferenceDict(o)
	if err != nil || read == nil {
		return nil, errors.New("dictionary cannot be read")
	}
	return read, nil
}

// onlySignature finds the dictionary of the one signature field.
func (d *Document) onlySignature() error {
	form, err := d.dict(d.Catalog.Find("AcroForm"))
	if err != nil {
		return fmt.Errorf("form: %w", err)
	}
	o, _ := form.Find("Fields")
	fields, err := d.PDF.DereferenceArray(o)
	if err != nil || len(fields) == 0 {
		return errors.New("form fields cannot be read")
	}
	d.Fields = len(fields)
	if err := d.searchFields(fields, 0); err != nil {
		return err
	}
	if d.Signature == nil {
		return errors.New("form field is not a signature")
	}
	count := 0
	for _, entry := range d.PDF.Table {
		if object, ok := entry.Object.(types.Dict); ok && !entry.Free {
			if _, ranged := object.Find("ByteRange"); ranged {
				count++
			}
		}
	}
	if count != 1 {
		return errors.New("not exactly one signature")
	}
	return nil
}

// searchFields looks for the signature in fields and those under them.
func (d *Document) searchFields(fields types.Array, depth int) error {
	if d.looked += len(fields); depth > maxNesting || d.looked > maxFields {
		return errors.New("form fields are too many, or nested too deep")
	}
	for _, entry := range fields {
		field, err := d.dict(entry, true)
		if err != nil {
			return fmt.Errorf("form field: %w", err)
		}
		if kids, found := field.Find("Kids"); found {
			under, err := d.PDF.DereferenceArray(kids)
			if err != nil {
				return fmt.Errorf("form field: %w", err)
			}
			if err := d.searchFields(under, depth+1); err != nil {
				return err
			}
		}
		if kind := field.NameEntry("FT"); kind == nil || *kind != "Sig" || field["V"] == nil {
			continue
		}
		if d.Signature, err = d.dict(field.Find("V")); err != nil {
			return fmt.Errorf("signature: %w", err)
		}
	}
	return nil
}

// compareSignature makes sure that the dictionary a PDF reader sees is the one verified from the bytes.
func (d *Document) compareSignature() error {
	o, found := d.Signature.Find("ByteRange")
	if !found {
		return errors.New("signature range is missing")
	}
	numbers, err := d.PDF.DereferenceArray(o)
	s := d.file.first
	verified := []int{0, s.from, s.to, s.end - s.to}
	if err != nil || len(numbers) != len(verified) {
		return errors.New("signature range cannot be read")
	}
	for i, number := range numbers {
		if value, ok := number.(types.Integer); !ok || value.Value() != verified[i] {
			return errors.New("signature range is not the verified one")
		}
	}
	o, _ = d.Signature.Find("Contents")
	if value, ok := o.(types.HexLiteral); !ok || !bytes.EqualFold([]byte(value), d.file.value) {
		return errors.New("signature value is not the verified one")
	}
	return nil
}
