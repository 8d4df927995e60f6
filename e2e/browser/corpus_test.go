package browser

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"unicode"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/korean"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/client/sample"
)

//go:embed testdata/pictures/quarter.jp2
var quarterJPX []byte

// area is a part of a page, in shares of its width and height from the upper left corner.
type area struct{ left, top, right, bottom float64 }

// specimen is a PDF of the corpus, and what a reader has to find in it.
type specimen struct {
	name string
	file []byte
	// text stands in this order on the first page.
	text []string
	// inked are areas of the first page in which something is painted, blank those that stay white, black those that are
	// painted all over.
	inked, blank, black []area
	// shape is the width of the first page by its height; 0 for that of the others.
	shape float64
}

// quarter is the picture of the corpus: white in the upper right quarter, so that it is neither turned nor mirrored unseen.
func quarter(size int) func(x, y int) bool {
	return func(x, y int) bool { return x < size/2 || y >= size/2 }
}

var (
	quarterBlack = []area{{0.02, 0.02, 0.48, 0.48}, {0.02, 0.52, 0.48, 0.98}, {0.52, 0.52, 0.98, 0.98}}
	quarterWhite = []area{{0.52, 0.02, 0.98, 0.48}}
)

func corpus(t *testing.T) []specimen {
	t.Helper()
	digital, err := sample.PDF("corpus-1", clock.System().Now())
	require.NoError(t, err)

	const line = "가나다 시험용 고지서 제3호 (납부)"
	named := newPDF()
	named.page("", write(60, 700, 20, wide(line)), 0, named.korean("UniKS-UTF16-H"))

	// 똠, 펲 and 쀍 are in none of the older Korean sets: the encoding is CP949 (UHC).
	const older = "똠방각하 펲시콜라 쀍 2026"
	encoded, err := korean.EUCKR.NewEncoder().Bytes([]byte(older))
	require.NoError(t, err)
	coded := newPDF()
	coded.page("", write(60, 700, 20, encoded), 0, coded.korean("KSCms-UHC-H"))

	standard := newPDF()
	standard.page("", write(60, 700, 20, []byte("Certified e-document 2026")), 0, standard.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"))

	const downwards = "세로로쓴시험용글"
	vertical := newPDF()
	vertical.page("", write(300, 700, 40, wide(downwards)), 0, vertical.korean("UniKS-UTF16-V"))

	const packedText = "묶인 객체"
	packed := newPDF()
	packed.page("", write(60, 700, 20, wide(packedText)), 0, packed.korean("UniKS-UTF16-H"))

	// The visible part is 300 wide and 400 high, its left half black; turned clockwise, that half is above.
	const turnedText = "돌린 쪽"
	turned := newPDF()
	turned.page("/CropBox [100 200 400 600] /Rotate 90", "0 g 100 200 150 400 re f\n"+write(270, 400, 20, wide(turnedText)), 0, turned.korean("UniKS-UTF16-H"))

	const repairedText = "고쳐 읽는 문서"
	repaired := newPDF()
	repaired.page("", write(60, 700, 20, wide(repairedText)), 0, repaired.korean("UniKS-UTF16-H"))

	line700 := area{0.09, 0.07, 0.7, 0.14}
	return []specimen{
		{name: "born digital, fonts embedded", file: digital, text: []string{
			"시험용 — 법적 효력이 없습니다", sample.Title, "보내는 곳    가상기관 시험나루터", "받는 사람    지어낸 인물",
			"다음 달 첫째 날부터 시험나루터 대합실의 여는 시각이 오전 일곱 시로 바뀝니다.", "이 기관과 인물은 실제로 있지 않습니다.",
			"이 문서는 나루의 시험 실행이 만든 가상의 안내문입니다.", "문서 식별    corpus-1",
		}, shape: 595.28 / 841.89, inked: []area{{0.1, 0.1, 0.6, 0.15}}},
		{name: "Korean font not embedded, Unicode", file: named.plain(0), text: []string{line}, inked: []area{line700}, blank: []area{{0, 0.2, 1, 1}}},
		{name: "Korean font not embedded, CP949", file: coded.plain(0), text: []string{older}, inked: []area{line700}, blank: []area{{0, 0.2, 1, 1}}},
		{name: "standard font not embedded", file: standard.plain(0), text: []string{"Certified e-document 2026"}, inked: []area{line700}, blank: []area{{0, 0.2, 1, 1}}},
		// Eight letters of 40 points, one below the other, from y = 700 on.
		{name: "Korean downwards", file: vertical.plain(0), text: []string{downwards}, inked: []area{{0.46, 0.13, 0.54, 0.2}, {0.46, 0.42, 0.54, 0.5}}, blank: []area{
			{0, 0, 0.44, 1}, {0.56, 0, 1, 1}, {0, 0.56, 1, 1},
		}},
		{name: "objects in streams", file: packed.packed(), text: []string{packedText}, inked: []area{line700}},
		{
			name: "turned, and only a part of it visible", file: turned.plain(0), text: []string{turnedText}, shape: 4.0 / 3,
			black: []area{{0.02, 0.02, 0.98, 0.48}}, inked: []area{{0.3, 0.52, 0.8, 0.98}}, blank: []area{{0.02, 0.52, 0.3, 0.98}},
		},
		{name: "cross-references that are wrong", file: repaired.plain(7), text: []string{repairedText}, inked: []area{line700}},
		scan(t, "scanned, JPEG with invisible text", "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", quarterJPEG(t), "글자를 알아본 스캔"),
		scan(t, "scanned, JBIG2", "/ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", jbig2(64, quarter(64))),
		scan(t, "scanned, JPEG 2000", "/Filter /JPXDecode", quarterJPX),
	}
}

func manyPages(count int) []byte {
	p := newPDF()
	font := p.korean("UniKS-UTF16-H")
	for n := range count {
		p.page("", write(60, 700, 20, wide(fmt.Sprintf("제 %d 쪽", n+1))), 0, font)
	}
	return p.plain(0)
}

// scan is a page that is a picture of 64 × 64 dots, with the text that somebody recognised in it and made invisible.
func scan(t *testing.T, name, dictionary string, picture []byte, text ...string) specimen {
	t.Helper()
	p := newPDF()
	content := "q 600 0 0 800 0 0 cm /P Do Q\n"
	for _, line := range text {
		content += "3 Tr " + write(60, 700, 20, wide(line))
	}
	p.page("", content, p.stream("/Type /XObject /Subtype /Image /Width 64 /Height 64 "+dictionary, picture), p.korean("UniKS-UTF16-H"))
	return specimen{name: name, file: p.plain(0), text: text, black: quarterBlack, blank: quarterWhite}
}

func quarterJPEG(t *testing.T) []byte {
	t.Helper()
	picture, black := image.NewGray(image.Rect(0, 0, 64, 64)), quarter(64)
	for y := range 64 {
		for x := range 64 {
			if !black(x, y) {
				picture.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, picture, nil))
	return out.Bytes()
}

// letters is a text without white space: where a reader of the screen pauses is not the document's.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// Whatever kind of PDF somebody is sent, the relay takes it and the viewer shows it: painted where it should be, and with the
// text that is in it.
func TestCorpus(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	files := map[string][]byte{}
	sender := stack.NewMember(t)
	for _, s := range all {
		files[s.name] = s.file
		sender.HandOver(t, s.name+".pdf", s.file)
	}
	at, b := viewerAt(t, files), open(t, desktop)
	for _, s := range all {
		b.do(chromedp.Navigate(at(s.name)), chromedp.Poll(`document.querySelector("[data-status]").textContent === "shown"`, nil))
		b.shoot(strings.ReplaceAll(s.name, " ", "-"))
		b.compare(s)
	}
}

// compare finds on the first page what the specimen holds.
func (b *tab) compare(s specimen) {
	b.t.Helper()
	var wanted strings.Builder
	for _, line := range s.text {
		wanted.WriteString(letters(line))
	}
	require.Contains(b.t, letters(b.textOf(1)), wanted.String(), s.name)
	shape := s.shape
	if shape == 0 {
		shape = 600.0 / 800
	}
	var seen float64
	b.do(chromedp.Evaluate(`(r => r.width / r.height)(document.querySelector(".sheet").getBoundingClientRect())`, &seen))
	require.InDelta(b.t, shape, seen, 0.01, s.name)
	for _, a := range s.inked {
		require.Greater(b.t, b.darkness(a), 0.005, "%s: something is painted in %v", s.name, a)
	}
	for _, a := range s.blank {
		require.Less(b.t, b.darkness(a), 0.02, "%s: nothing is painted in %v", s.name, a)
	}
	for _, a := range s.black {
		require.Greater(b.t, b.darkness(a), 0.95, "%s: all is painted in %v", s.name, a)
	}
}

// textOf is the text of a page, once its layer stands there.
func (b *tab) textOf(page int) (text string) {
	b.t.Helper()
	layer := fmt.Sprintf(`.sheet[data-number="%d"] .textLayer`, page)
	b.do(chromedp.WaitReady(layer, chromedp.ByQuery), chromedp.Evaluate(`document.querySelector(`+quote(layer)+`).textContent`, &text))
	return text
}

// darkness is 0 for a white area of the first page's picture, and 1 for a black one.
func (b *tab) darkness(a area) (share float64) {
	b.t.Helper()
	b.do(chromedp.Evaluate(fmt.Sprintf(`(() => {
		const c = document.querySelector(".sheet canvas"), at = (share, of) => Math.round(share * of);
		const [l, t, r, b] = [at(%g, c.width), at(%g, c.height), at(%g, c.width), at(%g, c.height)];
		const { data } = c.getContext("2d").getImageData(l, t, r - l, b - t);
		let light = 0;
		for (let i = 0; i < data.length; i += 4) light += (data[i] + data[i + 1] + data[i + 2]) / 3;
		return 1 - light / (255 * data.length / 4);
	})()`, a.left, a.top, a.right, a.bottom), &share))
	return share
}

// A long document keeps the pictures of the pages around the screen only; the text of what was seen stays, and a page to which
// somebody comes back is painted again.
func TestManyPages(t *testing.T) {
	t.Parallel()
	const count = 300
	at, b := viewerAt(t, map[string][]byte{"long": manyPages(count)}), open(t, phone)
	b.do(chromedp.Navigate(at("long")), chromedp.Poll(`document.querySelector("[data-status]").textContent === "shown"`, nil))
	b.shoot("first")
	for page := 10; page <= count; page += 10 {
		b.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector('.sheet[data-number="%d"]').scrollIntoView()`, page), nil))
		await.Require(t, patience, func() bool { return letters(b.textOf(page)) == letters(fmt.Sprintf("제 %d 쪽", page)) })
	}
	b.shoot("last")
	// Three screens of 740 pixels, in which pages are 437 high.
	b.do(chromedp.Poll(`document.querySelectorAll(".sheet canvas").length <= 8`, nil))
	require.Equal(t, letters("제 10 쪽"), letters(b.textOf(10)))
	b.do(chromedp.Evaluate(`document.querySelector(".sheet").scrollIntoView()`, nil), chromedp.WaitReady(`.sheet[data-number="1"] canvas`, chromedp.ByQuery))
	await.Require(t, patience, func() bool { return b.darkness(area{0.09, 0.07, 0.7, 0.14}) > 0.005 })
}

// A file that readers could only guess at is refused when it is handed over.
func TestDamagedFileIsRefused(t *testing.T) {
	t.Parallel()
	whole := manyPages(2)
	cut := whole[:bytes.LastIndex(whole, []byte("endstream"))]
	sender := stack.NewMember(t)
	u := sender.BeginUpload(t, "잘린 문서.pdf", cut)
	sender.AppendUpload(t, u.ID, 0, cut).Into(t, &u)
	require.Equal(t, "UPLOAD_STATE_REFUSED", u.State)
	require.Equal(t, "PDF_MALFORMED", u.Findings[0].Reason)
}
