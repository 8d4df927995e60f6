package sheet

import (
	"archive/zip"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Neutral is a value that no spreadsheet program takes for a formula.
func Neutral(value string) string {
	if LikesFormula(value) {
		return "'" + value
	}
	return value
}

// WriteCSV writes rows as Korean spreadsheet programs read them: UTF-8 with a mark, and no value that is a formula.
func WriteCSV(to io.Writer, rows [][]string) error {
	if _, err := io.WriteString(to, "\ufeff"); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	w := csv.NewWriter(to)
	w.UseCRLF = true
	for _, row := range rows {
		neutral := make([]string, len(row))
		for i, value := range row {
			neutral[i] = Neutral(value)
		}
		if err := w.Write(neutral); err != nil {
			return fmt.Errorf("write a table: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	return nil
}

// parts of a workbook that are the same in each. The one style is that of text: a program then leaves zeros at the beginning of
// what is typed.
var fixed = [][2]string{
	{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`},
	{"xl/styles.xml", `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
		`<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>` +
		`<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>` +
		`<cellXfs count="2"><xf xfId="0"/><xf numFmtId="49" applyNumberFormat="1" xfId="0"/></cellXfs></styleSheet>`},
}

// WriteXLSX writes rows of text as a workbook of one sheet.
func WriteXLSX(to io.Writer, rows [][]string) error {
	packed := zip.NewWriter(to)
	columns := 1
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	var sheet strings.Builder
	fmt.Fprintf(&sheet, `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cols><col min="1" max="%d" width="20" style="1" customWidth="1"/></cols><sheetData>`, columns)
	for i, row := range rows {
		fmt.Fprintf(&sheet, `<row r="%d">`, i+1)
		for j, value := range row {
			fmt.Fprintf(&sheet, `<c r="%s" s="1" t="inlineStr"><is><t xml:space="preserve">`, CellName(j, i+1))
			if err := xml.EscapeText(&sheet, []byte(value)); err != nil {
				return fmt.Errorf("write a workbook: %w", err)
			}
			sheet.WriteString(`</t></is></c>`)
		}
		sheet.WriteString(`</row>`)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	for _, part := range append(fixed[:len(fixed):len(fixed)], [2]string{"xl/worksheets/sheet1.xml", sheet.String()}) {
		w, err := packed.Create(part[0])
		if err != nil {
			return fmt.Errorf("write a workbook: %w", err)
		}
		if _, err := io.WriteString(w, xml.Header+part[1]); err != nil {
			return fmt.Errorf("write a workbook: %w", err)
		}
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("write a workbook: %w", err)
	}
	return nil
}
