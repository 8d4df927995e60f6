package sheet_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/korean"

	"github.com/naru-relay/naru/pkg/sheet"
)

func columns() []sheet.Column {
	return []sheet.Column{
		{Key: "title", Names: []string{"제목", "title"}},
		{Key: "birth", Names: []string{"생년월일", "date of birth", "birth"}},
		{Key: "phone", Names: []string{"휴대전화번호", "phone"}, Kind: sheet.Phone},
	}
}

// values are the rows as lists in the order title, birth, phone.
func values(table *sheet.Table) (all [][]string) {
	for _, r := range table.Rows {
		all = append(all, []string{fmt.Sprint(r.Number), r.Values["title"], r.Values["birth"], r.Values["phone"]})
	}
	return all
}

func read(t *testing.T, content []byte) *sheet.Table {
	t.Helper()
	table, err := sheet.Read(content, columns())
	require.NoError(t, err)
	return table
}

// Text arrives as it is written, numbers as they are seen, and days as YYYYMMDD, from whatever kind of cell.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	head := `<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="E2" t="inlineStr"><is><t> Date of Birth </t></is></c></row>`
	rows := `<row r="1"/>` + head +
		// A number without its zero, a rich text with its pronunciation, a serial day.
		`<row r="3"><c r="B3"><v>1012345678</v></c><c r="C3" t="s"><v>2</v></c><c r="E3" s="1"><v>32904</v></c></row>` +
		// Scientific, a string of a formula long gone, a day in digits.
		`<row r="5"><c r="B5"><v>1.012345678E9</v></c><c r="C5" t="str"><v>안내_x0021_</v></c><c r="E5" s="0"><v>19900131</v></c></row>` +
		// An own format, with hours; no names of cells; ISO 8601.
		`<row r="6"><c r="B6" t="inlineStr"><is><t>+82-10-9999-8888</t></is></c><c t="b"><v>1</v></c><c r="E6" s="2"><v>32904.75</v></c></row>` +
		`<row r="7"><c r="B7" t="inlineStr"><is><t>010-1</t></is></c><c r="C7"><v>3</v></c><c r="E7" t="d"><v>1990-01-31T00:00:00</v></c></row>` +
		`<row r="8"><c r="B8" s="3"><v>0.5</v></c><c r="C8" s="3"><v>0.1</v></c></row>`
	strs := `<sst><si><t>휴대 전화번호</t></si><si><t>TITLE</t></si><si><r><t>고지</t></r><rPh sb="0" eb="1"><t>gojiseo</t></rPh><r><t xml:space="preserve">서 &lt;1&gt;</t></r></si></sst>`
	styles := `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;년 &quot;m&quot;월 &quot;d&quot;일&quot;\ hh:mm:ss.000"/>` +
		`<numFmt numFmtId="165" formatCode="[Red]General&quot;day&quot;"/></numFmts>` +
		`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`
	table := read(t, pack(t, workbook(rows, part{"xl/sharedStrings.xml", strs}, part{"xl/styles.xml", styles})...))
	require.Empty(t, table.Problems)
	require.Equal(t, []string{"phone", "title", "birth"}, table.Columns)
	require.Equal(t, [][]string{
		{"3", "고지서 <1>", "19900131", "01012345678"}, {"5", "안내!", "19900131", "01012345678"}, {"6", "TRUE", "19900131", "+82-10-9999-8888"},
		{"7", "3", "19900131", "010-1"}, {"8", "0.1", "", "0.5"},
	}, values(table))
	require.Equal(t, "C5", table.Cell("title", table.Rows[1].Number))
	require.Empty(t, table.Cell("number", 5))
}

// Days count from 1900, in which a day is one too many, or from 1904.
func TestDays(t *testing.T) {
	t.Parallel()
	styles := part{"xl/styles.xml", `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`}
	rows := row(1, "birth")
	for i, serial := range []int{1, 59, 61, 36526, 45717} {
		rows += fmt.Sprintf(`<row><c s="0"><v>%d</v></c></row>`, serial) + strings.Repeat(" ", i)
	}
	var days []string
	for _, r := range read(t, pack(t, workbook(rows, styles)...)).Rows {
		days = append(days, r.Values["birth"])
	}
	require.Equal(t, []string{"19000101", "19000228", "19000301", "20000101", "20250301"}, days)
	mac := with(workbook(row(1, "birth")+`<row><c s="0"><v>0</v></c></row><row><c s="0"><v>31441</v></c></row>`, styles), "xl/workbook.xml",
		strings.Replace(book, "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1))
	got := values(read(t, pack(t, mac...)))
	require.Equal(t, "19900130", got[len(got)-1][2])
}

// Every encoding and delimiter that Korean spreadsheet programs write is read.
func TestCSV(t *testing.T) {
	t.Parallel()
	text := "제목,생년월일,휴대전화번호\r\n\"고지서, \"\"3월\"\"\",1990-01-31,1012345678\r\n\r\n,,\r\n\"두\n줄\",19900131,'x\r\n마지막,,010-1234-5678"
	cp949, err := korean.EUCKR.NewEncoder().String(text)
	require.NoError(t, err)
	want := [][]string{
		{"2", `고지서, "3월"`, "1990-01-31", "01012345678"}, {"5", "두\n줄", "19900131", "'x"}, {"6", "마지막", "", "010-1234-5678"},
	}
	for name, content := range map[string]string{
		"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "CP949": cp949,
		"semicolons": strings.NewReplacer(",", ";", "고지서, ", "고지서, ").Replace(strings.Replace(text, "고지서,", "고지서\x1f", 1)),
		"tabs":       strings.ReplaceAll(strings.Replace(text, "고지서,", "고지서\x1f", 1), ",", "\t"),
	} {
		table := read(t, []byte(strings.ReplaceAll(content, "\x1f", ",")))
		require.Empty(t, table.Problems, name)
		require.Equal(t, want, values(table), name)
	}
	// 똠 and 햏 are in CP949 and not in EUC-KR.
	rare, err := korean.EUCKR.NewEncoder().String("제목\n똠방각하 햏햏")
	require.NoError(t, err)
	require.Equal(t, "똠방각하 햏햏", read(t, []byte(rare)).Rows[0].Values["title"])
	require.Equal(t, "하나", read(t, []byte("title\n하나\n")).Rows[0].Values["title"], "one column has no delimiter")
}

// Everything that is wrong with a table is told at once, each with its cell.
func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("가", sheet.MaxCharacters)
	at := func(code sheet.Code, row int, cell, key string) sheet.Problem {
		return sheet.Problem{Code: code, Row: row, Cell: cell, Key: key}
	}
	rows := `<row r="1">` + strings.TrimSuffix(strings.TrimPrefix(row(1, "제목", "메모", "Title", "phone"), `<row r="1">`), `</row>`) + `</row>` +
		`<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2"><v>1</v></c><c r="F2"><v>1</v></c></row>` +
		row(3, "=cmd|'/c calc'!A1", "", "", "+82 10-1234-5678") + row(4, "-1", "", "", "+1+cmd|x") + row(5, "@SUM(A1)", "", "", "=1") + row(6, "＝1", "", "", "-1") +
		row(7, long, "", "", "") + row(8, long+"나", "", "", "") + `<row r="9"><c r="A9" t="e"><v>#N/A</v></c><c r="D9"><f t="shared" si="0"/><v>1</v></c></row>` +
		row(10, "&#9;=1", "", "", "&#9;010-1234-5678") + row(11, "  @a", "", "", "")
	want := []sheet.Problem{
		{Code: sheet.UnknownColumn, Row: 1, Cell: "B1", Name: "메모"}, {Code: sheet.DuplicateColumn, Row: 1, Cell: "C1", Name: "Title"},
		at(sheet.Formula, 2, "A2", "title"), at(sheet.UnnamedColumn, 2, "F2", ""),
		at(sheet.LikeFormula, 3, "A3", "title"), at(sheet.LikeFormula, 4, "A4", "title"), at(sheet.LikeFormula, 4, "D4", "phone"),
		at(sheet.LikeFormula, 5, "A5", "title"), at(sheet.LikeFormula, 5, "D5", "phone"), at(sheet.LikeFormula, 6, "A6", "title"), at(sheet.LikeFormula, 6, "D6", "phone"),
		at(sheet.TooLong, 8, "A8", "title"), at(sheet.ErrorValue, 9, "A9", "title"), at(sheet.Formula, 9, "D9", "phone"),
		at(sheet.LikeFormula, 10, "A10", "title"), at(sheet.LikeFormula, 11, "A11", "title"),
	}
	table := read(t, pack(t, workbook(rows)...))
	require.Equal(t, want, table.Problems)
	require.Equal(t, "+82 10-1234-5678", table.Rows[1].Values["phone"])
	require.Equal(t, long, table.Rows[5].Values["title"])
	require.Equal(t, "010-1234-5678", table.Rows[8].Values["phone"])

	csv := "title,phone\n=1+1,\n\"\t=1\",\n+1,010\n-,\n@x,\"=\"\"01012345678\"\"\"\n"
	require.Equal(t, []sheet.Problem{
		at(sheet.LikeFormula, 2, "A2", "title"), at(sheet.LikeFormula, 3, "A3", "title"), at(sheet.LikeFormula, 4, "A4", "title"), at(sheet.LikeFormula, 5, "A5", "title"),
		at(sheet.LikeFormula, 6, "A6", "title"), at(sheet.LikeFormula, 6, "B6", "phone"),
	}, read(t, []byte(csv)).Problems)
}

// What is written is read again; and no program takes a value of a CSV file for a formula.
func TestWritten(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"제목", "생년월일", "휴대전화번호"}, {`<고지서> & "3월"`, "19900131", "010-1234-5678"}}
	var book, text bytes.Buffer
	require.NoError(t, sheet.WriteXLSX(&book, rows))
	require.NoError(t, sheet.WriteCSV(&text, rows))
	for _, content := range [][]byte{book.Bytes(), text.Bytes()} {
		table := read(t, content)
		require.Empty(t, table.Problems)
		require.Equal(t, [][]string{{"2", `<고지서> & "3월"`, "19900131", "010-1234-5678"}}, values(table))
	}
	require.True(t, strings.HasPrefix(text.String(), "\ufeff"))

	hostile := []string{"=1+1", "+1", "-1", "@a", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠1", "\n=1"}
	text.Reset()
	require.NoError(t, sheet.WriteCSV(&text, [][]string{hostile, {"한 줄", "a=1", "a,b"}}))
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text.String(), "\ufeff")))
	reader.FieldsPerRecord = -1
	got, err := reader.ReadAll()
	require.NoError(t, err)
	require.Len(t, got[0], len(hostile))
	for _, value := range got[0] {
		require.True(t, strings.HasPrefix(value, "'"), "%q", value)
	}
	require.Equal(t, []string{"한 줄", "a=1", "a,b"}, got[1])
}

func TestCellName(t *testing.T) {
	t.Parallel()
	for want, column := range map[string]int{"A1": 0, "Z1": 25, "AA1": 26, "ZZ1": 701, "AAA1": 702, "XFD1": 16383} {
		require.Equal(t, want, sheet.CellName(column, 1))
	}
}
