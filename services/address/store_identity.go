package address

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// identity is a proved person or an organisation, as stored.
type identity struct {
	recipient uuid.UUID
	// mergedInto is uuid.Nil but for an identity that is the same person as another.
	mergedInto uuid.UUID
	version    int32
	// ci, named and sealed are of a person; business and application, by which it is registered, of an organisation.
	ci, named, business match
	application         uuid.UUID
	sealed              []byte
}

// organisation reports whether the identity is an organisation's.
func (i identity) organisation() bool { return i.application != uuid.Nil }

const identityHead = `
		select i.recipient, coalesce(i.merged_into, '00000000-0000-0000-0000-000000000000'), i.version, i.ci_key, i.ci_key_2, i.person_key, i.person_key_2,
		       i.business_key, i.business_key_2, coalesce(i.application, '00000000-0000-0000-0000-000000000000'), v.sealed
		from   identity i
		left   join identity_version v on (v.recipient, v.version) = (i.recipient, i.version)`

func identityByCI(ctx context.Context, db pg.DBTX, ci match) (identity, bool, error) {
	return oneIdentity(ctx, db, identityHead+`
		where  i.ci_key = $1`, ci.key)
}

// lockIdentity locks an identity: changes of its membership wait for each other here.
func lockIdentity(ctx context.Context, tx *journal.Tx, recipient uuid.UUID) (identity, bool, error) {
	return oneIdentity(ctx, tx, identityHead+`
		where  i.recipient = $1
		for    update of i`, recipient)
}

// lockOrganisation locks the organisation with a business number.
func lockOrganisation(ctx context.Context, tx *journal.Tx, business match) (identity, bool, error) {
	return oneIdentity(ctx, tx, identityHead+`
		where  i.business_key = $1
		for    update of i`, business.key)
}

func readIdentity(ctx context.Context, db pg.DBTX, recipient uuid.UUID) (identity, bool, error) {
	return oneIdentity(ctx, db, identityHead+`
		where  i.recipient = $1`, recipient)
}

func oneIdentity(ctx context.Context, db pg.DBTX, sql string, arg any) (identity, bool, error) {
	i := identity{ci: match{kind: matchCI}, named: match{kind: matchPerson}, business: match{kind: matchBusiness}}
	known, err := pg.Scan(ctx, db, "read identity", []any{&i.recipient, &i.mergedInto, &i.version, &i.ci.key, &i.ci.second, &i.named.key, &i.named.second,
		&i.business.key, &i.business.second, &i.application, &i.sealed}, sql, arg)
	return i, known, err
}

// insertOrganisation makes the identity of an organisation unless its business number has one; false when it has.
func insertOrganisation(ctx context.Context, tx *journal.Tx, i identity, at time.Time) (bool, error) {
	const insert = `
		insert into identity (recipient, version, business_key, business_key_2, application, created_at, updated_at, commit_id)
		values               ($1,        1,       $2,           $3,             $4,          $5,         $5,         $6)
		on conflict (business_key) do nothing`
	return pg.Changed(ctx, tx, "insert organisation", insert, i.recipient, i.business.key, i.business.second, i.application, at, tx.CommitID())
}

// updateOrganisation keeps another application by which an organisation is registered. The caller has locked the row.
func updateOrganisation(ctx context.Context, tx *journal.Tx, i identity, at time.Time) error {
	const update = `
		update identity
		set    version = $2, application = $3, updated_at = greatest(updated_at, $4), commit_id = $5
		where  recipient = $1`
	return pg.Exec(ctx, tx, "update organisation", update, i.recipient, i.version, i.application, at, tx.CommitID())
}

// insertIdentity makes an identity unless there is one of that CI; false when there is.
func insertIdentity(ctx context.Context, tx *journal.Tx, i identity, at time.Time) (bool, error) {
	const insert = `
		insert into identity (recipient, version, ci_key, ci_key_2, person_key, person_key_2, created_at, updated_at, commit_id)
		values               ($1,        1,       $2,     $3,       $4,         $5,           $6,         $6,         $7)
		on conflict (ci_key) do nothing`
	made, err := pg.Changed(ctx, tx, "insert identity", insert, i.recipient, i.ci.key, i.ci.second, i.named.key, i.named.second, at, tx.CommitID())
	if err != nil || !made {
		return false, err
	}
	return true, insertVersion(ctx, tx, i.recipient, 1, i.sealed)
}

func insertVersion(ctx context.Context, tx *journal.Tx, recipient uuid.UUID, version int32, sealed []byte) error {
	const insert = `insert into identity_version (recipient, version, sealed, commit_id) values ($1, $2, $3, $4)`
	return pg.Exec(ctx, tx, "insert version of identity", insert, recipient, version, sealed, tx.CommitID())
}

// updateIdentity makes version the present one. The caller has locked the row, and the version exists.
func updateIdentity(ctx context.Context, tx *journal.Tx, i identity, at time.Time) error {
	const update = `
		update identity
		set    version = $2, ci_key_2 = coalesce($3, ci_key_2), person_key = $4, person_key_2 = $5, updated_at = greatest(updated_at, $6),
		       commit_id = $7
		where  recipient = $1`
	return pg.Exec(ctx, tx, "update identity", update, i.recipient, i.version, i.ci.second, i.named.key, i.named.second, at, tx.CommitID())
}

// markMerged says that an identity is the same person as another. The caller has locked both rows.
func markMerged(ctx context.Context, tx *journal.Tx, recipient, into uuid.UUID, at time.Time) error {
	const mark = `update identity set merged_into = $2, updated_at = greatest(updated_at, $3), commit_id = $4 where recipient = $1`
	return pg.Exec(ctx, tx, "merge identities", mark, recipient, into, at, tx.CommitID())
}

// hasMerged reports whether another identity is merged into this one.
func hasMerged(ctx context.Context, db pg.DBTX, recipient uuid.UUID) (bool, error) {
	return pg.Value[bool](ctx, db, "look for merged identities", `select exists (select from identity where merged_into = $1)`, recipient)
}

// alike is an identity whose name, birth date and phone another one has too.
type alike struct {
	key         []byte
	recipient   uuid.UUID
	provedAt    time.Time
	memberState string
}

// listAlike lists identities that are alike, by whole groups after a key.
func listAlike(ctx context.Context, db pg.DBTX, after []byte, groups int) ([]alike, error) {
	const list = `
		with groups as (
		  select person_key from identity
		  where  merged_into is null and person_key > $1
		  group  by person_key having count(*) > 1
		  order  by person_key limit $2)
		select i.person_key, i.recipient, i.created_at, coalesce(m.state, '')
		from   groups g
		join   identity i on i.person_key = g.person_key and i.merged_into is null
		left   join member m on m.recipient = i.recipient
		order  by i.person_key, i.created_at, i.recipient`
	return pg.All(ctx, db, "list identities that are alike", func(r pgx.CollectableRow) (a alike, err error) {
		err = r.Scan(&a.key, &a.recipient, &a.provedAt, &a.memberState)
		return a, err
	}, list, after, groups)
}

// wanted is a description to look up among this relay's own.
type wanted struct {
	kind matchKind
	key  []byte
}

// findCandidates looks descriptions up, all by one statement; the result is by place in what was wanted.
func findCandidates(ctx context.Context, db pg.DBTX, asked []wanted) (map[int][]candidate, error) {
	found := map[int][]candidate{}
	if len(asked) == 0 {
		return found, nil
	}
	const find = `
		with wanted as materialized (
		  select n, kind, key from unnest($1::integer[], $2::smallint[], $3::bytea[]) u(n, kind, key)
		), found as (
		  select w.n, coalesce(i.merged_into, i.recipient) as recipient, null::uuid as principal, m.address
		  from   wanted w join identity i on i.ci_key = w.key left join member m on m.recipient = coalesce(i.merged_into, i.recipient)
		  where  w.kind = 1
		  union all
		  select w.n, coalesce(i.merged_into, i.recipient), null::uuid, m.address
		  from   wanted w join identity i on i.person_key = w.key left join member m on m.recipient = coalesce(i.merged_into, i.recipient)
		  where  w.kind = 2
		  union all
		  select w.n, i.recipient, null::uuid, m.address
		  from   wanted w join identity i on i.business_key = w.key left join member m on m.recipient = i.recipient
		  where  w.kind = 3
		  union all
		  select w.n, null::uuid, o.principal, o.address
		  from   wanted w join institution o on o.business_key = w.key
		  where  w.kind = 3
		  union all
		  select w.n, a.recipient, a.principal, a.address
		  from   wanted w join address a on a.match_key = w.key
		  where  w.kind = 4
		)
		select f.n, coalesce(f.recipient, '00000000-0000-0000-0000-000000000000'), coalesce(f.principal, '00000000-0000-0000-0000-000000000000'),
		       coalesce(m.state, ''), m.consented_at is not null, m.designated_at is not null, coalesce(m.choices, 0), coalesce(m.address, ''),
		       coalesce(a.address, ''), coalesce(a.state, ''), coalesce(a.valid_from, 'epoch')
		from   found f
		left   join member m  on m.recipient = f.recipient
		left   join address a on a.address = f.address`
	places := make([]int32, len(asked))
	for n := range asked {
		places[n] = int32(n) //nolint:gosec // at most a batch
	}
	var n int32
	var c candidate
	into := []any{&n, &c.recipient, &c.principal, &c.memberState, &c.consented, &c.designated, &c.choices, &c.memberAddress, &c.address, &c.addressState, &c.validFrom}
	return found, pg.Each(ctx, db, fmt.Sprintf("look up %d descriptions", len(asked)), into, func() error {
		c.validFrom = c.validFrom.UTC()
		// Identities that are one person are one candidate.
		if !slices.Contains(found[int(n)], c) {
			found[int(n)] = append(found[int(n)], c)
		}
		return nil
	}, find, places, pg.Column(asked, func(w wanted) int16 { return int16(w.kind) }), pg.Column(asked, func(w wanted) []byte { return w.key }))
}

// refusals says whom recipients refuse.
type refusals map[uuid.UUID]map[string]bool

// of reports whether the recipient refuses the sender, or all.
func (r refusals) of(recipient uuid.UUID, sender string) bool {
	return r[recipient][""] || r[recipient][sender]
}

// readRefusals reads the refusals in force of these recipients that concern these senders.
func readRefusals(ctx context.Context, db pg.DBTX, recipients []uuid.UUID, senders []string) (refusals, error) {
	found := refusals{}
	if len(recipients) == 0 {
		return found, nil
	}
	const read = `select recipient, sender from refusal where recipient = any($1) and sender = any($2)`
	var recipient uuid.UUID
	var sender string
	return found, pg.Each(ctx, db, "read refusals", []any{&recipient, &sender}, func() error {
		if found[recipient] == nil {
			found[recipient] = map[string]bool{}
		}
		found[recipient][sender] = true
		return nil
	}, read, recipients, append([]string{""}, senders...))
}
