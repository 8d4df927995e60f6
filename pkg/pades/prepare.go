package pades

import (
	"errors"
	"fmt"
	"strings"
)

// maxPrepared bounds the fields that are prepared at once.
const maxPrepared = 100

// Field is a place for a signature.
type Field struct {
	// Name of the field, by which Options.Field finds it; without a dot.
	Name string
	// Page from 1, and the box on it in which the signature will be shown; no box: it is not shown.
	Page int
	Box  Box
}

// Prepare appends a revision with empty signature fields, to be signed in later by Options.Field. It is for files that nobody has
// signed yet: where the first signature certifies the file, some readers take a field that is added later for a change, and
// signing in one that is there for none.
func Prepare(pdf []byte, fields ...Field) ([]byte, error) {
	prepared, err := prepare(pdf, fields)
	if err != nil {
		return nil, fmt.Errorf("prepare PDF: %w", err)
	}
	return prepared, nil
}

func prepare(pdf []byte, fields []Field) ([]byte, error) {
	if len(fields) == 0 || len(fields) > maxPrepared {
		return nil, fmt.Errorf("1 to %d fields are prepared", maxPrepared)
	}
	o, err := readOriginal(pdf)
	if err != nil {
		return nil, err
	}
	if signed, _ := o.signatures(); signed > 0 {
		return nil, errors.New("the file is signed already")
	}
	d := o.draft()
	for _, f := range fields {
		if err := d.addEmpty(f); err != nil {
			return nil, err
		}
	}
	file, _, err := d.write()
	return file, err
}

func (d *draft) addEmpty(f Field) error {
	if f.Name == "" || strings.Contains(f.Name, ".") {
		return errors.New("a field needs a name, without a dot")
	}
	if _, taken := d.field(f.Name); taken != nil {
		return errors.New("the name of a field is taken")
	}
	if f.Box != (Box{}) && (f.Box.Right <= f.Box.Left || f.Box.Top <= f.Box.Bottom) {
		return errors.New("the box of a field has no size")
	}
	page, err := d.page(f.Page)
	if err != nil {
		return err
	}
	const printed = 4
	return d.addField(page, d.add(dict{
		"Type": pdfName("Annot"), "Subtype": pdfName("Widget"), "FT": pdfName("Sig"), "T": text(f.Name), "F": float64(printed),
		"Rect": f.Box.array(), "P": page,
	}))
}
