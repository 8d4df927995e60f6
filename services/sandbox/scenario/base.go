package scenario

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
)

// Base holds the dependencies that every sandbox system has. All fields are required.
type Base struct {
	// DB connects as the role of the system's own schema.
	DB        *pgxpool.Pool
	Clock     clock.Clock
	Log       *slog.Logger
	Scenarios *Set
}

// Check returns an error that names everything missing.
func (b Base) Check(system string) error {
	var missing []error
	for _, field := range []struct {
		name string
		none bool
	}{{"database", b.DB == nil}, {"clock", b.Clock == nil}, {"logger", b.Log == nil}, {"scenario set", b.Scenarios == nil}} {
		if field.none {
			missing = append(missing, fmt.Errorf("make %s: no %s", system, field.name))
		}
	}
	return errors.Join(missing...)
}
