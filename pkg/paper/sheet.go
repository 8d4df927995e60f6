package paper

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signintech/gopdf"
)

const (
	pageWidth, pageHeight = 595.28, 841.89 // A4 in points
	margin                = 56.0
	bodyTop               = 118.0
	bodyBottom            = pageHeight - 76.0
	labelWidth            = 104.0
	lineHeight            = 16.0
	textSize              = 10.0
	step                  = 14.0
)

// Look is what every page says.
type Look struct {
	Title string
	// Mark is written across each page, in its banner before Notice, and at its foot; empty: neither mark nor banner.
	Mark, Notice string
}

// Sheet draws pages from top to bottom. After the first error, which it keeps, further drawing does nothing.
type Sheet struct {
	pdf   *gopdf.GoPdf
	look  Look
	y     float64
	err   error
	page  int        // the page being written, from 0
	texts [][]string // the texts written on each page
	// loaded holds the fonts whose data is in the file.
	loaded map[*font]bool
}

// New begins a sheet.
func New(look Look) *Sheet {
	s := &Sheet{look: look, pdf: &gopdf.GoPdf{}, loaded: map[*font]bool{}}
	s.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	return s
}

func (s *Sheet) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

// addPage begins a page with its mark and banner.
func (s *Sheet) addPage() {
	s.pdf.AddPage()
	s.texts = append(s.texts, nil)
	s.page = len(s.texts) - 1
	if mark := s.look.Mark; mark != "" {
		s.pdf.SetTextColor(228, 228, 228)
		for _, y := range []float64{300, 560} {
			s.pdf.Rotate(35, pageWidth/2, y)
			s.write(mark+"  "+mark, pageWidth/2-150, y-30, 60)
			s.pdf.RotateReset()
		}
		s.pdf.SetTextColor(176, 0, 0)
		s.centre(mark+" — "+s.look.Notice, 34, 12)
	}
	s.pdf.SetTextColor(0, 0, 0)
	s.centre(s.look.Title, 62, 22)
	s.pdf.SetStrokeColor(120, 120, 120)
	s.pdf.SetLineWidth(0.8)
	s.pdf.Line(margin, 102, pageWidth-margin, 102)
	s.y = bodyTop
}

// Footers writes reference and page numbers once the number of pages is known.
func (s *Sheet) Footers(reference string) {
	if s.look.Mark != "" {
		reference = s.look.Mark + "   ·   " + reference
	}
	for s.page = range s.texts {
		s.fail(s.pdf.SetPage(s.page + 1))
		s.pdf.SetTextColor(90, 90, 90)
		s.centre(fmt.Sprintf("%s   ·   %d / %d 쪽", reference, s.page+1, len(s.texts)), pageHeight-48, 9)
	}
}

func (s *Sheet) write(text string, x, y, size float64) {
	if s.err != nil {
		return
	}
	runs, err := runsOf(text)
	s.fail(err)
	for _, r := range runs {
		width := s.runWidth(r, size)
		if r.font == nil {
			s.box(r.text, x, y, size)
		} else {
			s.pdf.SetXY(x, y)
			s.fail(s.pdf.Cell(nil, r.text))
		}
		x += width
	}
	s.texts[s.page] = append(s.texts[s.page], text)
}

func (s *Sheet) centre(text string, y, size float64) {
	if s.err != nil {
		return
	}
	s.write(text, (pageWidth-s.width(text, size))/2, y, size)
}

// room begins a new page if height does not fit on this one.
func (s *Sheet) room(height float64) {
	if len(s.texts) == 0 || s.y+height > bodyBottom {
		s.addPage()
	}
}

// Keep begins a new page unless that many lines fit on this one.
func (s *Sheet) Keep(lines int) { s.room(float64(lines) * lineHeight) }

// Heading begins a group and keeps its first row on the same page.
func (s *Sheet) Heading(text string) {
	s.room(3*lineHeight + 12)
	s.y += 8
	s.pdf.SetTextColor(20, 60, 120)
	s.write(text, margin, s.y, 11.5)
	s.pdf.SetTextColor(0, 0, 0)
	s.y += lineHeight + 2
	s.pdf.SetLineWidth(0.4)
	s.pdf.Line(margin, s.y-2, pageWidth-margin, s.y-2)
}

// Row writes a label and its value, wrapped over as many lines as needed.
func (s *Sheet) Row(label, value string) {
	if s.err != nil {
		return
	}
	lines, err := s.lines(value, pageWidth-2*margin-labelWidth)
	if err != nil {
		s.fail(err)
		return
	}
	for i, line := range lines {
		s.room(lineHeight)
		if i == 0 {
			s.write(label, margin+4, s.y+2, textSize)
		}
		s.write(line, margin+labelWidth, s.y+2, textSize)
		s.y += lineHeight
	}
}

// Text writes a text over the whole width, indented by a number of steps, wrapped over as many lines as needed.
func (s *Sheet) Text(value string, indent int) {
	if s.err != nil {
		return
	}
	left := margin + 4 + step*float64(indent)
	lines, err := s.lines(value, pageWidth-margin-left)
	s.fail(err)
	for _, line := range lines {
		s.room(lineHeight)
		s.write(line, left, s.y+2, textSize)
		s.y += lineHeight
	}
}

// Texts are what was written on each page, for tests.
func (s *Sheet) Texts() [][]string { return s.texts }

// Err is the first error of the drawing.
func (s *Sheet) Err() error { return s.err }

// lines breaks a value before the character that would not fit, as is usual in Korean, or before the word where it is Latin.
func (s *Sheet) lines(value string, most float64) ([]string, error) {
	if strings.TrimSpace(value) == "" {
		return nil, errors.New("row without a value")
	}
	var lines []string
	line, used := "", 0.0
	for _, r := range value {
		width := s.width(string(r), textSize)
		if used+width > most {
			rest := ""
			if space := strings.LastIndexByte(line, ' '); space > 0 && r != ' ' && ascii(line[space:]+string(r)) {
				line, rest = line[:space], line[space+1:]
			}
			lines = append(lines, line)
			line, used = rest, s.width(rest, textSize)
		}
		line, used = line+string(r), used+width
	}
	return append(lines, line), s.err
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// Bytes ends the drawing and returns the PDF.
func (s *Sheet) Bytes() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.pdf.GetBytesPdfReturnErr()
}
