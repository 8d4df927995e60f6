package archive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// registered names a registration: the archive's id of the document, and the digest of the certificate.
type registered struct{ document, digest string }

func insertCertificate(ctx context.Context, tx *journal.Tx, j job, o outcome, late bool, pieces [][]byte) error {
	const insert = `
		insert into deposit_certificate (edoc_num, attempt, finding, late, archive_document, digest, pieces, answer_digest, kept_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep the certificate of attempt %d of %s", j.attempt, j.number), insert, j.number, j.attempt, o.detail, late,
		o.receipt.document, archivecert.Digest(o.receipt.certificate), pieces, o.receipt.answerDigest, o.at, tx.CommitID())
}

// findPieces reads a kept certificate.
func findPieces(ctx context.Context, db pg.DBTX, number string, attempt int) ([][]byte, error) {
	const find = `select pieces from deposit_certificate where edoc_num = $1 and attempt = $2`
	return pg.Value[[][]byte](ctx, db, "read the certificate of "+number, find, number, attempt)
}

// certificateOf names the registration that counts.
func certificateOf(ctx context.Context, db pg.DBTX, number string) (registered, bool, error) {
	const find = `select archive_document, certificate_digest from deposit where edoc_num = $1 and state = 'DEPOSITED'`
	return pg.Find(ctx, db, "find the certificate that counts of "+number, scanRegistered, find, number)
}

// otherRegistration names another registration of the document that came to light before; empty where none did.
func otherRegistration(ctx context.Context, db pg.DBTX, number, counting string) (registered, error) {
	const find = `
		select archive_document, digest from deposit_certificate
		where  edoc_num = $1 and archive_document <> $2
		order  by attempt limit 1`
	other, _, err := pg.Find(ctx, db, "find other registrations of "+number, scanRegistered, find, number, counting)
	return other, err
}

func scanRegistered(row pgx.CollectableRow) (r registered, err error) {
	return r, row.Scan(&r.document, &r.digest)
}

// isTaken reports whether a registration is another deposit's.
func isTaken(ctx context.Context, db pg.DBTX, number, archiveDocument string) (bool, error) {
	const find = `select exists (select from deposit where archive_document = $1 and edoc_num <> $2)`
	return pg.Value[bool](ctx, db, "look whose a registration is", find, archiveDocument, number)
}
