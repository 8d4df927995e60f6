package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fold is a table with the rows that follow from facts.
type fold struct {
	unit  string
	table Table
	// sources of the columns by kind.
	byKind  map[frame.Kind][]use
	founded map[frame.Kind]bool
	rows    map[string]*expected
}

type use struct {
	column int
	path   string
}

// expected is what follows from the facts about one subject.
type expected struct {
	founded bool
	values  []string
	// ordinals of the facts that gave the values.
	ordinals []uint32
	seen     bool
}

func newFold(unit string, t Table) *fold {
	f := &fold{unit: unit, table: t, byKind: map[frame.Kind][]use{}, founded: map[frame.Kind]bool{}, rows: map[string]*expected{}}
	for i, c := range t.Columns {
		for _, s := range c.From {
			f.byKind[s.Kind] = append(f.byKind[s.Kind], use{i, s.Path})
		}
	}
	for _, kind := range t.Founded {
		f.founded[kind] = true
	}
	return f
}

// take applies a fact.
func (f *fold) take(kind frame.Kind, e *platformv1.Event, message proto.Message) {
	uses := f.byKind[kind]
	if len(uses) == 0 && !f.founded[kind] {
		return
	}
	row := f.rows[e.GetSubject()]
	if row == nil {
		row = &expected{values: make([]string, len(f.table.Columns)), ordinals: make([]uint32, len(f.table.Columns))}
		f.rows[e.GetSubject()] = row
	}
	row.founded = row.founded || f.founded[kind]
	for _, u := range uses {
		value := e.GetOccurredAt().AsTime().Format(timeForm)
		if u.path != "" {
			value = field(message.ProtoReflect(), u.path)
		}
		row.decide(u.column, f.table.Columns[u.column].Take, value, e.GetOrdinal())
	}
}

func (r *expected) decide(i int, take Take, value string, ordinal uint32) {
	if take == Count {
		n, _ := strconv.Atoi(r.values[i])
		r.values[i] = strconv.Itoa(n + 1)
		return
	}
	held := r.values[i]
	if take == Newest {
		// The newest fact decides even if its field is empty; among several with one ordinal, one whose field is set decides.
		if ordinal > r.ordinals[i] || ordinal == r.ordinals[i] && held == absent {
			r.values[i], r.ordinals[i] = value, ordinal
		}
		return
	}
	if value == absent {
		return
	}
	switch {
	case held == absent,
		take == First && ordinal < r.ordinals[i],
		take == Least && less(value, held),
		take == Greatest && less(held, value):
		r.values[i], r.ordinals[i] = value, ordinal
	}
}

// compare reads the present rows and reports every difference.
func (f *fold) compare(ctx context.Context, db pg.DBTX, stated map[uuid.UUID]published, found func(Violation)) (int64, error) {
	columns := make([]string, len(f.table.Columns))
	named := "null"
	if f.table.Frame != "" {
		named = "t." + pgx.Identifier{f.table.Frame}.Sanitize()
	}
	for i, c := range f.table.Columns {
		columns[i] = "'" + c.Name + "', t." + pgx.Identifier{c.Name}.Sanitize()
	}
	where := ""
	if f.table.Where != "" {
		where = " where " + f.table.Where
	}
	sql := fmt.Sprintf(`select t.%s::text, jsonb_build_object(%s)::text, %s::uuid from %s t%s`, pgx.Identifier{f.table.Key}.Sanitize(), strings.Join(columns, ", "),
		named, pgx.Identifier{f.unit, f.table.Name}.Sanitize(), where)
	rows, err := db.Query(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("read %s.%s: %w", f.unit, f.table.Name, err)
	}
	var n int64
	var key, body string
	var frameID *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&key, &body, &frameID}, func() error {
		n++
		if _, ok := stated[pg.OrZero(frameID)]; frameID != nil && !ok {
			found(f.violation(RowDiffers, key, f.table.Frame+" names a frame that nobody stated"))
		}
		return f.row(key, body, found)
	})
	if err != nil {
		return 0, fmt.Errorf("read %s.%s: %w", f.unit, f.table.Name, err)
	}
	if f.table.Where == "" {
		f.missing(found)
	}
	return n, nil
}

func (f *fold) row(key, body string, found func(Violation)) error {
	var is map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &is); err != nil {
		return err
	}
	row := f.rows[key]
	if row == nil {
		if len(f.table.Founded) > 0 {
			found(f.violation(RowUnfounded, key, "no fact calls for it"))
		}
		return nil
	}
	row.seen = true
	if len(f.table.Founded) > 0 && !row.founded {
		found(f.violation(RowUnfounded, key, "no fact calls for it"))
		return nil
	}
	for i, c := range f.table.Columns {
		if !same(column(is[c.Name]), row.values[i]) {
			found(f.violation(RowDiffers, key, c.Name+" does not follow from the facts"))
		}
	}
	return nil
}

// same compares a column with what follows. As in the proto, a field's zero value and its absence are the same.
func same(is, follows string) bool {
	return is == follows || follows == absent && (is == "0" || is == "false")
}

func (f *fold) missing(found func(Violation)) {
	var keys []string
	for key, row := range f.rows {
		if row.founded && !row.seen {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		found(f.violation(RowMissing, key, "the facts call for it"))
	}
}

// violation names a row without its values.
func (f *fold) violation(code, key, detail string) Violation {
	return Violation{Unit: f.unit, Code: code, Subject: f.table.Name + " " + key, Detail: detail}
}
