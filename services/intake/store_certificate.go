package intake

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
)

// Certificates are kept sealed: they name their owner, and by some profiles they hold the document.

func sealCertificate(ctx context.Context, box sealed.Sealer, digest certificateID, der []byte) ([]byte, error) {
	value, err := box.Seal(ctx, sealedCertificate, hex.EncodeToString(digest[:]), der)
	if err != nil {
		return nil, fmt.Errorf("seal registration certificate %x: %w", digest, err)
	}
	return value, nil
}

func openCertificate(ctx context.Context, box sealed.Opener, digest certificateID, value []byte) ([]byte, error) {
	der, err := box.Open(ctx, sealedCertificate, hex.EncodeToString(digest[:]), value)
	if err != nil {
		return nil, fmt.Errorf("open registration certificate %x: %w", digest, err)
	}
	return der, nil
}

// readCertificates gives the bytes of those certificates that the tenant supplied; others' are not known to it.
func readCertificates(ctx context.Context, db pg.DBTX, box sealed.Opener, tenant uuid.UUID, digests []certificateID) (map[certificateID][]byte, error) {
	const read = `
		select c.digest, c.certificate
		from   certificate_supplier s
		join   registration_certificate c on c.digest = s.digest
		where  s.digest = any($1::bytea[]) and s.tenant = $2`
	kept := make(map[certificateID][]byte, len(digests))
	var digest, value []byte
	if err := pg.Each(ctx, db, "read supplied registration certificates", []any{&digest, &value}, func() error {
		kept[certificateID(digest)] = bytes.Clone(value)
		return nil
	}, read, pg.Column(digests, func(d certificateID) []byte { return d[:] }), tenant); err != nil {
		return nil, err
	}
	for id, value := range kept {
		var err error
		if kept[id], err = openCertificate(ctx, box, id, value); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// readCertificate gives the bytes of a certificate, whoever supplied it, or brought it with a document.
func readCertificate(ctx context.Context, db pg.DBTX, box sealed.Opener, digest certificateID) (der []byte, kept bool, err error) {
	var value []byte
	if kept, err = pg.Scan(ctx, db, "read registration certificate", []any{&value}, `select certificate from registration_certificate where digest = $1`, digest[:]); err != nil || !kept {
		return nil, false, err
	}
	der, err = openCertificate(ctx, box, digest, value)
	return der, true, err
}

// insertCertificates keeps uploaded certificates, unless they are kept already.
func insertCertificates(ctx context.Context, tx *journal.Tx, uploads []*upload) error {
	const insert = `
		insert into registration_certificate (digest, certificate, kept_at)
		select * from unnest($1::bytea[], $2::bytea[], $3::timestamptz[])
		on conflict (digest) do nothing`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep %d registration certificates", len(uploads)), insert,
		pg.Column(uploads, func(u *upload) []byte { return u.digest[:] }),
		pg.Column(uploads, func(u *upload) []byte { return u.sealed }),
		pg.Column(uploads, func(u *upload) time.Time { return u.at }))
}

// supply is a sender's supply of a certificate.
type supply struct {
	digest certificateID
	tenant uuid.UUID
}

// insertSuppliers remembers who supplied certificates, and returns the supplies that were the first.
func insertSuppliers(ctx context.Context, tx *journal.Tx, uploads []*upload) (map[supply]bool, error) {
	const insert = `
		insert into certificate_supplier (digest, tenant, commit_id)
		select digest, tenant, $3 from unnest($1::bytea[], $2::uuid[]) u(digest, tenant)
		on conflict (digest, tenant) do nothing
		returning digest, tenant`
	first := map[supply]bool{}
	var digest []byte
	var tenant uuid.UUID
	return first, pg.Each(ctx, tx, "remember who supplied certificates", []any{&digest, &tenant}, func() error {
		first[supply{certificateID(digest), tenant}] = true
		return nil
	}, insert,
		pg.Column(uploads, func(u *upload) []byte { return u.digest[:] }),
		pg.Column(uploads, func(u *upload) uuid.UUID { return u.tenant }), tx.CommitID())
}
