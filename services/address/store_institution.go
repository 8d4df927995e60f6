package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// institution is a sending institution; it has one address for its life.
type institution struct {
	principal uuid.UUID
	address   string
	kind      int16
	business  match
	// sealed is its company.
	sealed []byte
	// submission of name and papers this is, counted from 1.
	submission int32
	// memberships of archives, sealed, as they were recorded for the so many-th time.
	memberships []byte
	recorded    int32
	createdAt   time.Time
}

// listed is an institution with the state of its address; of a refused one also why, and when the hub is asked again.
type listed struct {
	institution
	state        string
	refusal      string
	askedAgainAt *time.Time
}

const institutionColumns = `
	select i.principal, i.address, i.type, i.business_key, i.business_key_2, i.sealed, i.submission, i.memberships, i.recorded, i.created_at,
	       a.state, a.refusal, case when a.state = 'refused' then d.due_at end
	from   institution i
	join   address a on a.address = i.address
	left   join due_address d on d.address = i.address`

func scanInstitution(row pgx.CollectableRow) (listed, error) {
	l := listed{institution: institution{business: match{kind: matchBusiness}}}
	err := row.Scan(&l.principal, &l.address, &l.kind, &l.business.key, &l.business.second, &l.sealed, &l.submission, &l.memberships, &l.recorded,
		&l.createdAt, &l.state, &l.refusal, &l.askedAgainAt)
	return l, err
}

func readInstitution(ctx context.Context, db pg.DBTX, principal uuid.UUID) (listed, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read institution %s", principal), scanInstitution, institutionColumns+` where i.principal = $1`, principal)
}

func readInstitutionAt(ctx context.Context, db pg.DBTX, address string) (listed, bool, error) {
	return pg.Find(ctx, db, "read institution of an address", scanInstitution, institutionColumns+` where i.address = $1`, address)
}

// listInstitutions gives at most n, newest first, those made before the given one; ids are ordered by time of making.
func listInstitutions(ctx context.Context, db pg.DBTX, before uuid.UUID, n int) ([]listed, error) {
	return pg.All(ctx, db, "list institutions", scanInstitution, institutionColumns+` where i.principal < $1 order by i.principal desc limit $2`, before, n)
}

func insertInstitution(ctx context.Context, tx *journal.Tx, i institution) error {
	const insert = `
		insert into institution (principal, address, type, business_key, business_key_2, sealed, submission, memberships, recorded, created_at, commit_id)
		values                  ($1,        $2,      $3,   $4,           $5,             $6,     $7,         $8,          $9,       $10,        $11)`
	return pg.Exec(ctx, tx, fmt.Sprintf("insert institution %s", i.principal), insert, i.principal, i.address, i.kind, i.business.key,
		i.business.second, i.sealed, i.submission, i.memberships, i.recorded, i.createdAt, tx.CommitID())
}

// updateInstitution replaces what the hub is told by the next submission; false if that submission was already made.
func updateInstitution(ctx context.Context, tx *journal.Tx, i institution) (bool, error) {
	const update = `update institution set sealed = $2, submission = $3, type = $4, commit_id = $5 where principal = $1 and submission = $3 - 1`
	return pg.Changed(ctx, tx, fmt.Sprintf("update institution %s", i.principal), update, i.principal, i.sealed, i.submission, i.kind, tx.CommitID())
}

// updateMemberships keeps other memberships and returns how often they were recorded with this time.
func updateMemberships(ctx context.Context, tx *journal.Tx, i institution) (int32, error) {
	const update = `update institution set memberships = $2, recorded = recorded + 1, commit_id = $3 where principal = $1 returning recorded`
	return pg.Value[int32](ctx, tx, fmt.Sprintf("update archive memberships of %s", i.principal), update, i.principal, i.memberships, tx.CommitID())
}

// request is how an operator asked for a submission after the first.
type request struct {
	operator, id string
	// digest of everything submitted, by which a repeated request is recognised.
	digest []byte
}

// insertSubmission returns the fault REQUEST_ID_REUSED for a request id that the operator used before.
func insertSubmission(ctx context.Context, tx *journal.Tx, i institution, r request, now time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into institution_submission (principal, submission, operator, request_id, digest, submitted_at, commit_id)
		values                             ($1,        $2,         $3,       $4,         $5,     $6,           $7)`,
		i.principal, i.submission, r.operator, r.id, r.digest, now, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert submission of %s: %w", i.principal, pg.AsFault(err, map[string]*fault.Error{"institution_submission_request_key": errRequestIDReused()}))
	}
	return nil
}

// submissionDigest is the digest of what the operator submitted under a request id; nil if there is nothing.
func submissionDigest(ctx context.Context, db pg.DBTX, r request) ([]byte, error) {
	var digest []byte
	_, err := pg.Scan(ctx, db, "read submission", []any{&digest}, `
		select digest
		from   institution_submission
		where  operator = $1 and request_id = $2`, r.operator, r.id)
	return digest, err
}
