package sheet

import (
	"encoding/xml"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// number writes a number as a person sees it: whole ones in digits, and days as YYYYMMDD.
func number(value string, date, since1904 bool) (string, bool) {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return "", false
	}
	if date && n >= 1 && n < 2_958_466 { // to the end of the year 9999
		return day(int(n), since1904), true
	}
	// Spreadsheet programs keep 15 digits of a number.
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', 0, 64), true
	}
	return strconv.FormatFloat(n, 'g', 15, 64), true
}

// day is the calendar day of a serial number. The first of them is 1 January 1900, and 60 a day that never was (ECMA-376 part 1,
// 18.17.4.1); or 0 is 1 January 1904.
func day(serial int, since1904 bool) string {
	from := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case since1904:
		from = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case serial < 60:
		from = from.AddDate(0, 0, 1)
	}
	return from.AddDate(0, 0, serial).Format("20060102")
}

// shownAsDate tells a style that shows a number as a day.
func (w *workbook) shownAsDate(style int) bool {
	return style >= 0 && style < len(w.dates) && w.dates[style]
}

// mostStyles of cells; the format has 65,490.
const mostStyles = 65_536

// readStyles finds out which styles show days (ECMA-376 part 1, 18.8.30).
func (w *workbook) readStyles() error {
	styles, there, err := w.tokens("xl/styles.xml")
	if err != nil || !there {
		return err
	}
	defer styles.close()
	formats := map[string]bool{}
	return styles.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if len(formats) < mostStyles {
				formats[attribute(e, "numFmtId")] = showsDay(attribute(e, "formatCode"))
			}
		case "cellXfs":
			return styles.within(func(e xml.StartElement) error {
				if e.Name.Local != "xf" || len(w.dates) == mostStyles {
					return nil
				}
				id := attribute(e, "numFmtId")
				own, given := formats[id]
				w.dates = append(w.dates, given && own || !given && builtIn(id))
				return nil
			})
		}
		return nil
	})
}

// builtIn tells the formats of days that every program knows, Korean ones among them.
func builtIn(id string) bool {
	n, err := strconv.Atoi(id)
	return err == nil && (n >= 14 && n <= 17 || n == 22 || n >= 27 && n <= 31 || n >= 34 && n <= 36 || n >= 50 && n <= 58)
}

// written are the parts of a format that are shown as they are, and conditions and colours.
var written = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[[^\]]*\]`)

// showsDay tells a format that shows the day of a number; hours alone are none.
func showsDay(format string) bool {
	first, _, _ := strings.Cut(written.ReplaceAllString(format, ""), ";")
	return strings.ContainsAny(first, "yYdD")
}
