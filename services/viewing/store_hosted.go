package viewing

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

func insertHosted(tx *journal.Tx, v hostedViewing) {
	const insert = `
		insert into hosted_viewing (id, edoc_num, recipient, acted_by, token_hash, opened_at, expires_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	tx.Later("insert viewing "+v.id.String(), insert, v.id, v.number.String(), v.recipient, v.actedBy, v.tokenHash, v.openedAt, v.expiresAt, tx.CommitID())
}

// readHosted reads a viewing; false where there is none with this id.
func readHosted(ctx context.Context, db pg.DBTX, viewing uuid.UUID) (v hostedViewing, found bool, err error) {
	const read = `
		select edoc_num, recipient, acted_by, token_hash, opened_at, expires_at, coalesce(comparison_digest, '')
		from   hosted_viewing
		where  id = $1`
	var number string
	found, err = pg.Scan(ctx, db, "read a viewing", []any{&number, &v.recipient, &v.actedBy, &v.tokenHash, &v.openedAt, &v.expiresAt, &v.comparison}, read, viewing)
	v.id, v.number, v.openedAt, v.expiresAt = viewing, id.EdocNumber(number), clock.Canonical(v.openedAt), clock.Canonical(v.expiresAt)
	return v, found, err
}

// markServed keeps by which comparison bytes of the document first went out.
func markServed(tx *journal.Tx, viewing uuid.UUID, at time.Time, comparison string) {
	tx.Later("mark a viewing as served", `update hosted_viewing set served_at = $2, comparison_digest = $3 where id = $1 and served_at is null`, viewing, at, comparison)
}

// readActedBy finds the person who got a check's token for an organisation, empty for a person's own; false if it was never
// issued.
func readActedBy(ctx context.Context, db pg.DBTX, c *check) (person string, issued bool, err error) {
	const read = `select acted_by from viewing_token where edoc_num = $1 and jti = $2 and digest = $3`
	issued, err = pg.Scan(ctx, db, "read who asked for a token of "+c.number.String(), []any{&person}, read, c.number.String(), c.jti, c.digest)
	return person, issued, err
}

// fact is one about a viewing, by who looks.
func (v hostedViewing) fact(sender string, subject uuid.UUID, at time.Time, traceparent string, message proto.Message) journal.Fact {
	return journal.Fact{Subject: subject.String(), Sender: sender, Actor: cmp.Or(v.actedBy, v.recipient), OccurredAt: at, Traceparent: traceparent, Message: message}
}
