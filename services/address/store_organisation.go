package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// organisation is an institution with an address here.
type organisation struct {
	principal uuid.UUID
	address   string
	kind      int16
	business  match
	sealed    []byte
	// submission of name and papers this is, counted from 1.
	submission int32
}

func readOrganisation(ctx context.Context, db pg.DBTX, principal uuid.UUID) (organisation, bool, error) {
	const read = `
		select principal, address, type, business_key, business_key_2, sealed, submission
		from   organisation
		where  principal = $1`
	o := organisation{business: match{kind: matchBusiness}}
	known, err := pg.Scan(ctx, db, fmt.Sprintf("read organisation %s", principal), []any{&o.principal, &o.address, &o.kind, &o.business.key,
		&o.business.second, &o.sealed, &o.submission}, read, principal)
	return o, known, err
}

// insertOrganisation makes an organisation.
func insertOrganisation(ctx context.Context, tx *journal.Tx, o organisation, at time.Time) error {
	const insert = `
		insert into organisation (principal, address, type, business_key, business_key_2, sealed, submission, created_at, commit_id)
		values                   ($1,        $2,      $3,   $4,           $5,             $6,     $7,         $8,         $9)`
	return pg.Exec(ctx, tx, fmt.Sprintf("insert organisation %s", o.principal), insert, o.principal, o.address, o.kind, o.business.key,
		o.business.second, o.sealed, o.submission, at, tx.CommitID())
}

// updateOrganisation replaces what is told to the hub, for a registration tried again.
func updateOrganisation(ctx context.Context, tx *journal.Tx, o organisation) error {
	const update = `
		update organisation
		set    type = $2, business_key = $3, business_key_2 = $4, sealed = $5, submission = $6, commit_id = $7
		where  principal = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("update organisation %s", o.principal), update, o.principal, o.kind, o.business.key, o.business.second, o.sealed,
		o.submission, tx.CommitID())
}

// papers are the two papers the hub wants (hub-interface 3.1), sealed in pieces.
type papers struct{ business, registration [][]byte }

// keepPapers keeps these papers instead of those kept before.
func keepPapers(ctx context.Context, tx *journal.Tx, principal uuid.UUID, p papers) error {
	if err := dropPapers(ctx, tx, principal); err != nil {
		return err
	}
	const insert = `insert into organisation_paper (principal, business, registration) values ($1, $2, $3)`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep papers of %s", principal), insert, principal, p.business, p.registration)
}

func dropPapers(ctx context.Context, tx *journal.Tx, principal uuid.UUID) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("drop papers of %s", principal), `delete from organisation_paper where principal = $1`, principal)
}

// readPapers reads the papers kept; none where the hub has them already.
func readPapers(ctx context.Context, db pg.DBTX, principal uuid.UUID) (p papers, err error) {
	const read = `select business, registration from organisation_paper where principal = $1`
	_, err = pg.Scan(ctx, db, fmt.Sprintf("read papers of %s", principal), []any{&p.business, &p.registration}, read, principal)
	return p, err
}

// readAddressStates reads the states of principals' addresses; who has none is left out.
func readAddressStates(ctx context.Context, db pg.DBTX, principals []uuid.UUID) (map[uuid.UUID]string, error) {
	states := map[uuid.UUID]string{}
	var principal uuid.UUID
	var state string
	return states, pg.Each(ctx, db, "read states of addresses", []any{&principal, &state}, func() error {
		states[principal] = state
		return nil
	}, `select principal, state from address where principal = any($1)`, principals)
}
