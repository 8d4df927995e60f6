// Package sample makes the invented documents of demos: a PDF and a JPEG, both marked 시험용 ("for tests").
//
// The font is a subset of NanumGothic with only the characters used here, renamed as its licence asks, under the SIL Open Font
// License 1.1 (font/OFL.txt).
package sample

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"time"

	"github.com/signintech/gopdf"
)

//go:embed font/NaruSample.ttf
var fontFile []byte

const (
	fontFamily            = "NaruSample"
	pageWidth, pageHeight = 595.28, 841.89 // A4 in points
	margin                = 64.0
)

// Title is the title of the document.
const Title = "시험용 전자고지 안내문"

// PDF makes a notice of one page. The identifier, in Latin letters and digits, makes each document's bytes and hash unique.
func PDF(identifier string, at time.Time) ([]byte, error) {
	var pdf gopdf.GoPdf
	pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	var missing rune
	err := pdf.AddTTFFontDataWithOption(fontFamily, fontFile, gopdf.TtfOption{OnGlyphNotFound: func(r rune) { missing = r }})
	if err != nil {
		return nil, fmt.Errorf("load font: %w", err)
	}
	pdf.AddPage()
	pdf.SetInfo(gopdf.PdfInfo{Title: Title, Creator: "naru demo", CreationDate: at.UTC()})
	for _, line := range []struct {
		y, size float64
		grey    uint8
		text    string
	}{
		{48, 11, 110, "시험용 — 법적 효력이 없습니다"},
		{96, 22, 0, Title},
		{156, 11, 0, "보내는 곳    가상기관 시험나루터"},
		{180, 11, 0, "받는 사람    지어낸 인물"},
		{228, 11, 0, "다음 달 첫째 날부터 시험나루터 대합실의 여는 시각이 오전 일곱 시로 바뀝니다."},
		{252, 11, 0, "이 기관과 인물은 실제로 있지 않습니다."},
		{276, 11, 0, "이 문서는 나루의 시험 실행이 만든 가상의 안내문입니다."},
		{324, 11, 0, "문서 식별    " + identifier},
		{348, 11, 0, "만든 시각    " + at.UTC().Format(time.RFC3339)},
		{pageHeight - 64, 9, 110, "시험용 · 1 / 1 쪽"},
	} {
		if err := pdf.SetFont(fontFamily, "", line.size); err != nil {
			return nil, fmt.Errorf("set font: %w", err)
		}
		pdf.SetTextColor(line.grey, line.grey, line.grey)
		pdf.SetXY(margin, line.y)
		if err := pdf.Cell(nil, line.text); err != nil {
			return nil, fmt.Errorf("write line: %w", err)
		}
	}
	pdf.SetStrokeColor(120, 120, 120)
	pdf.SetLineWidth(0.8)
	pdf.Line(margin, 132, pageWidth-margin, 132)
	raw, err := pdf.GetBytesPdfReturnErr()
	if err != nil {
		return nil, fmt.Errorf("write document: %w", err)
	}
	if missing != 0 {
		return nil, fmt.Errorf("write document: font has no glyph for %U", missing)
	}
	return raw, nil
}

// JPEG makes a small picture that stands for a scanned document.
func JPEG() ([]byte, error) {
	picture := image.NewGray(image.Rect(0, 0, 210, 297))
	for y := range 297 {
		for x := range 210 {
			shade := uint8(255)
			if y%24 == 23 && x > 20 && x < 190 {
				shade = 160
			}
			picture.SetGray(x, y, color.Gray{Y: shade})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		return nil, fmt.Errorf("write picture: %w", err)
	}
	return b.Bytes(), nil
}
