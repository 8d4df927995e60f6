package certpdf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signintech/gopdf"
)

// Mark is printed on every page.
const Mark = "시험용"

const (
	pageWidth, pageHeight = 595.28, 841.89 // A4 in points
	margin                = 56.0
	bodyTop               = 118.0
	bodyBottom            = pageHeight - 76.0
	labelWidth            = 104.0
	lineHeight            = 16.0
	textSize              = 10.0
)

// sheet draws pages from top to bottom. After the first error, which it keeps, further drawing does nothing.
type sheet struct {
	pdf   *gopdf.GoPdf
	title string
	y     float64
	err   error
	page  int        // the page being written, from 0
	texts [][]string // the texts written on each page
	// loaded holds the fonts whose data is in the file.
	loaded map[*font]bool
}

func newSheet(title string) *sheet {
	s := &sheet{title: title, pdf: &gopdf.GoPdf{}, loaded: map[*font]bool{}}
	s.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	return s
}

func (s *sheet) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

// addPage begins a page with its watermark and banner.
func (s *sheet) addPage() {
	s.pdf.AddPage()
	s.texts = append(s.texts, nil)
	s.page = len(s.texts) - 1
	s.pdf.SetTextColor(228, 228, 228)
	for _, y := range []float64{300, 560} {
		s.pdf.Rotate(35, pageWidth/2, y)
		s.write(Mark+"  "+Mark, pageWidth/2-150, y-30, 60)
		s.pdf.RotateReset()
	}
	s.pdf.SetTextColor(176, 0, 0)
	s.centre(Mark+" — 법적 효력이 없습니다", 34, 12)
	s.pdf.SetTextColor(0, 0, 0)
	s.centre(s.title, 62, 22)
	s.pdf.SetStrokeColor(120, 120, 120)
	s.pdf.SetLineWidth(0.8)
	s.pdf.Line(margin, 102, pageWidth-margin, 102)
	s.y = bodyTop
}

// footers writes the page numbers once the number of pages is known.
func (s *sheet) footers(certNum string) {
	for s.page = range s.texts {
		s.fail(s.pdf.SetPage(s.page + 1))
		s.pdf.SetTextColor(90, 90, 90)
		s.centre(fmt.Sprintf("%s   ·   %s   ·   %d / %d 쪽", Mark, certNum, s.page+1, len(s.texts)), pageHeight-48, 9)
	}
}

func (s *sheet) write(text string, x, y, size float64) {
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

func (s *sheet) centre(text string, y, size float64) {
	if s.err != nil {
		return
	}
	s.write(text, (pageWidth-s.width(text, size))/2, y, size)
}

// room begins a new page if height does not fit on this one.
func (s *sheet) room(height float64) {
	if len(s.texts) == 0 || s.y+height > bodyBottom {
		s.addPage()
	}
}

// heading begins a group and keeps its first row on the same page.
func (s *sheet) heading(text string) {
	s.room(3*lineHeight + 12)
	s.y += 8
	s.pdf.SetTextColor(20, 60, 120)
	s.write(text, margin, s.y, 11.5)
	s.pdf.SetTextColor(0, 0, 0)
	s.y += lineHeight + 2
	s.pdf.SetLineWidth(0.4)
	s.pdf.Line(margin, s.y-2, pageWidth-margin, s.y-2)
}

// row writes a label and its value, wrapped over as many lines as needed.
func (s *sheet) row(label, value string) {
	if s.err != nil {
		return
	}
	lines, err := s.lines(value)
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

// lines breaks a value before the character that would not fit, as is usual in Korean.
func (s *sheet) lines(value string) ([]string, error) {
	if strings.TrimSpace(value) == "" {
		return nil, errors.New("row without a value")
	}
	const most = pageWidth - 2*margin - labelWidth
	var lines []string
	line, used := "", 0.0
	for _, r := range value {
		width := s.width(string(r), textSize)
		if used+width > most {
			lines = append(lines, line)
			line, used = "", 0
		}
		line, used = line+string(r), used+width
	}
	return append(lines, line), s.err
}

// bytes ends the drawing and returns the PDF.
func (s *sheet) bytes() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.pdf.GetBytesPdfReturnErr()
}
