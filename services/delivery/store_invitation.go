package delivery

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// sought is what a waiting document knows of invitations.
type sought struct {
	// invitations counts those that told of it.
	invitations int32
	// unreachable: it was stated that nothing says how to invite its recipient.
	unreachable bool
	// invitation is the one it waits for; invitedAt is when that was given.
	invitation uuid.UUID
	invitedAt  time.Time
}

// markSought keeps by which resolution documents wait, and returns those that wait by the given one: no newer is known.
func markSought(ctx context.Context, tx *journal.Tx, waiting []document) (map[string]sought, error) {
	const mark = `
		update delivery d
		set    sought = u.ordinal
		from   unnest($1::text[], $2::integer[]) u(edoc_num, ordinal)
		where  d.edoc_num = u.edoc_num and d.state = 'WAITING' and d.sought < u.ordinal
		returning d.edoc_num, d.invitations, d.unreachable_at is not null`
	newest := map[string]sought{}
	if len(waiting) == 0 {
		return newest, nil
	}
	var number string
	var one sought
	return newest, pg.Each(ctx, tx, fmt.Sprintf("mark %d documents as sought", len(waiting)), []any{&number, &one.invitations, &one.unreachable}, func() error {
		newest[number] = one
		return nil
	}, mark, numbersOf(waiting), pg.Column(waiting, func(d document) int32 { return int32(d.ordinal) })) //nolint:gosec // counts from 1
}

func markUnreachable(ctx context.Context, tx *journal.Tx, documents []document, now time.Time) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("mark %d documents as unreachable", len(documents)),
		`update delivery set unreachable_at = $2 where edoc_num = any($1)`, numbersOf(documents), now)
}

func countInvited(ctx context.Context, tx *journal.Tx, documents []document) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("count invitations of %d documents", len(documents)),
		`update delivery set invitations = invitations + 1 where edoc_num = any($1)`, numbersOf(documents))
}

// failWaiting ends documents that still wait, and returns them.
func failWaiting(ctx context.Context, tx *journal.Tx, documents []document, now time.Time) ([]document, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	const fail = `
		update delivery d
		set    state = 'FAILED', changed_at = $2, commit_id = $3, frame_id = u.frame_id
		from   unnest($1::text[], $4::uuid[]) u(edoc_num, frame_id)
		where  d.edoc_num = u.edoc_num and d.state = 'WAITING'
		returning d.edoc_num`
	failed, err := pg.Set[string](ctx, tx, fmt.Sprintf("fail %d waiting deliveries", len(documents)), fail, numbersOf(documents), now, tx.CommitID(),
		pg.Column(documents, func(d document) *uuid.UUID { return pg.OrNull(d.frame) }))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(documents), func(d document) bool { return !failed[d.number] }), nil
}

// withoutLinked leaves out documents that wait for an invitation already.
func withoutLinked(ctx context.Context, tx *journal.Tx, found []seeker) ([]seeker, error) {
	if len(found) == 0 {
		return nil, nil
	}
	linked, err := pg.Set[string](ctx, tx, "read which documents wait for invitations",
		`select edoc_num from invitation_document where edoc_num = any($1)`, numbersOf(documentsOf(found)))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(f seeker) bool { return linked[f.number] }), nil
}

func readRefusals(ctx context.Context, db pg.DBTX, found []seeker) (refusals, error) {
	var digests [][]byte
	for _, f := range found {
		digests = append(digests, f.all...)
	}
	all := refusals{}
	var digest []byte
	var sender string
	return all, pg.Each(ctx, db, "read refusals of invitations", []any{&digest, &sender}, func() error {
		all[contactKey{sender, string(digest)}] = true
		return nil
	}, `select contact_digest, sender from invitation_refusal where contact_digest = any($1)`, digests)
}

// given is how an invitation stands.
type given struct {
	id        uuid.UUID
	state     standing
	by        string
	invitedAt time.Time
}

// upsertInvitations makes invitations due, unless they were given within the time in which they are not repeated, or are refused.
// Rows are locked in the order of their key.
func (s *service) upsertInvitations(ctx context.Context, tx *journal.Tx, of []seeker, now time.Time) (map[contactKey]given, error) {
	// A repeated message has another id: the channel must not take it for the one before.
	const renewed = `(i.state in ('OPEN', 'ENDED') and coalesce(i.invited_at <= $8, true))`
	upsert := strings.ReplaceAll(`
		insert into invitation as i (id, sender, contact_digest, code_digest, reached_by, sealed_contact, sealed_for, state, message, due_since, due_at, open_until, changed_at)
		select id, sender, digest, code, reached_by, contact, number, 'DUE', message, $9, now(), until, $9
		from   unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $10::uuid[], $11::timestamptz[])
		       u(id, sender, digest, code, reached_by, contact, number, message, until)
		order  by sender, digest
		on conflict (sender, contact_digest) do update
		set    state = case when i.state in ('DUE', 'REFUSED') then i.state when ${renewed} then 'DUE' else 'OPEN' end,
		       sealed_contact = case when i.state <> 'REFUSED' then excluded.sealed_contact end,
		       sealed_for = case when i.state <> 'REFUSED' then excluded.sealed_for end,
		       message = case when ${renewed} then excluded.message else i.message end,
		       due_since = case when ${renewed} then excluded.due_since else i.due_since end,
		       due_at = case when ${renewed} then excluded.due_at else i.due_at end,
		       attempt = case when ${renewed} then 0 else i.attempt end,
		       last_error = case when ${renewed} then null else i.last_error end,
		       open_until = greatest(i.open_until, excluded.open_until),
		       changed_at = excluded.changed_at
		returning id, sender, contact_digest, state, reached_by, invited_at`, "${renewed}", renewed)
	standings := map[contactKey]given{}
	if len(of) == 0 {
		return standings, nil
	}
	ids := pg.Column(of, func(seeker) uuid.UUID { return id.New() })
	codes := pg.Column(ids, func(i uuid.UUID) []byte { return s.inviter.codeDigest(s.inviter.code(i)) })
	var key contactKey
	var digest []byte
	var state string
	var one given
	var invitedAt *time.Time
	return standings, pg.Each(ctx, tx, fmt.Sprintf("make %d invitations due", len(of)), []any{&one.id, &key.sender, &digest, &state, &one.by, &invitedAt},
		func() error {
			one.state, one.invitedAt, key.digest = standing(state), pg.OrZero(invitedAt).UTC(), string(digest)
			standings[key] = one
			return nil
		}, upsert, ids, pg.Column(of, func(f seeker) string { return f.sender }), pg.Column(of, func(f seeker) []byte { return f.digest }), codes,
		pg.Column(of, func(f seeker) string { return f.by }), pg.Column(of, func(f seeker) []byte { return f.facts.GetSealedContact() }),
		pg.Column(of, func(f seeker) string { return f.number }), now.Add(-s.inviter.config.Again.Std()), now,
		pg.Column(of, func(seeker) uuid.UUID { return id.New() }), pg.Column(of, func(f seeker) *time.Time { return moment(f.facts.GetSendDeadline()) }))
}

func insertLinks(ctx context.Context, tx *journal.Tx, waiting []seeker) error {
	if len(waiting) == 0 {
		return nil
	}
	return pg.Exec(ctx, tx, fmt.Sprintf("let %d documents wait for invitations", len(waiting)), `
		insert into invitation_document (edoc_num, invitation) select * from unnest($1::text[], $2::uuid[])`,
		numbersOf(documentsOf(waiting)), pg.Column(waiting, func(f seeker) uuid.UUID { return f.invitation }))
}

// leave lets documents wait for no invitation any more. An invitation that nothing waits for has ended, and its contact goes. The
// documents' rows are locked.
func leave(ctx context.Context, tx *journal.Tx, now time.Time, documents []document) error {
	if len(documents) == 0 {
		return nil
	}
	numbers := numbersOf(documents)
	ids, err := pg.Set[uuid.UUID](ctx, tx, "read which invitations documents wait for",
		`select distinct invitation from invitation_document where edoc_num = any($1)`, numbers)
	if err != nil || len(ids) == 0 {
		return err
	}
	sorted := make([]uuid.UUID, 0, len(ids))
	for one := range ids {
		sorted = append(sorted, one)
	}
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	if err := lockInvitations(ctx, tx, sorted); err != nil {
		return err
	}
	if err := pg.Exec(ctx, tx, "let documents wait for no invitation", `delete from invitation_document where edoc_num = any($1)`, numbers); err != nil {
		return err
	}
	return pg.Exec(ctx, tx, "end invitations", `
		update invitation i
		set    state = case when i.state in ('DUE', 'OPEN') then 'ENDED' else i.state end, sealed_contact = null, sealed_for = null, changed_at = $2
		where  i.id = any($1) and not exists (select from invitation_document d where d.invitation = i.id)`, sorted, now)
}

// lockInvitations locks rows in the order of their key, as upsertInvitations does.
func lockInvitations(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) error {
	return pg.Exec(ctx, tx, "lock invitations", `select from invitation where id = any($1) order by sender, contact_digest for update`, ids)
}
