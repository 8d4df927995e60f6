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
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	nameAsked    = addressv1.NameChangeState_NAME_CHANGE_STATE_ASKED
	nameAccepted = addressv1.NameChangeState_NAME_CHANGE_STATE_ACCEPTED
	nameRefused  = addressv1.NameChangeState_NAME_CHANGE_STATE_REFUSED
	nameReplaced = addressv1.NameChangeState_NAME_CHANGE_STATE_REPLACED
)

// nameChange is another name or type of an address's owner, as stored.
type nameChange struct {
	id      uuid.UUID
	address string
	// basis is the registration it belongs to.
	basis string
	// sealed are its names.
	sealed []byte
	// kind is the new type; 0 if only the name changes.
	kind  int16
	named bool
	// askedBy is who entered it, under requestID; a person's proof has none.
	askedBy, requestID string
	digest             []byte
	askedAt            time.Time
	state              addressv1.NameChangeState
	answers            int32
	// Absent times are nil.
	answeredAt, refusedAt, givenUpAt *time.Time
	refusal                          string
	// askedAgainAt is when the hub is told, or told again. It is only read.
	askedAgainAt *time.Time
}

// open reports whether the hub is to be told of it.
func (c nameChange) open() bool { return c.state == nameAsked || c.state == nameRefused }

// papers are the change as owner of papers.
func (c nameChange) papers() submitted { return submitted{c.id, 1} }

const nameChangeHead = `
	select c.id, c.address, c.basis, c.sealed, c.type, c.named, c.asked_by, coalesce(c.request_id, ''), c.digest, c.asked_at, c.state, c.answers,
	       c.answered_at, c.refusal, c.refused_at, c.given_up_at, d.due_at
	from   name_change c
	left   join due_name_change d on d.address = c.address and c.state in (1, 3)`

func scanNameChange(row pgx.CollectableRow) (nameChange, error) {
	var c nameChange
	err := row.Scan(&c.id, &c.address, &c.basis, &c.sealed, &c.kind, &c.named, &c.askedBy, &c.requestID, &c.digest, &c.askedAt, &c.state, &c.answers,
		&c.answeredAt, &c.refusal, &c.refusedAt, &c.givenUpAt, &c.askedAgainAt)
	return c, err
}

func oneNameChange(ctx context.Context, db pg.DBTX, where string, args ...any) (nameChange, bool, error) {
	return pg.Find(ctx, db, "read change of name", scanNameChange, nameChangeHead+where, args...)
}

// openNameChange finds the change of an address's owner of which the hub is to be told.
func openNameChange(ctx context.Context, db pg.DBTX, address string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.address = $1 and c.state in (1, 3)`, address)
}

// lockNameChange locks a change. Whoever locks the address, too, locks that first.
func lockNameChange(ctx context.Context, tx *journal.Tx, id uuid.UUID) (nameChange, bool, error) {
	return oneNameChange(ctx, tx, ` where c.id = $1 for update of c`, id)
}

func readNameChange(ctx context.Context, db pg.DBTX, id uuid.UUID) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.id = $1`, id)
}

// nameChangeAsked finds what somebody entered under a request id.
func nameChangeAsked(ctx context.Context, db pg.DBTX, by, requestID string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.asked_by = $1 and c.request_id = $2`, by, requestID)
}

// acceptedNameChange finds the latest change of a registration that the hub has.
func acceptedNameChange(ctx context.Context, db pg.DBTX, basis string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.basis = $1 and c.state = 2 order by c.id desc limit 1`, basis)
}

// acceptedType is the latest type of a registration that the hub has been told since; 0 for none.
func acceptedType(ctx context.Context, db pg.DBTX, basis string) (kind int16, err error) {
	_, err = pg.Scan(ctx, db, "read changed type", []any{&kind},
		`select type from name_change where basis = $1 and state = 2 and type <> 0 order by id desc limit 1`, basis)
	return kind, err
}

// memberNameChange finds the latest change of a member's address.
func memberNameChange(ctx context.Context, db pg.DBTX, address string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.address = $1 order by c.id desc limit 1`, address)
}

// firstNameChange and latestNameChange find the first and the latest change of a registration.
func firstNameChange(ctx context.Context, db pg.DBTX, basis string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.basis = $1 order by c.id limit 1`, basis)
}

func latestNameChange(ctx context.Context, db pg.DBTX, basis string) (nameChange, bool, error) {
	return oneNameChange(ctx, db, ` where c.basis = $1 order by c.id desc limit 1`, basis)
}

// waitingNameChange is a change of which the hub does not know yet, with its owner.
type waitingNameChange struct {
	nameChange
	recipient, principal uuid.UUID
}

// waitingNameChanges gives at most n that are not given up, oldest first, after an id; ids are ordered by time of asking.
func waitingNameChanges(ctx context.Context, db pg.DBTX, after uuid.UUID, n int) ([]waitingNameChange, error) {
	const list = `
		select c.id, c.address, coalesce(a.recipient, '00000000-0000-0000-0000-000000000000'), coalesce(a.principal, '00000000-0000-0000-0000-000000000000'),
		       c.state, c.refusal, c.asked_at, d.due_at
		from   name_change c
		join   address a on a.address = c.address
		left   join due_name_change d on d.address = c.address
		where  c.state in (1, 3) and c.given_up_at is null and c.id > $1
		order  by c.id
		limit  $2`
	return pg.All(ctx, db, "list changes of names", func(row pgx.CollectableRow) (w waitingNameChange, err error) {
		err = row.Scan(&w.id, &w.address, &w.recipient, &w.principal, &w.state, &w.refusal, &w.askedAt, &w.askedAgainAt)
		return w, err
	}, list, after, n)
}

// insertNameChange returns the fault REQUEST_ID_REUSED for a request id that was used meanwhile.
func insertNameChange(ctx context.Context, tx *journal.Tx, c nameChange) error {
	_, err := tx.Exec(ctx, `
		insert into name_change (id, address, basis, sealed, type, named, asked_by, request_id,      digest, asked_at, state, commit_id)
		values                  ($1, $2,      $3,    $4,     $5,   $6,    $7,       nullif($8, ''), $9,     $10,      1,     $11)`,
		c.id, c.address, c.basis, c.sealed, c.kind, c.named, c.askedBy, c.requestID, c.digest, c.askedAt, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert change %s: %w", c.id, pg.AsFault(err, map[string]*fault.Error{"name_change_request_key": errRequestIDReused()}))
	}
	return nil
}

// updateNameChange writes what came of a change that is locked.
func updateNameChange(ctx context.Context, tx *journal.Tx, c nameChange) error {
	const update = `
		update name_change
		set    state = $2, answers = $3, answered_at = $4, refusal = $5, refused_at = $6, given_up_at = $7, commit_id = $8
		where  id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("update change %s", c.id), update, c.id, c.state, c.answers, c.answeredAt, c.refusal, c.refusedAt, c.givenUpAt,
		tx.CommitID())
}

func claimNameChanges(ctx context.Context, db pg.DBTX, lease work.Lease) ([]claim, error) {
	const take = `
		with mine as (
		  select address
		  from   due_name_change
		  where  due_at <= now() and (lease_until is null or lease_until <= now())
		  order  by due_at
		  limit  @limit
		  for    update skip locked
		)
		update due_name_change d
		set    lease_until = now() + @lease, owner = @owner, attempt = d.attempt + 1
		from   mine
		where  d.address = mine.address
		returning d.address, d.attempt, d.failures`
	return work.Claim(ctx, db, take, lease, nil, scanClaim)
}

// setDueNameChange makes telling the hub due. It does not change a claim under way: the calls about one address never overlap, so
// an older name is never the last that the hub is told.
func setDueNameChange(ctx context.Context, db pg.DBTX, address string) error {
	const set = `
		insert into due_name_change (address, due_at)
		values ($1, now())
		on conflict (address) do update
		set    due_at = now(), failures = 0`
	return pg.Exec(ctx, db, "set change of name due", set, address)
}

// hurryNameChange tells the hub at once of a change that waited for the address.
func hurryNameChange(ctx context.Context, db pg.DBTX, address string) error {
	return pg.Exec(ctx, db, "hurry change of name", `update due_name_change set due_at = now() where address = $1 and owner is null`, address)
}

// dropUnclaimedNameChange ends what is due. A call under way is left to who makes it.
func dropUnclaimedNameChange(ctx context.Context, db pg.DBTX, address string) error {
	return pg.Exec(ctx, db, "end what is due for a name", `delete from due_name_change where address = $1 and owner is null`, address)
}

// countNameChanges counts the changes that the hub refuses and nobody gave up.
func countNameChanges(ctx context.Context, db pg.DBTX) (refused float64, err error) {
	return pg.Value[float64](ctx, db, "observe changes of names", `select count(*)::float8 from name_change where state = 3 and given_up_at is null`)
}
