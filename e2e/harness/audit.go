package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/cli"
)

// Facts returns the facts of one kind that a unit stated about a subject, public and private, oldest first. An empty subject
// means all subjects.
func (s *Stack) Facts(t testing.TB, unit string, kind proto.Message, subject string) []*platformv1.Event {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.unitsDatabase(t))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var found []*platformv1.Event
	require.NoError(t, journal.Each(t.Context(), conn, unit, func(f journal.Sealed) error {
		if f.Kind != frame.KindOf(kind) {
			return nil
		}
		events, err := f.Events()
		for _, e := range events {
			if subject == "" || e.GetSubject() == subject {
				found = append(found, e)
			}
		}
		return err
	}))
	return found
}

// Tamper changes a unit's tables as superuser.
func (s *Stack) Tamper(t testing.TB, sql string, args ...any) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // cleanups must still be able to undo a change
	conn, err := pgx.Connect(ctx, s.unitsDatabase(t))
	require.NoError(t, err)
	defer conn.Close(ctx)
	tag, err := conn.Exec(ctx, sql, args...)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
}

// Count returns one number from the units' tables.
func (s *Stack) Count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.unitsDatabase(t))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

// Differences returns what naru audit finds now.
func (s *Stack) Differences(ctx context.Context, t testing.TB) []audit.Violation {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(ctx, []string{"audit", "--json", "--data", s.Dir}, &out, &errs)
	require.NotEqual(t, cli.ExitUsage, code, "%s", errs.String())
	var result struct{ Violations []audit.Violation }
	require.NoError(t, json.Unmarshal(out.Bytes(), &result))
	return result.Violations
}

// AuditMustName makes the final audit expect a difference that a journey caused on purpose. It is an error if the audit does not
// name it.
func (s *Stack) AuditMustName(v audit.Violation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.untrue = append(s.untrue, v)
}

// auditPause is the pause between two audits while work is still in progress.
const auditPause = 500 * time.Millisecond

// Audit runs naru audit and naru evidence verify, as an operator would, until they name exactly the differences that journeys
// caused on purpose, or until the context ends. Work in progress may cause further differences for a moment.
func (s *Stack) Audit(ctx context.Context) error {
	s.mu.Lock()
	wrong := append([]audit.Violation{}, s.untrue...)
	s.mu.Unlock()
	audit.Sort(wrong)
	return errors.Join(s.awaitOnly(ctx, wrong, "audit"), s.awaitOnly(ctx, nil, "evidence", "verify"))
}

func (s *Stack) awaitOnly(ctx context.Context, wrong []audit.Violation, command ...string) error {
	last := ""
	for {
		var out, errs bytes.Buffer
		code := cli.Main(ctx, append(command, "--json", "--data", s.Dir), &out, &errs)
		var result struct{ Violations []audit.Violation }
		if json.Unmarshal(out.Bytes(), &result) == nil && slices.Equal(result.Violations, wrong) && (code == cli.ExitOK) == (len(wrong) == 0) {
			return nil
		}
		if ctx.Err() == nil {
			last = fmt.Sprintf("naru %v gave %d: %v\n%s", command, code, result.Violations, errs.String())
		}
		timer := time.NewTimer(auditPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), errors.New(last))
		}
	}
}
