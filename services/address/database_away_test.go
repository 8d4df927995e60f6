package address

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// Also where a handler passes an error of the database on as it is, a database that takes no writes, or ends the connection, is
// 503 with Retry-After and not a defect.
func TestDatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, domain, Unit.Sources()...)
	w := setup(t, unittest.On(db))
	super, err := pgx.Connect(t.Context(), db.SuperURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = super.Close(context.WithoutCancel(t.Context())) }) // the database is dropped with the test
	do := func(sql string) {
		t.Helper()
		_, err := super.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	do(`alter database ` + db.Name + ` set default_transaction_read_only = on`)
	do(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
	_, err = addressv1.NewAddressServiceClient(w.Unit(t, "gateway")).RegisterInstitution(t.Context(), newInstitution("office_1", "1234567891"))
	problem := fault.ProblemOf(err, "")
	require.Equal(t, []any{http.StatusServiceUnavailable, "UNAVAILABLE", time.Second}, []any{problem.Status, problem.Reason, problem.RetryAfter}, err)
	do(`alter database ` + db.Name + ` reset default_transaction_read_only`)
	do(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
}
