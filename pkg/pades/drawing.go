package pades

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // pictures are one of these
	_ "image/png"

	"github.com/signintech/gopdf"
)

const (
	// maxLines bounds the lines of an appearance, maxPixels its picture.
	maxLines  = 12
	maxPixels = 4 << 20
	// leading is the height of a line by the size of its text.
	leading = 1.25
)

// DrawLines draws lines of text, as large as the box allows, in a TrueType font. Only the glyphs that are used are kept. A
// character that the font lacks is an error.
func DrawLines(box Box, font []byte, lines ...string) ([]byte, error) {
	if len(lines) == 0 || len(lines) > maxLines {
		return nil, fmt.Errorf("draw lines: 1 to %d lines are drawn", maxLines)
	}
	return drawing(box, func(pdf *gopdf.GoPdf, width, height float64) error {
		missing := false
		option := gopdf.TtfOption{OnGlyphNotFound: func(rune) { missing = true }}
		if err := pdf.AddTTFFontDataWithOption("font", font, option); err != nil {
			return err
		}
		const probe = 100.0
		if err := pdf.SetFont("font", "", probe); err != nil {
			return err
		}
		size := height / (leading * float64(len(lines)))
		for _, line := range lines {
			wide, err := pdf.MeasureTextWidth(line)
			if err != nil {
				return err
			}
			if wide > 0 {
				size = min(size, probe*width/wide)
			}
		}
		if err := pdf.SetFont("font", "", size); err != nil {
			return err
		}
		for i, line := range lines {
			pdf.SetXY(0, float64(i)*size*leading)
			if err := pdf.Cell(nil, line); err != nil {
				return err
			}
		}
		if missing {
			return errors.New("the font lacks a character")
		}
		return nil
	})
}

// DrawPicture draws a PNG or JPEG picture in the middle of the box, as large as fits.
func DrawPicture(box Box, picture []byte) ([]byte, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("draw picture: %w", err)
	}
	if size.Width < 1 || size.Height < 1 || size.Width*size.Height > maxPixels {
		return nil, errors.New("draw picture: it has too many pixels, or none")
	}
	return drawing(box, func(pdf *gopdf.GoPdf, width, height float64) error {
		holder, err := gopdf.ImageHolderByBytes(picture)
		if err != nil {
			return err
		}
		scale := min(width/float64(size.Width), height/float64(size.Height))
		w, h := scale*float64(size.Width), scale*float64(size.Height)
		return pdf.ImageByHolder(holder, (width-w)/2, (height-h)/2, &gopdf.Rect{W: w, H: h})
	})
}

// drawing is a file of one page of the box's size.
func drawing(box Box, draw func(pdf *gopdf.GoPdf, width, height float64) error) (_ []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // fonts and pictures come from people
			err = fmt.Errorf("draw: the library gave up: %v", r)
		}
	}()
	width, height := box.Right-box.Left, box.Top-box.Bottom
	if width <= 0 || height <= 0 {
		return nil, errors.New("draw: the box has no size")
	}
	pdf := &gopdf.GoPdf{}
	pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: width, H: height}})
	pdf.AddPage()
	if err := draw(pdf, width, height); err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	return pdf.GetBytesPdfReturnErr()
}
