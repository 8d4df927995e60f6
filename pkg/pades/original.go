package pades

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"github.com/naru-relay/naru/pkg/pdfscan"
)

// Errors of files that are not signed or extended. They are refused because readers differ in what they see of such a file, or
// because an update cannot be written that all of them take.
var (
	// ErrEncrypted: the file is encrypted.
	ErrEncrypted = errors.New("the file is encrypted")
	// ErrXFA: its form is one of XML (XFA), which shows something else than the pages.
	ErrXFA = errors.New("the file holds an XFA form")
	// ErrHybrid: it has cross-references of both kinds, of which readers believe one or the other.
	ErrHybrid = errors.New("the file has hybrid cross-references")
	// ErrMalformed: it is no PDF file, or its structure cannot be read.
	ErrMalformed = errors.New("the file is not a PDF that can be read")
	// ErrLocked: who signed it before allowed no further signature, or locked fields.
	ErrLocked = errors.New("a signature of the file allows no further one")
	// ErrTooLarge: it has more than MaxBytes.
	ErrTooLarge = errors.New("the file is too large")
)

// maxNumber bounds the numbers of objects: those of updates have seven digits.
const maxNumber = 9_000_000

// original is a file that gets another revision, with the objects of all its revisions so far.
type original struct {
	pdf      []byte
	pdfcpu   *model.Context
	objects  map[int]any
	root     reference
	info     any
	id       any
	next     int // the first number that is free
	table    int
	streamed bool
}

// readOriginal reads a file that somebody wants to sign. The library that does it was written for friendly files; what it makes
// of a hostile one is at worst a revision that shows what the file shows.
func readOriginal(pdf []byte) (*original, error) {
	if len(pdf) > MaxBytes {
		return nil, ErrTooLarge
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) && !bytes.HasPrefix(pdf, []byte("%PDF-2.")) {
		return nil, ErrMalformed
	}
	// The library opens files without a password, and overlooks an encryption that stands in the trailer itself.
	found, err := pdfscan.Scan(bytes.NewReader(pdf))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if slices.ContainsFunc(found, func(f pdfscan.Finding) bool { return f.Reason == pdfscan.Encrypted }) {
		return nil, ErrEncrypted
	}
	ctx, err := parse(pdf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch {
	case ctx.Encrypt != nil:
		return nil, ErrEncrypted
	case ctx.Read.Hybrid:
		return nil, ErrHybrid
	case ctx.Root == nil || ctx.Size == nil || ctx.Root.GenerationNumber != 0:
		return nil, ErrMalformed
	}
	o := &original{pdf: pdf, pdfcpu: ctx, objects: map[int]any{}, root: reference(ctx.Root.ObjectNumber), next: *ctx.Size}
	if o.table, o.streamed, err = tail(pdf); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for number, entry := range ctx.Table {
		if !entry.Free && entry.Object != nil {
			o.objects[number] = objectOf(entry.Object)
		}
		if o.next <= number {
			o.next = number + 1
		}
	}
	if ctx.Info != nil {
		o.info = objectOf(*ctx.Info)
	}
	if len(ctx.ID) == 2 {
		o.id = objectOf(ctx.ID)
	}
	if o.form()["XFA"] != nil {
		return nil, ErrXFA
	}
	if o.next > maxNumber {
		return nil, fmt.Errorf("%w: numbers of objects", ErrMalformed)
	}
	if _, ok := o.objects[int(o.root)].(dict); !ok {
		return nil, ErrMalformed
	}
	return o, nil
}

// resolve follows references to an object.
func (o *original) resolve(object any) any {
	for range maxNesting {
		to, ok := object.(reference)
		if !ok {
			return object
		}
		object = o.objects[int(to)]
	}
	return nil
}

func (o *original) dict(object any) dict {
	d, _ := o.resolve(object).(dict)
	return d
}

func (o *original) array(object any) array {
	list, _ := o.resolve(object).(array)
	return list
}

func (o *original) catalog() dict { return o.dict(o.root) }

func (o *original) form() dict { return o.dict(o.catalog()["AcroForm"]) }

// page finds a page by its number from 1.
func (o *original) page(number int) (at reference, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: parser gave up: %v", ErrMalformed, r)
		}
	}()
	if err := o.pdfcpu.EnsurePageCount(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if number < 1 || number > o.pdfcpu.PageCount {
		return 0, fmt.Errorf("the file has no page %d", number)
	}
	_, found, _, err := o.pdfcpu.PageDict(number, false)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if found == nil || found.GenerationNumber != 0 {
		return 0, ErrMalformed
	}
	return reference(found.ObjectNumber), nil
}

// maxFields bounds the fields of a form that are looked at.
const maxFields = 10_000

// formField is a field of the form, by its full name (ISO 32000-1 12.7.3.2).
type formField struct {
	at   reference // 0 for one that is no object of its own
	name string
	dict
}

// fields lists those of the form, also those under others.
func (o *original) fields() (list []formField) {
	var walk func(entries any, above string, depth int)
	walk = func(entries any, above string, depth int) {
		for _, v := range o.array(entries) {
			at, _ := v.(reference)
			field := o.dict(v)
			if field == nil || depth > maxNesting || len(list) == maxFields {
				continue
			}
			name := decoded(field["T"])
			if above != "" {
				name = strings.TrimSuffix(above+"."+name, ".")
			}
			list = append(list, formField{at: at, name: name, dict: field})
			walk(field["Kids"], name, depth+1)
		}
	}
	walk(o.form()["Fields"], "", 0)
	return list
}

// field is one of the form's fields, by its full name.
func (o *original) field(name string) (at reference, found dict) {
	for _, field := range o.fields() {
		if field.name == name {
			return field.at, field.dict
		}
	}
	return 0, nil
}

// signatures counts the values of signature fields, and reports whether one of them forbids further signatures: by a
// certification, or by a lock of fields.
func (o *original) signatures() (count int, locked bool) {
	for _, field := range o.fields() {
		value := o.dict(field.dict["V"])
		if value["ByteRange"] == nil {
			continue
		}
		count++
		locked = locked || permissionOf(o.resolve, value) == 1 || locksFields(o.resolve, value)
	}
	return count, locked
}

// locksFields reports whether a signature forbids to change fields (FieldMDP, ISO 32000-1 12.8.2.4), be it one or all.
func locksFields(resolve func(any) any, signature dict) bool {
	list, _ := resolve(signature["Reference"]).(array)
	return slices.ContainsFunc(list, func(v any) bool {
		entry, _ := resolve(v).(dict)
		return same(entry["TransformMethod"], pdfName("FieldMDP"))
	})
}

// permissionOf reads what a certification allows later: 1 nothing but validation data, 2 forms and signatures, 3 annotations,
// too. It is 0 for a signature that certifies nothing.
func permissionOf(resolve func(any) any, signature dict) int {
	list, _ := resolve(signature["Reference"]).(array)
	for _, v := range list {
		entry, _ := resolve(v).(dict)
		if !same(entry["TransformMethod"], pdfName("DocMDP")) {
			continue
		}
		params, _ := resolve(entry["TransformParams"]).(dict)
		if p, ok := whole(params["P"]); ok && p >= 1 && p <= 3 {
			return p
		}
		return 2 // the default
	}
	return 0
}

// decoded is a text string for people.
func decoded(o any) string {
	octets := characters(o)
	if !strings.HasPrefix(octets, "\xfe\xff") {
		return octets
	}
	var units []uint16
	for rest := octets[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, uint16(rest[0])<<8|uint16(rest[1]))
	}
	return string(utf16.Decode(units))
}
