package sheet_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/sheet"
)

// corpus are files that somebody means ill with, or that are of another kind, and why each is refused.
func corpus(t testing.TB) map[string]struct {
	content []byte
	code    sheet.Code
} {
	t.Helper()
	type file = struct {
		content []byte
		code    sheet.Code
	}
	head := row(1, "제목")
	good := workbook(head + row(2, "x"))
	whole := pack(t, good...)
	bomb := zeros(t, 64<<20)
	small := zeros(t, 40<<20)
	many := make([]part, 0, 600)
	for i := range 600 {
		many = append(many, part{fmt.Sprintf("xl/media/%d", i), ""})
	}
	xml := func(content string) []part { return with(good, "xl/worksheets/sheet1.xml", content) }
	padding := strings.Repeat("ab", 8<<20)
	lol := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	return map[string]file{
		"zip bomb":                      {lying(t, nil, bomb, 64<<20), sheet.TooLarge},
		"zip bomb that says it is less": {lying(t, nil, bomb, 1<<20), sheet.Damaged},
		"packed too well":               {lying(t, nil, small, 40<<20), sheet.TooLarge},
		"size beyond all numbers":       {lying(t, nil, small, 1<<63), sheet.TooLarge},
		"size that is too small":        {lying(t, []byte("x"), small, 1), sheet.Damaged},
		"size that is too large":        {lying(t, nil, []byte("\x03\x00"), 100), sheet.Damaged},
		"many parts":                    {pack(t, append(good, many...)...), sheet.TooLarge},
		"a part twice":                  {pack(t, append(good, part{"XL/workbook.xml", book})...), sheet.Damaged},
		"cut off":                       {whole[:len(whole)/2], sheet.Damaged},
		"without its end":               {whole[:len(whole)-10], sheet.Damaged},
		"sheet that is cut off":         {pack(t, xml(`<worksheet><sheetData>`+head+`<row r="2"><c r="A2"><v>1`)...), sheet.Damaged},
		"sheet of nothing":              {pack(t, xml("")...), sheet.NoHeader},
		"entities":                      {pack(t, xml(lol+`<worksheet><sheetData>`+row(1, "&b;")+`</sheetData></worksheet>`)...), sheet.Damaged},
		"entity from elsewhere": {pack(t, xml(`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet><sheetData>`+row(1, "&a;")+`</sheetData></worksheet>`)...),
			sheet.Damaged},
		"entity without declaration": {pack(t, xml(`<worksheet><sheetData>`+row(1, "&a;")+`</sheetData></worksheet>`)...), sheet.Damaged},
		"another encoding of a part": {pack(t, xml(`<?xml version="1.0" encoding="euc-kr"?><worksheet/>`)...), sheet.Damaged},
		"depth":                      {pack(t, xml(`<worksheet><sheetData>`+strings.Repeat("<row>", 1000))...), sheet.Damaged},
		"long attribute":             {pack(t, xml(`<worksheet a="`+strings.Repeat("ab", 1<<18)+`"/>`)...), sheet.TooLarge},
		"many attributes":            {pack(t, xml(`<worksheet `+strings.Repeat(`a="" `, 1<<17)+`/>`)...), sheet.TooLarge},
		"long text":                  {pack(t, xml(`<worksheet><sheetData>`+row(1, padding[:1<<20])+`</sheetData></worksheet>`)...), sheet.TooLarge},
		"last cell of the format":    {pack(t, workbook(head+`<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>`)...), sheet.TooManyColumns},
		"cell beyond the format":     {pack(t, workbook(head+`<row r="2"><c r="XFE2"><v>1</v></c></row>`)...), sheet.Damaged},
		"row beyond the format":      {pack(t, workbook(head+`<row r="1048577"><c r="A1048577"><v>1</v></c></row>`)...), sheet.Damaged},
		"row of a wrong number":      {pack(t, workbook(head+`<row r="9999999999999999999"/>`)...), sheet.Damaged},
		"rows backwards":             {pack(t, workbook(`<row r="5"/><row r="4"/>`)...), sheet.Damaged},
		"cell of another row":        {pack(t, workbook(`<row r="1"><c r="A2"><v>1</v></c></row>`)...), sheet.Damaged},
		"cells backwards":            {pack(t, workbook(`<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>`)...), sheet.Damaged},
		"text before the first":      {pack(t, workbook(`<row r="1"><c r="A1" t="s"><v>-1</v></c></row>`)...), sheet.Damaged},
		"text after the last":        {pack(t, workbook(`<row r="1"><c r="A1" t="s"><v>0</v></c></row>`)...), sheet.Damaged},
		"number that is none":        {pack(t, workbook(`<row r="1"><c r="A1"><v>NaN</v></c></row>`)...), sheet.Damaged},
		"many rows":                  {pack(t, workbook(head+repeated(sheet.MaxRows+1, `<row r="%[1]d"><c r="A%[1]d"><v>1</v></c></row>`))...), sheet.TooManyRows},
		"many columns":               {pack(t, workbook(row(1, strings.Split(strings.Repeat("제목,", sheet.MaxColumns), ",")...)+`<row><c r="U2"><v>1</v></c></row>`)...), sheet.TooManyColumns},
		"many texts": {pack(t, append(good, part{"xl/sharedStrings.xml", `<sst>` + repeated((sheet.MaxRows+1)*sheet.MaxColumns+1, `<si><t>%d</t></si>`) + `</sst>`})...),
			sheet.TooManyRows},
		"many problems":   {pack(t, workbook(head+repeated(5001, `<row r="%[1]d"><c r="A%[1]d"><f>1</f></c></row>`))...), sheet.Damaged},
		"no sheet":        {pack(t, with(good, "xl/workbook.xml", `<workbook/>`)...), sheet.Damaged},
		"sheet elsewhere": {pack(t, with(good, "xl/_rels/workbook.xml.rels", strings.ReplaceAll(relations, "worksheets/sheet1.xml", "../../etc/passwd"))...), sheet.Damaged},
		"sheet on the net": {pack(t, with(good, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="rId1" TargetMode="External" Target="https://x.example/a.xml"/></Relationships>`)...),
			sheet.Damaged},
		"macros by content": {pack(t, with(good, "[Content_Types].xml", typesHead+strings.ReplaceAll(bookType, "spreadsheetml.sheet.main+xml", "ms-excel.sheet.macroEnabled.main+xml")+`</Types>`)...),
			sheet.Macros},
		"macros by part":        {pack(t, append(good, part{"xl/vbaProject.bin", "x"})...), sheet.Macros},
		"a document":            {pack(t, part{"[Content_Types].xml", typesHead + `</Types>`}, part{"word/document.xml", "<w/>"}), sheet.NotASheet},
		"an archive":            {pack(t, part{"a.txt", "x"}), sheet.NotASheet},
		"parts encrypted":       {encryptedFlag(whole), sheet.Encrypted},
		"password":              {compound("Root Entry", "EncryptionInfo", "EncryptedPackage"), sheet.Encrypted},
		"old format":            {compound("Root Entry", "Workbook"), sheet.OldFormat},
		"no header":             {pack(t, workbook(row(1, "2026년 3월 발송 명단")+row(2, "제목"))...), sheet.NoHeader},
		"empty":                 {nil, sheet.NoHeader},
		"empty workbook":        {pack(t, workbook("")...), sheet.NoHeader},
		"too large":             {make([]byte, sheet.MaxBytes+1), sheet.TooLarge},
		"PDF":                   {[]byte("%PDF-1.7\n"), sheet.NotASheet},
		"web page":              {[]byte("<html><table><tr><td>제목"), sheet.NotASheet},
		"program":               {[]byte("MZ\x90\x00\x03\x00\x00\x00"), sheet.NotASheet},
		"UTF-16":                {[]byte("\xff\xfe\xf8\xbb"), sheet.UnknownEncoding},
		"Shift JIS":             {[]byte("title\n\x83^\x83C\x83g\x83\x8b\xfd\xfe\n"), sheet.UnknownEncoding},
		"cut off within a key":  {[]byte("제목\n고지\xec\x84"), sheet.UnknownEncoding},
		"CSV: open quote":       {[]byte("title\n\"x"), sheet.Damaged},
		"CSV: a million commas": {[]byte("title\n" + strings.Repeat(",", 1_000_000)), sheet.TooManyColumns},
		"CSV: many rows":        {[]byte("title\n" + strings.Repeat("x\n", sheet.MaxRows+1)), sheet.TooManyRows},
		"CSV: many columns":     {[]byte("title" + strings.Repeat(",", sheet.MaxColumns) + "x\n"), sheet.TooManyColumns},
	}
}

// repeated writes a text for the numbers from 2 on.
func repeated(times int, format string) string {
	var all strings.Builder
	for i := range times {
		fmt.Fprintf(&all, format, i+2)
	}
	return all.String()
}

// Each is refused for what it is, with little memory, and without saying what stands in it.
func TestHostileFiles(t *testing.T) { //nolint:paralleltest // measures memory
	for name, file := range corpus(t) {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // measures memory
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			table, err := sheet.Read(file.content, columns())
			runtime.ReadMemStats(&after)
			var refused *sheet.Refused
			require.ErrorAs(t, err, &refused)
			require.Equal(t, file.code, refused.Code, err)
			require.Nil(t, table)
			require.Less(t, after.Sys-before.Sys, uint64(64<<20), "of memory")
			require.NotContains(t, err.Error(), "제목")
		})
	}
}

// The largest table that is taken is taken, and a good one with what a person's program adds to it.
func TestLargestTable(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	rows.WriteString(row(1, "제목", "phone"))
	for i := range sheet.MaxRows {
		rows.WriteString(row(i+2, fmt.Sprintf("고지서 %d", i), "010-1234-5678"))
	}
	rows.WriteString(`<row r="1048576"><c r="XFD1048576" s="1"/></row>`) // a look without a value
	table := read(t, pack(t, workbook(rows.String())...))
	require.Empty(t, table.Problems)
	require.Len(t, table.Rows, sheet.MaxRows)
}

// FuzzRead: whatever comes, it is refused or a table within its limits.
func FuzzRead(f *testing.F) {
	for _, file := range corpus(f) {
		if len(file.content) < 8<<10 {
			f.Add(file.content)
		}
	}
	f.Add(pack(f, workbook(row(1, "제목", "phone")+row(2, "x", "1012345678"))...))
	f.Add([]byte("제목,phone\nx,1012345678\n"))
	f.Add([]byte("title;phone\r\n\"a\nb\";+82 10\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		table, err := sheet.Read(content, columns())
		checkTable(t, table, err)
	})
}

// FuzzSheet puts what comes into a sheet, so that no checksum is in the way.
func FuzzSheet(f *testing.F) {
	f.Add(`<worksheet><sheetData>`+row(1, "제목")+`<row r="2"><c r="A2" s="1"><v>32904</v></c></row></sheetData></worksheet>`, `<sst><si><t>a</t></si></sst>`,
		`<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy"/></numFmts><cellXfs><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>`)
	f.Add(`<worksheet><sheetData><row><c t="s"><v>0</v></c></row></sheetData></worksheet>`, `<sst><si><r><t>제목</t></r><rPh><t>b</t></rPh></si></sst>`, ``)
	f.Fuzz(func(t *testing.T, sheetXML, stringsXML, stylesXML string) {
		parts := append(with(workbook(""), "xl/worksheets/sheet1.xml", sheetXML), part{"xl/sharedStrings.xml", stringsXML}, part{"xl/styles.xml", stylesXML})
		table, err := sheet.Read(pack(t, parts...), columns())
		checkTable(t, table, err)
	})
}

func checkTable(t *testing.T, table *sheet.Table, err error) {
	t.Helper()
	var refused *sheet.Refused
	if err != nil {
		require.ErrorAs(t, err, &refused)
		return
	}
	require.LessOrEqual(t, len(table.Rows), sheet.MaxRows)
	require.NotEmpty(t, table.Columns)
	last := 0
	for _, r := range table.Rows {
		require.Greater(t, r.Number, last)
		last = r.Number
		for key, value := range r.Values {
			require.Contains(t, table.Columns, key)
			require.LessOrEqual(t, len([]rune(value)), sheet.MaxCharacters)
			require.True(t, key == "phone" || !sheet.LikesFormula(value), "%q", value)
		}
	}
}
