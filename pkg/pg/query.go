package pg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Exec runs a statement whose rows, if any, are not wanted. Here and below, doing is the text an error begins with: what was
// being done.
func Exec(ctx context.Context, db DBTX, doing, sql string, args ...any) error {
	if _, err := db.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// Count runs a statement whose rows are not wanted, and returns how many it changed.
func Count(ctx context.Context, db DBTX, doing, sql string, args ...any) (int64, error) {
	tag, err := db.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return tag.RowsAffected(), nil
}

// Changed runs a statement that changes one row or none, and reports whether it changed one.
func Changed(ctx context.Context, db DBTX, doing, sql string, args ...any) (bool, error) {
	changed, err := Count(ctx, db, doing, sql, args...)
	return changed == 1, err
}

// All collects the rows of a query; no rows are no error.
func All[T any](ctx context.Context, db DBTX, doing string, row pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	found, err := pgx.CollectRows(rows, row)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return found, nil
}

// Set collects the single column of a query's rows into a set.
func Set[T comparable](ctx context.Context, db DBTX, doing, sql string, args ...any) (map[T]bool, error) {
	found, err := All(ctx, db, doing, pgx.RowTo[T], sql, args...)
	if err != nil {
		return nil, err
	}
	set := make(map[T]bool, len(found))
	for _, one := range found {
		set[one] = true
	}
	return set, nil
}

// Find gives the one row of a query; false when there is none. A second row is an error.
func Find[T any](ctx context.Context, db DBTX, doing string, row pgx.RowToFunc[T], sql string, args ...any) (one T, known bool, err error) {
	found, err := All(ctx, db, doing, row, sql, args...)
	switch {
	case err != nil:
		return one, false, err
	case len(found) > 1:
		return one, false, fmt.Errorf("%s: %w", doing, pgx.ErrTooManyRows)
	case len(found) == 0:
		return one, false, nil
	default:
		return found[0], true, nil
	}
}

// Scan reads the one row of a query into variables; false, with none of them changed, when there is no row.
func Scan(ctx context.Context, db DBTX, doing string, into []any, sql string, args ...any) (known bool, err error) {
	err = db.QueryRow(ctx, sql, args...).Scan(into...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: %w", doing, err)
	default:
		return true, nil
	}
}

// Each scans the rows of a query one by one into the same variables and calls fn after each.
func Each(ctx context.Context, db DBTX, doing string, into []any, fn func() error, sql string, args ...any) error {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if _, err := pgx.ForEachRow(rows, into, fn); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// Walk calls fn with each row of a query, without collecting them. It holds the connection meanwhile.
func Walk[T any](ctx context.Context, db DBTX, doing string, row pgx.RowToFunc[T], fn func(T) error, sql string, args ...any) error {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		one, err := row(rows)
		if err == nil {
			err = fn(one)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// Value returns the one value of a query that always has exactly one, such as a count.
func Value[T any](ctx context.Context, db DBTX, doing, sql string, args ...any) (value T, err error) {
	if err := db.QueryRow(ctx, sql, args...).Scan(&value); err != nil {
		return value, fmt.Errorf("%s: %w", doing, err)
	}
	return value, nil
}

// Column collects one value of each row, for statements that take rows as one array per column.
func Column[T, V any](rows []T, value func(T) V) []V {
	column := make([]V, len(rows))
	for i, row := range rows {
		column[i] = value(row)
	}
	return column
}

// OrNull is a column's value, null for the zero value.
func OrNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// OrZero is the value of a column that may be null: then the zero value.
func OrZero[T any](column *T) T {
	if column == nil {
		var zero T
		return zero
	}
	return *column
}
