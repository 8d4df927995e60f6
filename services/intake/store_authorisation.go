package intake

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const authorisationColumns = `
	select a.id, a.agent, a.sender, a.sender_kind, a.purpose, a.request_id, a.fingerprint, a.digest, a.items, a.asked_at, a.expires_at, a.given_at, a.ended_at,
	       coalesce(a.ended_as, 0), coalesce(p.name, ''), coalesce(p.suspended, false)
	from   authorisation a
	left   join principal p on p.id = a.agent
	where  `

func scanAuthorisation(row pgx.CollectableRow) (authorisationRow, error) {
	var a authorisationRow
	var kind, purpose, endedAs int16
	var digest []byte
	var givenAt, endedAt *time.Time
	if err := row.Scan(&a.id, &a.agent, &a.sender, &kind, &purpose, &a.requestID, &a.fingerprint, &digest, &a.items, &a.askedAt, &a.expiresAt, &givenAt, &endedAt,
		&endedAs, &a.agentName, &a.agentSuspended); err != nil {
		return a, err
	}
	a.senderKind, a.endedAs, a.digest = platformv1.PrincipalKind(kind), intakev1.AuthorisationEnd(endedAs), authorisation.Digest(digest)
	a.purpose = intakev1.AuthorisationPurpose(purpose)
	a.askedAt, a.expiresAt = clock.Canonical(a.askedAt), clock.Canonical(a.expiresAt)
	if givenAt != nil {
		a.givenAt = clock.Canonical(*givenAt)
	}
	if endedAt != nil {
		a.endedAt = clock.Canonical(*endedAt)
	}
	return a, nil
}

func readAuthorisation(ctx context.Context, db pg.DBTX, id uuid.UUID) (authorisationRow, bool, error) {
	return pg.Find(ctx, db, "read authorisation", scanAuthorisation, authorisationColumns+`a.id = $1`, id)
}

// lockAuthorisation reads an authorisation and keeps others from deciding it, and documents from being accepted under it,
// meanwhile.
func lockAuthorisation(ctx context.Context, db pg.DBTX, id uuid.UUID) (authorisationRow, bool, error) {
	return pg.Find(ctx, db, "lock authorisation", scanAuthorisation, authorisationColumns+`a.id = $1 for update of a`, id)
}

// readAuthorisations reads those of the ids that are the agent's; others' are as if they did not exist.
func readAuthorisations(ctx context.Context, db pg.DBTX, agent uuid.UUID, ids []uuid.UUID) ([]authorisationRow, error) {
	return pg.All(ctx, db, "read authorisations of an agent", scanAuthorisation, authorisationColumns+`a.id = any($1::uuid[]) and a.agent = $2`, ids, agent)
}

// readRequested reads what an agent asked for under a request id.
func readRequested(ctx context.Context, db pg.DBTX, agent uuid.UUID, requestID string) (authorisationRow, bool, error) {
	return pg.Find(ctx, db, "read requested authorisation", scanAuthorisation, authorisationColumns+`a.agent = $1 and a.request_id = $2`, agent, requestID)
}

// listAuthorisations gives at most n that somebody asked for, or is asked for, newest first, before the given one. Those that
// wait are wanted if waitingAt is not zero.
func listAuthorisations(ctx context.Context, db pg.DBTX, principal uuid.UUID, asked bool, waitingAt time.Time, before uuid.UUID, n int) ([]authorisationRow, error) {
	whose := `a.sender = $1`
	if asked {
		whose = `a.agent = $1`
	}
	return pg.All(ctx, db, "list authorisations", scanAuthorisation, authorisationColumns+whose+`
		and    a.id < $2
		and    ($3::timestamptz is null or a.given_at is null and a.ended_at is null and a.expires_at > $3)
		order  by a.id desc limit $4`, principal, before, pg.OrNull(waitingAt), n)
}

// countWaiting counts the authorisations of an agent that wait for their senders.
func countWaiting(ctx context.Context, db pg.DBTX, agent uuid.UUID, now time.Time) (int, error) {
	return pg.Value[int](ctx, db, "count waiting authorisations", `
		select count(*) from authorisation where agent = $1 and given_at is null and ended_at is null and expires_at > $2`, agent, now)
}

func insertAuthorisation(ctx context.Context, tx *journal.Tx, a authorisationRow) error {
	const insert = `
		insert into authorisation (id, agent, sender, sender_kind, request_id, fingerprint, digest, items, asked_at, expires_at, purpose, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	return pg.Exec(ctx, tx, "insert authorisation", insert,
		a.id, a.agent, a.sender, int16(a.senderKind), a.requestID, a.fingerprint, a.digest[:], a.items, a.askedAt, a.expiresAt,
		int16(a.purpose), tx.CommitID()) //nolint:gosec // an enum
}

// insertContent keeps what the sender is shown.
func insertContent(ctx context.Context, tx *journal.Tx, a authorisationRow, pieces [][]byte) error {
	places := make([]int16, len(pieces))
	for i := range places {
		places[i] = int16(i) //nolint:gosec // a request of 16 MiB has few
	}
	return pg.Exec(ctx, tx, "keep the items of an authorisation", `
		insert into authorisation_content (authorisation, piece, sealed, delete_from)
		select $1, piece, sealed, $4 from unnest($2::smallint[], $3::bytea[]) u(piece, sealed)`, a.id, places, pieces, a.expiresAt.Add(itemsKept))
}

// readContent reads what the sender is shown, in its pieces; none when it was deleted.
func readContent(ctx context.Context, db pg.DBTX, id uuid.UUID) ([][]byte, error) {
	return pg.All(ctx, db, "read the items of an authorisation", pgx.RowTo[[]byte], `
		select sealed from authorisation_content where authorisation = $1 order by piece`, id)
}

func deleteContent(ctx context.Context, db pg.DBTX, until time.Time) error {
	return pg.Exec(ctx, db, "delete items of ended authorisations", `delete from authorisation_content where delete_from < $1`, until)
}

// giveAuthorisation keeps that and how it was given.
func giveAuthorisation(ctx context.Context, tx *journal.Tx, a authorisationRow, session string, signature []byte) error {
	return pg.Exec(ctx, tx, "give authorisation", `
		update authorisation
		set    given_at = $2, expires_at = $3, session = nullif($4, ''), signature_digest = $5, commit_id = $6
		where  id = $1`, a.id, a.givenAt, a.expiresAt, session, signature, tx.CommitID())
}

func endAuthorisation(ctx context.Context, tx *journal.Tx, a authorisationRow) error {
	return pg.Exec(ctx, tx, "end authorisation", `update authorisation set ended_at = $2, ended_as = $3, commit_id = $4 where id = $1`,
		a.id, a.endedAt, int16(a.endedAs), tx.CommitID()) //nolint:gosec // an enum
}

// lockInForce returns those of the ids that nobody has ended, and keeps others from ending them until the transaction ends. They
// are locked in their order, so that two groups cannot wait for each other in a circle.
func lockInForce(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	return pg.Set[uuid.UUID](ctx, tx, "lock authorisations", `
		select id from authorisation where id = any($1::uuid[]) and ended_at is null order by id for share`, ids)
}

// readOwner tells who sends from a certified address of this relay: an institution, or a member.
func readOwner(ctx context.Context, db pg.DBTX, address string, now time.Time) (owner uuid.UUID, kind platformv1.PrincipalKind, known bool, err error) {
	var institution bool
	known, err = pg.Scan(ctx, db, "read the owner of an address", []any{&owner, &institution}, `
		select s.owner, exists (select from principal p where p.id = s.owner and p.kind = $3)
		from   sender_address s
		where  s.address = $1
		  and  s.valid_from <= $2
		  and  (s.valid_until is null or s.valid_until < s.valid_from)
		order  by s.valid_from desc
		limit  1`, address, now, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER))
	kind = platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT
	if institution {
		kind = platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER
	}
	return owner, kind, known, err
}

// readSuspended tells whether an institution is suspended; a member is no principal here, and never is.
func readSuspended(ctx context.Context, db pg.DBTX, principal uuid.UUID) (bool, error) {
	return pg.Value[bool](ctx, db, "read whether a sender is suspended", `
		select exists (select from principal where id = $1 and suspended)`, principal)
}

// readKeys reads the keys with which an institution signs authorisations.
func readKeys(ctx context.Context, db pg.DBTX, institution uuid.UUID) ([]string, error) {
	keys, _, err := pg.Find(ctx, db, "read authorisation keys", pgx.RowTo[[]string], `
		select keys from principal where id = $1 and kind = $2 and not suspended`, institution, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER))
	return keys, err
}
