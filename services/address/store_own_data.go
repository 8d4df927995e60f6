package address

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// identityVersion is what was proved of a person from a time on.
type identityVersion struct {
	Recipient  uuid.UUID
	Version    int32
	Sealed     []byte
	RecordedAt time.Time
}

// identityVersions gives at most n of a person's and of the identities that are the same person, newest first.
func identityVersions(ctx context.Context, db pg.DBTX, recipient uuid.UUID, n int) ([]identityVersion, error) {
	return pg.All(ctx, db, "list versions of an identity", pgx.RowToStructByPos[identityVersion], `
		select v.recipient, v.version, v.sealed, v.recorded_at
		  from identity i join identity_version v using (recipient)
		 where i.recipient = $1 or i.merged_into = $1
		 order by v.recorded_at desc, v.recipient, v.version desc
		 limit $2`, recipient, n)
}

// choice is a consent, designation or refusal, given or taken back.
type choice struct {
	// Matter is an addressv1.Matter.
	Matter int32
	Given  bool
	At     time.Time
	Terms  string
	Sender string
}

// choicesOf gives at most n of a recipient's, newest first.
func choicesOf(ctx context.Context, db pg.DBTX, recipient uuid.UUID, n int) ([]choice, error) {
	return pg.All(ctx, db, "list choices", pgx.RowToStructByPos[choice], `
		select matter, given, occurred_at, terms_version, sender
		  from ((select id, case matter when 'consent' then 1 else 2 end as matter, given, occurred_at, terms_version, '' as sender
		           from consent where recipient = $1 order by id desc limit $2)
		        union all
		        (select id, 3, refused, occurred_at, '', sender
		           from refusal_history where recipient = $1 order by id desc limit $2)) c
		 order by id desc
		 limit $2`, recipient, n)
}
