package address

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// papers are the two papers the hub wants (hub-interface 3.1), sealed in pieces.
type papers struct{ business, registration [][]byte }

// keepPapers keeps these papers instead of those kept before.
func keepPapers(ctx context.Context, tx *journal.Tx, owner uuid.UUID, p papers) error {
	if err := dropPapers(ctx, tx, owner); err != nil {
		return err
	}
	const insert = `insert into paper (owner, business, registration) values ($1, $2, $3)`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep papers of %s", owner), insert, owner, p.business, p.registration)
}

func dropPapers(ctx context.Context, tx *journal.Tx, owner uuid.UUID) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("drop papers of %s", owner), `delete from paper where owner = $1`, owner)
}

// readPapers reads the papers; false if nobody needs them any more.
func readPapers(ctx context.Context, db pg.DBTX, owner uuid.UUID) (p papers, kept bool, err error) {
	const read = `select business, registration from paper where owner = $1`
	kept, err = pg.Scan(ctx, db, fmt.Sprintf("read papers of %s", owner), []any{&p.business, &p.registration}, read, owner)
	return p, kept, err
}

// dropPapersOf drops the papers by which an organisation was to be registered; a person has none.
func dropPapersOf(ctx context.Context, tx *journal.Tx, recipient uuid.UUID) error {
	const drop = `delete from paper where owner = (select application from identity where recipient = $1)`
	return pg.Exec(ctx, tx, fmt.Sprintf("drop papers of %s", recipient), drop, recipient)
}
