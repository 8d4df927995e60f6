// Package sheet reads what people keep in a spreadsheet program, xlsx or CSV, into rows of named columns, and writes both.
//
// The file is a stranger's. Nothing of it is believed before it is looked at: what an archive says about its size is checked
// before anything is unpacked, what is unpacked is counted, no entity is expanded, and all that is kept is bounded. A formula is
// never computed and never taken for its value: whoever sends it says what the value is. Of what is wrong with the table, all is
// told at once, each with its cell.
package sheet

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a file may hold.
const (
	MaxBytes      = 5 << 20
	MaxUnpacked   = 50 << 20
	MaxRows       = 10_000
	MaxColumns    = 20
	MaxCharacters = 500
)

// Kind is how the values of a column are read.
type Kind int

// The kinds. Whatever the kind, a value is text without white space around it, and a date is YYYYMMDD.
const (
	// Text is taken as it is written.
	Text Kind = iota
	// Phone may begin with +. A number from which the program took the leading zero gets it back.
	Phone
)

// Column is one that a table may have, in any place.
type Column struct {
	// Key is its name in the program.
	Key string
	// Names are what people may call it. Case, spaces and width of letters do not count.
	Names []string
	Kind  Kind
}

// Table is what a sheet holds. Rows without any value are left out.
type Table struct {
	// Columns are the keys of the columns that the table has, and Places where they stand in the sheet, from 0.
	Columns []string
	Places  map[string]int
	Rows    []Row
	// Problems are what is wrong with it, by row; nothing of it may be used while there is one.
	Problems []Problem
}

// Row is a row with its values by column.
type Row struct {
	// Number is that which the spreadsheet program shows beside it.
	Number int
	Values map[string]string
}

// Cell is the name of a column's cell in a row, e.g. C7; empty where the table has no such column.
func (t *Table) Cell(key string, row int) string {
	place, there := t.Places[key]
	if !there {
		return ""
	}
	return CellName(place, row)
}

// Code says what is wrong with a table or a file.
type Code int

// What is wrong with a part of a table.
const (
	_ Code = iota
	// UnknownColumn: nobody knows what it means.
	UnknownColumn
	// DuplicateColumn: another column means the same.
	DuplicateColumn
	// UnnamedColumn: there is a value outside the named columns.
	UnnamedColumn
	// Formula: the cell is computed.
	Formula
	// LikeFormula: a spreadsheet program would take the text for a formula.
	LikeFormula
	// ErrorValue: the cell shows an error such as #N/A.
	ErrorValue
	// TooLong: more than MaxCharacters.
	TooLong
)

// Why a file is not read at all.
const (
	// TooLarge: the file, or what it unpacks to, is larger than is read, or is packed as no spreadsheet program packs.
	TooLarge Code = iota + 100
	// TooManyRows and TooManyColumns: more than MaxRows and MaxColumns.
	TooManyRows
	TooManyColumns
	// NotASheet: neither xlsx nor CSV.
	NotASheet
	// OldFormat: xls, of before 2007.
	OldFormat
	// Encrypted: protected by a password.
	Encrypted
	// Macros: it holds programs.
	Macros
	// Damaged: of its kind, but not whole or not well-formed.
	Damaged
	// UnknownEncoding: text in neither UTF-8 nor CP949.
	UnknownEncoding
	// NoHeader: no row names a known column.
	NoHeader
)

// Problem is something wrong with a table.
type Problem struct {
	Code Code
	// Row is the row's number, and Cell the cell's name, e.g. C7.
	Row  int
	Cell string
	// Key is the column, Name what the sheet calls it.
	Key, Name string
}

// Refused is why a file is not read.
type Refused struct {
	Code Code
	// Detail is for a log: it holds nothing of the file.
	Detail string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the sheet is not read (%d): %s", r.Code, r.Detail)
}

func refuse(code Code, detail string) error { return &Refused{Code: code, Detail: detail} }

// Read reads a file. Every error is a *Refused.
func Read(content []byte, columns []Column) (*Table, error) {
	if len(content) > MaxBytes {
		return nil, refuse(TooLarge, "the file")
	}
	b := &builder{columns: columns}
	var err error
	switch {
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		err = readXLSX(content, b)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		// A compound file: a workbook with a password holds its package under this name, in UTF-16.
		if bytes.Contains(content, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")) {
			return nil, refuse(Encrypted, "a compound file with an encrypted package")
		}
		return nil, refuse(OldFormat, "a compound file")
	default:
		err = readCSV(content, b)
	}
	if err != nil {
		return nil, err
	}
	if b.header == nil {
		return nil, refuse(NoHeader, "there is no row")
	}
	return &b.table, nil
}

// cell is one as it stands in the sheet.
type cell struct {
	// column counts from 0.
	column int
	text   string
	// problem is what is wrong with it whatever its column.
	problem Code
}

// builder makes a table of rows as they are read.
type builder struct {
	columns []Column
	table   Table
	// header is the column in each place of the sheet; -1 is one that is not known.
	header map[int]int
}

// add takes a row; the first that is not empty is the header.
func (b *builder) add(number int, cells []cell) error {
	filled := cells[:0]
	for _, c := range cells {
		if c.problem == 0 && strings.TrimSpace(c.text) == "" {
			continue
		}
		if c.column >= MaxColumns {
			return refuse(TooManyColumns, "a cell beyond the last column")
		}
		filled = append(filled, c)
	}
	switch {
	case len(filled) == 0:
		return nil
	case b.header == nil:
		return b.name(number, filled)
	case len(b.table.Rows) == MaxRows:
		return refuse(TooManyRows, "a row after the last")
	}
	row := Row{Number: number, Values: map[string]string{}}
	for _, c := range filled {
		if err := b.fill(row, c); err != nil {
			return err
		}
	}
	b.table.Rows = append(b.table.Rows, row)
	return nil
}

func (b *builder) fill(row Row, c cell) error {
	at := Problem{Row: row.Number, Cell: CellName(c.column, row.Number)}
	place, named := b.header[c.column]
	if !named {
		return b.found(at, UnnamedColumn)
	}
	if place < 0 { // told of the header
		return nil
	}
	column := b.columns[place]
	at.Key = column.Key
	value, code := valueOf(column.Kind, c)
	if code != 0 {
		return b.found(at, code)
	}
	row.Values[column.Key] = value
	return nil
}

// maxProblems bounds what is told of one table; a file with more is not a list of anything.
const maxProblems = 5_000

func (b *builder) found(at Problem, code Code) error {
	if len(b.table.Problems) == maxProblems {
		return refuse(Damaged, "too many problems")
	}
	at.Code = code
	b.table.Problems = append(b.table.Problems, at)
	return nil
}

// name takes the header.
func (b *builder) name(number int, cells []cell) error {
	b.header, b.table.Places = map[int]int{}, map[string]int{}
	for _, c := range cells {
		text := strings.TrimSpace(c.text)
		at := Problem{Row: number, Cell: CellName(c.column, number), Name: string([]rune(text)[:min(40, utf8.RuneCountInString(text))])}
		place := b.known(text)
		b.header[c.column] = place
		switch {
		case c.problem != 0:
			at.Code = c.problem
		case place < 0:
			at.Code = UnknownColumn
		case b.taken(place):
			at.Code, b.header[c.column] = DuplicateColumn, -1
		default:
			b.table.Places[b.columns[place].Key] = c.column
			b.table.Columns = append(b.table.Columns, b.columns[place].Key)
			continue
		}
		b.table.Problems = append(b.table.Problems, at)
	}
	if len(b.table.Places) == 0 {
		return refuse(NoHeader, "the first row names no known column")
	}
	return nil
}

func (b *builder) taken(place int) bool {
	_, there := b.table.Places[b.columns[place].Key]
	return there
}

// known is the column that people call so; -1 for none.
func (b *builder) known(name string) int {
	key := fold(name)
	for i, c := range b.columns {
		for _, n := range c.Names {
			if fold(n) == key {
				return i
			}
		}
	}
	return -1
}

// CellName is the name of a cell; the column counts from 0.
func CellName(column, row int) string {
	name := ""
	for column++; column > 0; column = (column - 1) / 26 {
		name = string(rune('A'+(column-1)%26)) + name
	}
	return fmt.Sprint(name, row)
}

// trimmed is a text without white space around it, and without what text is marked with but nobody sees.
func trimmed(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
}
