package paper

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/signintech/gopdf"
	"github.com/signintech/gopdf/fontmaker/core"
)

//go:embed font/NanumGothic.ttf
var nanumGothic []byte

// font is a font, from which the characters it can show are read when they are first needed.
type font struct {
	family string
	data   []byte
	parsed func() (*core.TTFParser, error)
}

func newFont(family string, data []byte) *font {
	return &font{family: family, data: data, parsed: sync.OnceValues(func() (*core.TTFParser, error) {
		parser := &core.TTFParser{}
		if err := parser.ParseFontData(data); err != nil {
			return nil, fmt.Errorf("read font %s: %w", family, err)
		}
		return parser, nil
	})}
}

// fonts in the order of preference: the first has Korean with everyday Hanja, the second the Latin, Greek and Cyrillic letters
// and the symbols that the first lacks.
var fonts = []*font{newFont("NanumGothic", nanumGothic), newFont("DejaVuSans", dejavusans.TTF)}

// has reports whether the font can show a character.
func (f *font) has(r rune) (bool, error) {
	parser, err := f.parsed()
	if err != nil {
		return false, err
	}
	if parser.Chars()[int(r)] != 0 {
		return true, nil
	}
	for _, group := range parser.GroupingTables() {
		if uint(r) >= group.StartCharCode && uint(r) <= group.EndCharCode { //nolint:gosec // a rune of text is not negative
			return true, nil
		}
	}
	return false, nil
}

// run is a part of a line in one font. If no font has a character, its run has no font, and it is drawn as a box with its code
// point.
type run struct {
	font *font
	text string
}

// runsOf splits a text into runs.
func runsOf(text string) (runs []run, err error) {
	for _, r := range text {
		of, err := fontOf(r)
		if err != nil {
			return nil, err
		}
		if last := len(runs) - 1; last >= 0 && of != nil && runs[last].font == of {
			runs[last].text += string(r)
			continue
		}
		runs = append(runs, run{of, string(r)})
	}
	return runs, nil
}

func fontOf(r rune) (*font, error) {
	for _, f := range fonts {
		if has, err := f.has(r); err != nil || has {
			return f, err
		}
	}
	return nil, nil //nolint:nilnil // no font shows it
}

// boxWidth is a multiple of the text size.
const boxWidth = 1.4

// width returns the width of a text in points.
func (s *Sheet) width(text string, size float64) (width float64) {
	runs, err := runsOf(text)
	s.fail(err)
	for _, r := range runs {
		width += s.runWidth(r, size)
	}
	return width
}

func (s *Sheet) runWidth(r run, size float64) float64 {
	if r.font == nil {
		return boxWidth * size
	}
	s.fail(s.use(r.font, size))
	width, err := s.pdf.MeasureTextWidth(r.text)
	s.fail(err)
	return width
}

// use selects a font. It adds the font's data to the file at the first use.
func (s *Sheet) use(f *font, size float64) error {
	if !s.loaded[f] {
		err := s.pdf.AddTTFFontDataWithOption(f.family, f.data, gopdf.TtfOption{
			// A font gets only characters that it has. If that fails, the library would silently leave a blank.
			OnGlyphNotFound: func(r rune) { s.fail(fmt.Errorf("font %s has no glyph for %U", f.family, r)) },
		})
		if err != nil {
			return fmt.Errorf("load font: %w", err)
		}
		s.loaded[f] = true
	}
	return s.pdf.SetFont(f.family, "", size)
}

// box draws the code point of a character that no font has, in two rows within a frame.
func (s *Sheet) box(text string, x, y, size float64) {
	code := strings.TrimPrefix(fmt.Sprintf("%U", []rune(text)[0]), "U+")
	half := (len(code) + 1) / 2
	s.pdf.SetLineWidth(0.3)
	s.pdf.RectFromUpperLeftWithStyle(x+0.08*size, y+0.05*size, (boxWidth-0.16)*size, size, "D")
	for i, row := range []string{code[:half], code[half:]} {
		s.fail(s.use(fonts[0], 0.42*size))
		s.pdf.SetXY(x+0.16*size, y+(0.1+0.45*float64(i))*size)
		s.fail(s.pdf.Cell(nil, row))
	}
}
