package web

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/naru-relay/naru/pkg/sheet"
	"github.com/naru-relay/naru/pkg/text"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	"github.com/naru-relay/naru/services/web/locale"
)

// Columns of a sheet.
const (
	columnKey         = "own_key"
	columnTitle       = "title"
	columnKind        = "category"
	columnFile        = "file"
	columnAttachments = "attachments"
	columnName        = "name"
	columnBirth       = "birth"
	columnPhone       = "phone"
	columnNumber      = "number"
	columnPlatform    = "platform"
	columnAddress     = "address"
	// of a list of refused rows
	columnRow    = "row"
	columnReason = "reason"
)

// column is one of a sheet: in both languages, and what else people call it.
type column struct {
	key    string
	header locale.Text
	more   []string
	kind   sheet.Kind
}

// sheetColumns are the columns of a sheet, in the order of the template.
func sheetColumns() []column {
	return []column{
		{columnKey, locale.SentOwnKey, []string{"own_key", "발송번호"}, sheet.Text},
		{columnTitle, locale.SendSubject, nil, sheet.Text},
		{columnKind, locale.SendKind, []string{"종류", "kind"}, sheet.Text},
		{columnFile, locale.ManyFile, []string{"파일명", "file name"}, sheet.Text},
		{columnAttachments, locale.Attachments, []string{"첨부", "attachment"}, sheet.Text},
		{columnName, locale.PersonName, []string{"성명"}, sheet.Text},
		{columnBirth, locale.PersonBirth, []string{"birth date", "birth"}, sheet.Text},
		{columnPhone, locale.PersonPhone, []string{"휴대전화", "휴대폰", "휴대폰번호", "phone", "mobile"}, sheet.Phone},
		{columnNumber, locale.BusinessNumber, []string{"사업자번호", "business number"}, sheet.Text},
		{columnPlatform, locale.SendPlatform, []string{"플랫폼 번호", "platform id", "platform"}, sheet.Text},
		{columnAddress, locale.SendToAddress, []string{"address"}, sheet.Text},
	}
}

// readSheet reads a file that was given as a sheet.
func readSheet(content []byte) (*sheet.Table, error) {
	var known []sheet.Column
	for _, c := range sheetColumns() {
		known = append(known, sheet.Column{Key: c.key, Names: append(c.header.All(), c.more...), Kind: c.kind})
	}
	// What a list of refused rows has besides says nothing.
	return sheet.Read(content, append(known, sheet.Column{Key: columnRow, Names: locale.ManyRow.All()}, sheet.Column{Key: columnReason, Names: locale.Reason.All()}))
}

// rowWrong is something wrong with a row, or with the sheet.
type rowWrong struct {
	row    int
	cell   string
	column string
	text   locale.Text
}

// plannedRow is a row as it would be sent.
type plannedRow struct {
	sheet.Row
	item        *intakev1.SendItem
	file, key   string
	attachments []string
}

// plan is what a draft would send, and everything that keeps it from being sent.
type plan struct {
	rows  []plannedRow
	wrong []rowWrong
}

// planner makes the rows of a draft into items. There may be thousands, so what they name is found by its name.
type planner struct {
	*draft
	uploads map[string]draftFile
	kinds   map[string]string
}

func newPlanner(d *draft) *planner {
	p := &planner{draft: d, uploads: map[string]draftFile{}, kinds: map[string]string{}}
	for _, f := range d.files {
		p.uploads[nameKey(f.Name)] = f
	}
	for _, c := range categories() {
		for _, name := range c.text.All() {
			p.kinds[nameKey(name)] = strconv.Itoa(int(c.value))
		}
	}
	return p
}

// nameKey is what names are compared by: people and systems write the same letters otherwise.
func nameKey(name string) string { return strings.ToLower(norm.NFC.String(name)) }

// plan checks every row of the draft's sheet as the form of a single document is checked.
func (d *draft) plan() plan {
	var p plan
	if d.given == nil {
		return p
	}
	by := newPlanner(d)
	table := &d.given.Table
	spoiled := map[string]bool{} // cells of which something is said already
	for _, problem := range table.Problems {
		p.wrong = append(p.wrong, rowWrong{problem.Row, problem.Cell, problem.Key, sheetProblem(problem)})
		spoiled[problem.Cell] = true
	}
	if len(table.Rows) == 0 {
		p.wrong = append(p.wrong, rowWrong{text: locale.ManyNoRows})
	}
	keys, missing := map[string]bool{}, map[string]bool{}
	for _, row := range table.Rows {
		planned := by.planRow(row)
		add := func(column string, text locale.Text) {
			cell := table.Cell(column, row.Number)
			switch {
			case column != "" && cell == "": // said once, not of every row
				if !missing[column] {
					p.wrong = append(p.wrong, rowWrong{column: column, text: locale.ManyNoColumn})
				}
				missing[column] = true
			case !spoiled[cell]:
				p.wrong = append(p.wrong, rowWrong{row.Number, cell, column, text})
				spoiled[cell] = cell != ""
			}
		}
		by.check(&planned, add)
		if keys[planned.key] {
			add(columnKey, locale.ManyKeyTwice)
		}
		keys[planned.key] = true
		p.rows = append(p.rows, planned)
	}
	// As they stand in the sheet; what is about all of it first.
	slices.SortStableFunc(p.wrong, func(a, b rowWrong) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(len(a.cell), len(b.cell)), cmp.Compare(a.cell, b.cell))
	})
	return p
}

// planRow names what a row leaves open.
func (p *planner) planRow(row sheet.Row) plannedRow {
	planned := plannedRow{Row: row, key: row.Values[columnKey], file: row.Values[columnFile]}
	if planned.key == "" {
		planned.key = p.given.Key + "-" + strconv.Itoa(row.Number)
	}
	if planned.file == "" && len(p.files) == 1 {
		planned.file = p.files[0].Name
	}
	for name := range strings.SplitSeq(row.Values[columnAttachments], ";") {
		if name = strings.TrimSpace(name); name != "" {
			planned.attachments = append(planned.attachments, name)
		}
	}
	return planned
}

var ownKeyForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// check makes the item of a row, and tells all that is wrong with it.
func (p *planner) check(row *plannedRow, add func(column string, text locale.Text)) {
	if !ownKeyForm.MatchString(row.key) {
		add(columnKey, locale.ManyKeyForm)
	}
	ids := p.contentsOf(row, add)
	to, clear := way(row.Values)
	if !clear {
		add("", locale.ManyTwoWays)
		to = ""
	}
	entered := func(field string) string {
		switch field {
		case columnKey:
			return row.key
		case columnKind:
			return p.kinds[nameKey(row.Values[columnKind])]
		case "to":
			return to
		default:
			return row.Values[field]
		}
	}
	item, wrong := sendItem(entered, ids)
	for _, w := range wrong {
		switch {
		case w.Field == columnKind:
			add(columnKind, locale.ManyKind(kindNames()))
		case w.Field != "to-person":
			add(w.Field, w.Text)
		case clear:
			add("", locale.ManyNoWay)
		}
	}
	item.Batch = p.Batch
	row.item = item
}

// contentsOf are the uploads that a row names: the document and its attachments.
func (p *planner) contentsOf(row *plannedRow, add func(column string, text locale.Text)) []string {
	ids := []string{p.upload(row.file, func(text locale.Text) { add(columnFile, text) })}
	if len(row.attachments) >= maxContents {
		add(columnAttachments, locale.ManyAttachmentsMost)
	}
	for _, name := range row.attachments {
		found := p.upload(name, func(text locale.Text) { add(columnAttachments, text) })
		for _, id := range ids {
			if found != "" && id == found {
				add(columnAttachments, locale.ManyAttachedTwice)
			}
		}
		ids = append(ids, found)
	}
	return ids
}

func (p *planner) upload(name string, wrong func(locale.Text)) string {
	if name == "" {
		wrong(locale.ManyNoFile)
		return ""
	}
	f, there := p.uploads[nameKey(name)]
	switch {
	case !there:
		wrong(locale.ManyFileUnknown)
	case len(f.Refused) > 0:
		wrong(locale.UploadRefused)
	case f.Checking:
		wrong(locale.UploadChecking)
	}
	return f.ID
}

// way is how a row finds its recipient; false if in several ways.
func way(values map[string]string) (to string, clear bool) {
	clear = true
	for name, columns := range map[string][]string{
		"person": {columnName, columnBirth, columnPhone}, "number": {columnNumber}, "address": {columnPlatform, columnAddress},
	} {
		for _, c := range columns {
			if values[c] == "" {
				continue
			}
			if to != "" && to != name {
				clear = false
			}
			to = name
		}
	}
	return to, clear
}

// kindNames are the kinds of documents, as a text in both languages.
func kindNames() (ko, en string) {
	var names [2][]string
	for _, c := range categories() {
		for i, name := range c.text.All() {
			names[i] = append(names[i], name)
		}
	}
	return strings.Join(names[0], ", "), strings.Join(names[1], ", ")
}

// hiddenPhone hides the middle of a number.
func hiddenPhone(number string) string {
	digits := text.Phone(number)
	if len(digits) < 9 {
		return ""
	}
	return digits[:3] + "****" + digits[len(digits)-4:]
}

// sheetProblem says what is wrong with a cell.
func sheetProblem(p sheet.Problem) locale.Text {
	switch p.Code {
	case sheet.UnknownColumn:
		return locale.ManyUnknownColumn(p.Name)
	case sheet.DuplicateColumn:
		return locale.ManyDuplicateColumn(p.Name)
	case sheet.UnnamedColumn:
		return locale.ManyUnnamedColumn
	case sheet.Formula:
		return locale.ManyFormula
	case sheet.LikeFormula:
		return locale.ManyLikeFormula
	case sheet.TooLong:
		return locale.ManyTooLong(sheet.MaxCharacters)
	default:
		return locale.ManyErrorValue
	}
}

// sheetRefused says why a file is no sheet.
func sheetRefused(code sheet.Code) locale.Text {
	switch code {
	case sheet.TooLarge:
		return locale.ManyTooLarge(sheet.MaxBytes >> 20)
	case sheet.TooManyRows:
		return locale.ManyTooManyRows(sheet.MaxRows)
	case sheet.TooManyColumns:
		return locale.ManyTooManyColumns(sheet.MaxColumns)
	case sheet.OldFormat:
		return locale.ManyOldFormat
	case sheet.Encrypted:
		return locale.ManyEncrypted
	case sheet.Macros:
		return locale.ManyMacros
	case sheet.Damaged:
		return locale.ManyDamaged
	case sheet.UnknownEncoding:
		return locale.ManyEncoding
	case sheet.NoHeader:
		return locale.ManyNoHeader
	default:
		return locale.ManyNotASheet
	}
}
