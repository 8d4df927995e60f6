package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// member is a membership as stored.
type member struct {
	recipient      uuid.UUID
	generation     int32
	state, address string
	joinedAt       time.Time
	termsVersion   string
	// Absent times are nil.
	consentedAt, designatedAt, withdrawnAt *time.Time
	// choices counts the changes of consent and refusals.
	choices int32
	// addressState is that of the address, and askedAgainAt when the hub is asked again about a refused one. Both are only read.
	addressState string
	askedAgainAt *time.Time
}

// readMember reads a membership; false when the recipient never was a member. Whoever changes it holds the identity's lock.
func readMember(ctx context.Context, db pg.DBTX, recipient uuid.UUID) (member, bool, error) {
	const read = `
		select m.recipient, m.generation, m.state, m.address, m.joined_at, m.terms_version, m.consented_at, m.designated_at, m.withdrawn_at, m.choices,
		       a.state, case when a.state = 'refused' then d.due_at end
		from   member m
		join   address a on a.address = m.address
		left   join due_address d on d.address = m.address
		where  m.recipient = $1`
	var m member
	known, err := pg.Scan(ctx, db, fmt.Sprintf("read member %s", recipient), []any{&m.recipient, &m.generation, &m.state, &m.address, &m.joinedAt, &m.termsVersion,
		&m.consentedAt, &m.designatedAt, &m.withdrawnAt, &m.choices, &m.addressState, &m.askedAgainAt}, read, recipient)
	return m, known, err
}

func writeMember(ctx context.Context, tx *journal.Tx, m member) error {
	const write = `
		insert into member (recipient, generation, state, address, joined_at, terms_version, consented_at, designated_at, withdrawn_at, choices, commit_id)
		values             ($1,        $2,         $3,    $4,      $5,        $6,            $7,           $8,            $9,           $10,     $11)
		on conflict (recipient) do update
		set    generation = excluded.generation, state = excluded.state, address = excluded.address, joined_at = excluded.joined_at,
		       terms_version = excluded.terms_version, consented_at = excluded.consented_at, designated_at = excluded.designated_at,
		       withdrawn_at = excluded.withdrawn_at, choices = excluded.choices,
		       commit_id = excluded.commit_id`
	return pg.Exec(ctx, tx, fmt.Sprintf("write member %s", m.recipient), write, m.recipient, m.generation, m.state, m.address, m.joinedAt,
		m.termsVersion, m.consentedAt, m.designatedAt, m.withdrawnAt, m.choices, tx.CommitID())
}

// Matters of the consent table.
const (
	matterConsent     = "consent"
	matterDesignation = "designation"
)

// insertConsent keeps on record that a consent or designation was given or taken back.
func insertConsent(ctx context.Context, tx *journal.Tx, recipient uuid.UUID, matter string, given bool, terms, session string, at time.Time) error {
	const insert = `
		insert into consent (id, recipient, matter, given, terms_version, occurred_at, session, commit_id)
		values              ($1, $2,        $3,     $4,    $5,            $6,          $7,      $8)`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep %s of %s", matter, recipient), insert, id.New(), recipient, matter, given, terms, at, session, tx.CommitID())
}

// setRefusal sets or removes a refusal, and reports whether that changed anything.
func setRefusal(ctx context.Context, tx *journal.Tx, recipient uuid.UUID, sender string, refused bool, session string, at time.Time) (bool, error) {
	const add = `insert into refusal (recipient, sender, commit_id) values ($1, $2, $3) on conflict do nothing`
	const lift = `delete from refusal where recipient = $1 and sender = $2`
	const keep = `
		insert into refusal_history (id, recipient, sender, refused, occurred_at, session, commit_id)
		values                      ($1, $2,        $3,     $4,      $5,          $6,      $7)`
	statement, args := lift, []any{recipient, sender}
	if refused {
		statement, args = add, append(args, tx.CommitID())
	}
	changed, err := pg.Changed(ctx, tx, fmt.Sprintf("set refusal of %s", recipient), statement, args...)
	if err != nil || !changed {
		return false, err
	}
	return true, pg.Exec(ctx, tx, fmt.Sprintf("keep refusal of %s", recipient), keep, id.New(), recipient, sender, refused, at, session, tx.CommitID())
}

// registration is a certified address of this relay as stored.
type registration struct {
	address              string
	recipient, principal uuid.UUID
	state                string
	validFrom            time.Time
	// Absent times are nil.
	validUntil, announcedAt, removedAt *time.Time
	// refusal is why the hub refuses the address, since refusedAt; givenUpAt is when an operator gave it up.
	refusal              string
	refusedAt, givenUpAt *time.Time
}

// sought reports whether the address is to be registered at the hub: for the first time, or once more although it was refused.
func (r registration) sought() bool {
	return r.state == addressRegistering || r.state == addressRefused
}

// become is the address in another state than refused.
func (r registration) become(state string) registration {
	r.state, r.refusal, r.refusedAt, r.givenUpAt = state, "", nil, nil
	return r
}

const addressHead = `
		select address, coalesce(recipient, '00000000-0000-0000-0000-000000000000'), coalesce(principal, '00000000-0000-0000-0000-000000000000'),
		       state, valid_from, valid_until, announced_at, removed_at, refusal, refused_at, given_up_at
		from   address
		where  address = $1`

func readAddress(ctx context.Context, db pg.DBTX, address string) (registration, bool, error) {
	return oneAddress(ctx, db, addressHead, address)
}

func lockAddress(ctx context.Context, tx *journal.Tx, address string) (registration, bool, error) {
	return oneAddress(ctx, tx, addressHead+` for update`, address)
}

func oneAddress(ctx context.Context, db pg.DBTX, sql, address string) (registration, bool, error) {
	var r registration
	into := []any{&r.address, &r.recipient, &r.principal, &r.state, &r.validFrom, &r.validUntil, &r.announcedAt, &r.removedAt,
		&r.refusal, &r.refusedAt, &r.givenUpAt}
	known, err := pg.Scan(ctx, db, "read address", into, sql, address)
	r.validFrom = r.validFrom.UTC()
	return r, known, err
}

// insertAddress makes an address and the first row of its history; false when it is taken or its institution has one.
func insertAddress(ctx context.Context, tx *journal.Tx, r registration, at time.Time) (bool, error) {
	const insert = `
		insert into address (address, match_key, recipient, principal, state, valid_from, updated_at, commit_id)
		values ($1, $2, nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), nullif($4, '00000000-0000-0000-0000-000000000000'::uuid), $5, $6, $7, $8)
		on conflict do nothing`
	made, err := pg.Changed(ctx, tx, "insert address", insert, r.address, addressKey(r.address), r.recipient, r.principal, r.state, r.validFrom, at, tx.CommitID())
	if err != nil || !made {
		return false, err
	}
	return true, insertHistory(ctx, tx, r, "")
}

// updateAddress writes an address that is locked, and a row of its history.
func updateAddress(ctx context.Context, tx *journal.Tx, r registration, exchange string, at time.Time) error {
	const update = `
		update address
		set    state = $2, valid_until = $3, announced_at = $4, removed_at = $5, refusal = $6, refused_at = $7, given_up_at = $8,
		       updated_at = $9, commit_id = $10
		where  address = $1`
	if err := pg.Exec(ctx, tx, "update address", update, r.address, r.state, r.validUntil, r.announcedAt, r.removedAt, r.refusal, r.refusedAt, r.givenUpAt,
		at, tx.CommitID()); err != nil {
		return err
	}
	return insertHistory(ctx, tx, r, exchange)
}

func insertHistory(ctx context.Context, tx *journal.Tx, r registration, exchange string) error {
	const insert = `
		insert into address_history (id, address, state, valid_from, valid_until, exchange, commit_id)
		values                      ($1, $2,      $3,    $4,         $5,          $6,       $7)`
	return pg.Exec(ctx, tx, "keep history of address", insert, id.New(), r.address, r.state, r.validFrom, r.validUntil, exchange, tx.CommitID())
}
