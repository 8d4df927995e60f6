package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// insertKeys inserts the own keys of a group and returns the numbers whose keys were new. Keys are inserted in sorted order, so
// that two groups cannot wait for each other in a circle. If a group has two equal keys, the earlier row wins. Where another
// group is inserting the same key, the statement waits for its commit; so findKeys sees every key that was not inserted here.
func insertKeys(ctx context.Context, tx *journal.Tx, rows []*row) (map[string]bool, error) {
	const insert = `
		insert into own_key (tenant, own_key, edoc_num, fingerprint)
		select tenant, own_key, edoc_num, fingerprint
		from   unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
		       with ordinality as u(tenant, own_key, edoc_num, fingerprint, ord)
		order  by tenant, own_key collate "C", ord
		on conflict (tenant, own_key) do nothing
		returning edoc_num`
	if len(rows) == 0 {
		return nil, nil
	}
	tenants, keys, numbers, fingerprints := make([]uuid.UUID, len(rows)), make([]string, len(rows)), make([]string, len(rows)), make([][]byte, len(rows))
	for i, r := range rows {
		tenants[i], keys[i], numbers[i], fingerprints[i] = r.tenant, r.ownKey, string(r.number), r.fingerprint
	}
	return pg.Set[string](ctx, tx, "insert own keys", insert, tenants, keys, numbers, fingerprints)
}

// insertAccepted inserts the rows with new keys and states that they were accepted. Certificates are sorted, because groups share
// them.
func insertAccepted(ctx context.Context, tx *journal.Tx, rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	const insert = `
		with kept as (
		  insert into registration_certificate (digest, certificate, kept_at)
		  select digest, certificate, kept_at
		  from   unnest($7::bytea[], $8::bytea[], $9::timestamptz[]) as c(digest, certificate, kept_at)
		  order  by digest
		  on conflict (digest) do nothing)
		insert into document (edoc_num, tenant, lane, accepted_at, certificate_digest, receipt, commit_id)
		select edoc_num, tenant, lane, accepted_at, digest, receipt, $10
		from   unnest($1::text[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::bytea[], $6::text[])
		       as u(edoc_num, tenant, lane, accepted_at, digest, receipt)
		order  by edoc_num`
	c := columnsOf(rows)
	tx.Later(fmt.Sprintf("insert %d accepted documents", len(rows)), insert, c.numbers, c.tenants, c.lanes, c.acceptedAt, c.digests, c.receipts,
		c.certificateDigests, c.certificates, c.keptAt, tx.CommitID())
	for _, r := range rows {
		if err := tx.State(ctx, r.lane, r.fact()); err != nil {
			return err
		}
		if err := r.stateContents(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// columns holds rows as one array per column, for unnest.
type columns struct {
	numbers, receipts                []string
	tenants                          []uuid.UUID
	lanes                            []int16
	acceptedAt, keptAt               []time.Time
	digests                          [][]byte
	certificateDigests, certificates [][]byte
}

func columnsOf(rows []*row) columns {
	var c columns
	seen := map[certificateID]bool{}
	for _, r := range rows {
		c.numbers = append(c.numbers, string(r.number))
		c.tenants = append(c.tenants, r.tenant)
		c.lanes = append(c.lanes, int16(r.lane))
		c.acceptedAt = append(c.acceptedAt, r.acceptedAt)
		c.digests = append(c.digests, r.certificateDigest())
		c.receipts = append(c.receipts, r.receipt)
		if len(r.certificate) > 0 && !seen[r.digest] {
			seen[r.digest] = true
			c.certificateDigests = append(c.certificateDigests, r.digest[:])
			c.certificates = append(c.certificates, r.certificate)
			c.keptAt = append(c.keptAt, r.acceptedAt)
		}
	}
	return c
}

// ownKey names a sender's key.
type ownKey struct {
	tenant uuid.UUID
	key    string
}

// keyHolder is what an own key already stands for. The receipt is empty if the document was dropped with its year.
type keyHolder struct {
	number      string
	fingerprint []byte
	receipt     string
	acceptedAt  time.Time
}

// findKeys tells which of the keys are used, and for what.
func findKeys(ctx context.Context, db pg.DBTX, wanted []ownKey) (map[ownKey]keyHolder, error) {
	const find = `
		select k.tenant, k.own_key, k.edoc_num, k.fingerprint, coalesce(d.receipt, ''), coalesce(d.accepted_at, 'epoch')
		from   unnest($1::uuid[], $2::text[]) as u(tenant, own_key)
		join   own_key k on k.tenant = u.tenant and k.own_key = u.own_key collate "C"
		left   join document d on d.edoc_num = k.edoc_num and d.tenant = k.tenant`
	tenants, keys := make([]uuid.UUID, len(wanted)), make([]string, len(wanted))
	for i, w := range wanted {
		tenants[i], keys[i] = w.tenant, w.key
	}
	rows, err := db.Query(ctx, find, tenants, keys)
	if err != nil {
		return nil, fmt.Errorf("find own keys: %w", err)
	}
	found := make(map[ownKey]keyHolder, len(wanted))
	var k ownKey
	var h keyHolder
	if _, err := pgx.ForEachRow(rows, []any{&k.tenant, &k.key, &h.number, &h.fingerprint, &h.receipt, &h.acceptedAt}, func() error {
		h.acceptedAt = clock.Canonical(h.acceptedAt)
		found[k] = h
		return nil
	}); err != nil {
		return nil, fmt.Errorf("find own keys: %w", err)
	}
	return found, nil
}

// ownDocuments tells which of the numbers are documents of the tenant.
func ownDocuments(ctx context.Context, db pg.DBTX, tenant uuid.UUID, numbers []string) (map[string]bool, error) {
	const read = `select edoc_num from document where edoc_num = any($1::text[]) and tenant = $2`
	return pg.Set[string](ctx, db, "look for repeated documents", read, numbers, tenant)
}

// readLane gives the lane of a tenant's document. The error is pgx.ErrNoRows where there is none.
func readLane(ctx context.Context, db pg.DBTX, number string, tenant uuid.UUID) (platformv1.Lane, error) {
	var lane int16
	err := db.QueryRow(ctx, `select lane from document where edoc_num = $1 and tenant = $2`, number, tenant).Scan(&lane)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("read document %s: %w", number, err)
	}
	return platformv1.Lane(lane), err
}

// readAccepted reads the fact of a document's acceptance from the journal, in the commit that its row names. The error is
// pgx.ErrNoRows if there is no such document.
func readAccepted(ctx context.Context, db pg.DBTX, number string) (*intakev1.DocumentAccepted, error) {
	var commit uuid.UUID
	if err := db.QueryRow(ctx, `select commit_id from document where edoc_num = $1`, number).Scan(&commit); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, err
		}
		return nil, fmt.Errorf("read document %s: %w", number, err)
	}
	accepted := &intakev1.DocumentAccepted{}
	if err := journal.Find(ctx, db, domain, commit, number, accepted); err != nil {
		return nil, fmt.Errorf("read acceptance of %s: %w", number, err)
	}
	return accepted, nil
}

// insertCancel keeps the first request to stop a document and reports whether this was it.
func insertCancel(ctx context.Context, tx *journal.Tx, number string, tenant uuid.UUID, at time.Time) (bool, error) {
	const insert = `
		insert into cancel_request (edoc_num, tenant, requested_at, commit_id)
		values ($1, $2, $3, $4)
		on conflict (edoc_num) do nothing`
	tag, err := tx.Exec(ctx, insert, number, tenant, at, tx.CommitID())
	if err != nil {
		return false, fmt.Errorf("insert cancel request of %s: %w", number, err)
	}
	return tag.RowsAffected() == 1, nil
}

// claimBlock commits a block that does not begin below least, and gives the serial behind its last. A statement of its own is a
// transaction of its own.
func claimBlock(ctx context.Context, db pg.DBTX, date, code string, least int64) (int64, error) {
	const claim = `
		insert into serial_block as b (day, code, next_serial)
		values ($1::date, $2, $4::bigint + $3::bigint)
		on conflict (day, code) do update
		set    next_serial = greatest(b.next_serial, $4::bigint) + $3::bigint
		returning next_serial`
	return pg.Value[int64](ctx, db, "claim a block of serials", claim, date, code, blockSize, least)
}

// forgetKeys deletes at most limit own keys of documents with a number below this one, and returns how many it deleted.
func forgetKeys(ctx context.Context, db pg.DBTX, below string, limit int) (int64, error) {
	return pg.Value[int64](ctx, db, "delete keys of former years", `select forget_keys($1, $2)`, below, limit)
}
