package pgtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// A server whose data files cannot grow lives on: the file of its log is there before the room is taken, so a row that fits
// into a page is kept.
func TestFullDiskLeavesTheLogItsFile(t *testing.T) {
	t.Parallel()
	db, disk := pgtest.OnSmallDisk(t, "256m", "memo", notes())
	_, err := db.App.Exec(t.Context(), `insert into note (id, body) values (1, 'the page')`)
	require.NoError(t, err)
	free := disk.Full(t)
	_, err = db.App.Exec(t.Context(), `insert into note (id, body) values (2, 'fits into it')`)
	require.NoError(t, err)
	free()
}
