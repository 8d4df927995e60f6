package tsa

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

const insertStampSQL = `
	insert into stamp (hash, stamped_at) values ($1, $2)
	returning serial`

// insertStamp keeps what is stamped and gives the token's serial number.
func insertStamp(ctx context.Context, db pg.DBTX, hash string, at time.Time) (serial int64, err error) {
	return pg.Value[int64](ctx, db, "insert time stamp", insertStampSQL, hash, at)
}

const deleteStampsSQL = `
	delete from stamp where stamped_at < $1`

func deleteStamps(ctx context.Context, db pg.DBTX, before time.Time) error {
	return pg.Exec(ctx, db, "delete time stamps", deleteStampsSQL, before)
}

type stamped struct {
	Serial    int64     `json:"serial"`
	Hash      string    `json:"hash"`
	StampedAt time.Time `json:"stampedAt"`
}

const findStampsSQL = `
	select serial, hash, stamped_at
	  from stamp
	 where $1 = '' or hash = $1
	 order by serial desc
	 limit 1000`

// listStamps lists up to 1,000 time stamps, newest first; the query parameter hash (lower-case hexadecimal) filters them.
func (s *System) listStamps(_ http.ResponseWriter, r *http.Request) (any, error) {
	found, err := pg.All(r.Context(), s.DB, "find time stamps", pgx.RowToStructByPos[stamped], findStampsSQL, r.URL.Query().Get("hash"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"stamps": found}, nil
}
