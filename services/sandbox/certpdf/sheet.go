package certpdf

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/signintech/gopdf"
)

//go:embed font/NanumGothic.ttf
var fontFile []byte

// Mark stands on every page.
const Mark = "시험용"

const (
	fontFamily = "NanumGothic"

	pageWidth, pageHeight = 595.28, 841.89 // A4 in points
	margin                = 56.0
	bodyTop               = 118.0
	bodyBottom            = pageHeight - 76.0
	labelWidth            = 104.0
	lineHeight            = 16.0
	textSize              = 10.0
)

// GlyphError tells that the font cannot show a character; a certificate with a blank in it is never made.
type GlyphError struct{ Rune rune }

// Error names the code point.
func (e *GlyphError) Error() string { return fmt.Sprintf("font has no glyph for %U", e.Rune) }

// sheet draws pages from top to bottom. The first error stays; drawing after it does nothing.
type sheet struct {
	pdf   *gopdf.GoPdf
	y     float64
	err   error
	page  int        // the page being written, from 0
	texts [][]string // what was written on each page
}

func newSheet() (*sheet, error) {
	s := &sheet{pdf: &gopdf.GoPdf{}}
	s.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	err := s.pdf.AddTTFFontDataWithOption(fontFamily, fontFile, gopdf.TtfOption{
		// Without this the library leaves a blank and says nothing.
		OnGlyphNotFound: func(r rune) { s.fail(&GlyphError{Rune: r}) },
	})
	if err != nil {
		return nil, fmt.Errorf("load font: %w", err)
	}
	return s, nil
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
	s.centre("전자문서 유통증명서", 62, 22)
	s.pdf.SetStrokeColor(120, 120, 120)
	s.pdf.SetLineWidth(0.8)
	s.pdf.Line(margin, 102, pageWidth-margin, 102)
	s.y = bodyTop
}

// footers numbers the pages, once their count is known.
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
	s.fail(s.pdf.SetFont(fontFamily, "", size))
	s.pdf.SetXY(x, y)
	s.fail(s.pdf.Cell(nil, text))
	s.texts[s.page] = append(s.texts[s.page], text)
}

func (s *sheet) centre(text string, y, size float64) {
	if s.err != nil {
		return
	}
	s.fail(s.pdf.SetFont(fontFamily, "", size))
	width, err := s.pdf.MeasureTextWidth(text)
	s.fail(err)
	s.write(text, (pageWidth-width)/2, y, size)
}

// room begins a new page unless height still fits on this one.
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

// row writes a label and its value, broken over as many lines as it needs.
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

func (s *sheet) lines(value string) ([]string, error) {
	if err := s.pdf.SetFont(fontFamily, "", textSize); err != nil {
		return nil, fmt.Errorf("set font: %w", err)
	}
	lines, err := s.pdf.SplitText(value, pageWidth-2*margin-labelWidth)
	if errors.Is(err, gopdf.ErrEmptyString) {
		return nil, errors.New("row without a value")
	}
	if err != nil {
		return nil, fmt.Errorf("break lines: %w", err)
	}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" }), nil
}

// bytes ends the drawing.
func (s *sheet) bytes() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.pdf.GetBytesPdfReturnErr()
}
