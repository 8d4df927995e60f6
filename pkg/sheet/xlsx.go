package sheet

import (
	"encoding/xml"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mostStrings are as many as the cells of a full table, its header included.
const mostStrings = (MaxRows + 1) * MaxColumns

// lastRow and lastColumn are those of the format (ECMA-376 18.3.1.4).
const (
	lastRow    = 1_048_576
	lastColumn = 16_384
)

// workbook is what the cells of a sheet refer to.
type workbook struct {
	*archive
	strings []string
	// dates says which styles show a number as a date.
	dates []bool
	// since1904: days count from 1904, as on the first Macintosh.
	since1904 bool
}

// readXLSX reads the first sheet that is not hidden (ECMA-376 part 1, 18: SpreadsheetML).
func readXLSX(content []byte, b *builder) error {
	a, err := openArchive(content)
	if err != nil {
		return err
	}
	if err := a.checkTypes(); err != nil {
		return err
	}
	w := &workbook{archive: a}
	sheet, err := w.open()
	if err != nil {
		return err
	}
	if err := w.readStrings(); err != nil {
		return err
	}
	if err := w.readStyles(); err != nil {
		return err
	}
	return w.readSheet(sheet, b)
}

// checkTypes refuses what is a workbook of another kind.
func (a *archive) checkTypes() error {
	if a.parts["xl/vbaproject.bin"] != nil {
		return refuse(Macros, "a part with programs")
	}
	types, there, err := a.tokens("[Content_Types].xml")
	if err != nil {
		return err
	}
	if !there || a.parts["xl/workbook.xml"] == nil {
		return refuse(NotASheet, "an archive of another kind")
	}
	defer types.close()
	return types.each(func(e xml.StartElement) error {
		if of := strings.ToLower(attribute(e, "ContentType")); strings.Contains(of, "macroenabled") || strings.Contains(of, "vbaproject") {
			return refuse(Macros, "a workbook with programs")
		}
		return nil
	})
}

// open finds the part of the sheet that is read.
func (w *workbook) open() (string, error) {
	book, _, err := w.tokens("xl/workbook.xml")
	if err != nil {
		return "", err
	}
	defer book.close()
	relation := ""
	if err := book.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			w.since1904 = isTrue(attribute(e, "date1904"))
		case "sheet":
			if state := attribute(e, "state"); relation == "" && (state == "" || state == "visible") {
				relation = attribute(e, "id")
			}
		}
		return nil
	}); err != nil {
		return "", err
	}
	relations, there, err := w.tokens("xl/_rels/workbook.xml.rels")
	if err != nil {
		return "", err
	}
	if !there || relation == "" {
		return "", refuse(Damaged, "a workbook without a sheet")
	}
	defer relations.close()
	target := ""
	if err := relations.each(func(e xml.StartElement) error {
		if e.Name.Local == "Relationship" && attribute(e, "Id") == relation && attribute(e, "TargetMode") != "External" {
			target = attribute(e, "Target")
		}
		return nil
	}); err != nil {
		return "", err
	}
	if target == "" {
		return "", refuse(Damaged, "a sheet without its part")
	}
	if strings.HasPrefix(target, "/") {
		return strings.TrimPrefix(path.Clean(target), "/"), nil
	}
	return path.Join("xl", target), nil
}

func isTrue(s string) bool { return s == "1" || s == "true" }

// readStrings reads the texts that cells refer to.
func (w *workbook) readStrings() error {
	shared, there, err := w.tokens("xl/sharedStrings.xml")
	if err != nil || !there {
		return err
	}
	defer shared.close()
	return shared.each(func(e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		if len(w.strings) == mostStrings {
			return refuse(TooManyRows, "more texts than cells")
		}
		text, err := shared.rich()
		w.strings = append(w.strings, text)
		return err
	})
}

var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// rich reads a text in runs, of whatever look, without how it is pronounced. What is kept is little more than a cell may have.
func (t *tokens) rich() (string, error) {
	var text strings.Builder
	within := 0 // depth of a pronunciation
	err := t.within(func(e xml.StartElement) error {
		if within > 0 && t.depth > within {
			return nil
		}
		within = 0
		switch e.Name.Local {
		case "rPh":
			within = t.depth
		case "t":
			part, err := t.text()
			if err != nil {
				return err
			}
			text.WriteString(part)
		}
		return nil
	})
	return unescaped(text.String()), err
}

// unescaped brings back what XML cannot write (ECMA-376 part 1, 22.9.2.19), and cuts what is longer than any cell may be, so that
// it is still seen to be too long.
func unescaped(text string) string {
	text = escape.ReplaceAllStringFunc(text, func(code string) string {
		n, err := strconv.ParseUint(code[2:6], 16, 32)
		if err != nil {
			return code
		}
		return string(rune(n)) //nolint:gosec // four hex digits
	})
	if utf8.RuneCountInString(text) > MaxCharacters {
		return strings.Clone(string([]rune(text)[:MaxCharacters+1]))
	}
	return text
}

// readSheet reads the rows.
func (w *workbook) readSheet(part string, b *builder) error {
	sheet, there, err := w.tokens(part)
	if err != nil {
		return err
	}
	if !there {
		return refuse(Damaged, "a sheet without its part")
	}
	defer sheet.close()
	number := 0
	row := func(e xml.StartElement) error {
		if e.Name.Local != "row" {
			return nil
		}
		next := number + 1
		if given := attribute(e, "r"); given != "" {
			if next, err = strconv.Atoi(given); err != nil {
				return refuse(Damaged, "a row's number")
			}
		}
		if next <= number || next > lastRow {
			return refuse(Damaged, "rows out of order")
		}
		number = next
		cells, err := w.readRow(sheet, number)
		if err != nil {
			return err
		}
		return b.add(number, cells)
	}
	return sheet.each(func(e xml.StartElement) error {
		if e.Name.Local == "sheetData" {
			return sheet.within(row)
		}
		return nil
	})
}

func (w *workbook) readRow(sheet *tokens, number int) (cells []cell, err error) {
	column := -1
	err = sheet.within(func(e xml.StartElement) error {
		if e.Name.Local != "c" {
			return nil
		}
		next := column + 1
		if given := attribute(e, "r"); given != "" {
			var ok bool
			if next, ok = columnOf(given, number); !ok {
				return refuse(Damaged, "a cell's name")
			}
		}
		if next <= column || next >= lastColumn {
			return refuse(Damaged, "cells out of order")
		}
		column = next
		c, err := w.readCell(sheet, e)
		if err != nil || c.text == "" && c.problem == 0 {
			return err
		}
		if column >= MaxColumns {
			return refuse(TooManyColumns, "a cell beyond the last column")
		}
		c.column = column
		cells = append(cells, c)
		return nil
	})
	return cells, err
}

// columnOf is the column that the name of a cell of this row says, from 0.
func columnOf(name string, row int) (int, bool) {
	letters := strings.TrimRight(name, "0123456789")
	if number, err := strconv.Atoi(name[len(letters):]); err != nil || number != row || letters == "" || len(letters) > 3 {
		return 0, false
	}
	column := 0
	for _, c := range letters {
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		column = column*26 + int(c-'A') + 1
	}
	return column - 1, true
}

// readCell reads the value of a cell as a person sees it.
func (w *workbook) readCell(sheet *tokens, e xml.StartElement) (c cell, err error) {
	kind, value, formula := attribute(e, "t"), "", false
	style, _ := strconv.Atoi(attribute(e, "s"))
	if err := sheet.within(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "f":
			formula = true
		case "v":
			value, err = sheet.text()
		case "is":
			value, err = sheet.rich()
		}
		return err
	}); err != nil {
		return c, err
	}
	if formula {
		return cell{problem: Formula}, nil
	}
	c.text = value
	switch kind {
	case "s":
		place, err := strconv.Atoi(value)
		if err != nil || place < 0 || place >= len(w.strings) {
			return c, refuse(Damaged, "a text that is not there")
		}
		c.text = w.strings[place]
	case "e":
		c.problem = ErrorValue
	case "b":
		c.text = map[bool]string{true: "TRUE", false: "FALSE"}[isTrue(value)]
	case "d":
		day, _, _ := strings.Cut(value, "T")
		c.text = strings.ReplaceAll(day, "-", "")
	case "", "n":
		if value != "" {
			var ok bool
			if c.text, ok = number(value, w.shownAsDate(style), w.since1904); !ok {
				return c, refuse(Damaged, "a number that is none")
			}
		}
	case "str":
		c.text = unescaped(value)
	default: // inlineStr: as it is
	}
	return c, nil
}
