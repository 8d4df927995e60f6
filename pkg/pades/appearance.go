package pades

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"maps"
)

// maxDrawing bounds the drawing of an appearance.
const maxDrawing = 4 << 20

// Box is a rectangle on a page, in points from its lower left corner before the page is rotated for showing.
type Box struct{ Left, Bottom, Right, Top float64 }

func (b Box) array() array { return array{b.Left, b.Bottom, b.Right, b.Top} }

// Appearance is how a signature is shown.
type Appearance struct {
	// Page from 1, and the box on it. A field that is there already has a place of its own, and these are not used.
	Page int
	Box  Box
	// Drawing is a PDF file whose first page is shown in the box, stretched to it. DrawLines and DrawPicture make some.
	Drawing []byte
}

func (a *Appearance) validate() error {
	switch {
	case a.Page < 1 || a.Box.Right <= a.Box.Left || a.Box.Top <= a.Box.Bottom:
		return errors.New("appearance needs a page and a box with a size")
	case len(a.Drawing) == 0 || len(a.Drawing) > maxDrawing:
		return fmt.Errorf("appearance needs a drawing of at most %d bytes", maxDrawing)
	}
	return nil
}

// draw copies the drawing's page into the draft as what a field looks like.
func (d *draft) draw(look *Appearance, rect any) (dict, error) {
	sides, ok := rect.(array)
	if !ok || len(sides) != 4 || same(sides[0], sides[2]) || same(sides[1], sides[3]) {
		return nil, errors.New("the field has no size in which an appearance could be shown")
	}
	drawing, err := readOriginal(look.Drawing)
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	at, err := drawing.page(1)
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	page := drawing.dict(at)
	content, err := drawing.content(page)
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	box, ok := drawing.inherited(page, "MediaBox").(array)
	if !ok || len(box) != 4 {
		return nil, errors.New("drawing: its page has no size")
	}
	packed, err := squeezed(content)
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	c := copier{from: drawing, to: d, done: map[reference]reference{}}
	resources, err := c.copied(drawing.inherited(page, "Resources"), 0)
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	form := dict{"Type": pdfName("XObject"), "Subtype": pdfName("Form"), "BBox": box, "Filter": pdfName("FlateDecode")}
	if resources != nil {
		form["Resources"] = resources
	}
	return dict{"N": d.add(stream{dict: form, data: packed})}, nil
}

// inherited is an attribute of a page that the nodes above it may have.
func (o *original) inherited(page dict, key pdfName) any {
	for range maxNesting {
		if v := o.resolve(page[key]); v != nil || page == nil {
			return v
		}
		page = o.dict(page["Parent"])
	}
	return nil
}

// content is everything that draws a page.
func (o *original) content(page dict) ([]byte, error) {
	parts := array{page["Contents"]}
	if list, ok := o.resolve(page["Contents"]).(array); ok {
		parts = list
	}
	var all []byte
	for _, part := range parts {
		s, ok := o.resolve(part).(stream)
		if !ok {
			return nil, errors.New("its page draws nothing")
		}
		data, err := s.unpacked(4*maxDrawing - len(all))
		if err != nil {
			return nil, err
		}
		all = append(append(all, data...), '\n')
	}
	return all, nil
}

// copier copies objects of another file.
type copier struct {
	from *original
	to   *draft
	done map[reference]reference
}

const maxCopied = 500

func (c *copier) copied(o any, depth int) (any, error) {
	if depth > 4*maxNesting || len(c.done) > maxCopied {
		return nil, errors.New("too deep, or too many objects")
	}
	switch o := o.(type) {
	case reference:
		return c.referred(o, depth)
	case oldReference:
		return nil, errors.New("objects of other generations")
	case array:
		list := make(array, len(o))
		for i, v := range o {
			var err error
			if list[i], err = c.copied(v, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case dict:
		d := dict{}
		for key, v := range o {
			var err error
			if d[key], err = c.copied(v, depth+1); err != nil {
				return nil, err
			}
		}
		return d, nil
	case stream:
		entries := maps.Clone(o.dict)
		delete(entries, "Length") // perhaps an object of its own; it is written with the data
		d, err := c.copied(entries, depth)
		if err != nil {
			return nil, err
		}
		return stream{dict: d.(dict), data: o.data}, nil
	default:
		return o, nil
	}
}

// referred copies an object once. Its number is taken before, since objects may lead back to themselves.
func (c *copier) referred(from reference, depth int) (any, error) {
	if to, done := c.done[from]; done {
		return to, nil
	}
	to := c.to.add(nil)
	c.done[from] = to
	object, err := c.copied(c.from.objects[int(from)], depth+1)
	if err != nil {
		return nil, err
	}
	c.to.put(to, object)
	return to, nil
}

// squeezed is data as FlateDecode unpacks it.
func squeezed(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}
