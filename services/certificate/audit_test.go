package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
)

const auditSQL = `
	select id, attempt, digest, pieces
	  from certificate_file
	 where (id, attempt) > ($1, $2)
	 order by id, attempt
	 limit $3`

const fileMissingSQL = `
	select count(*)
	  from certificate c
	 where c.state = 2
	   and not exists (select from certificate_file f where f.id = c.id and f.attempt = c.attempt and f.digest = c.pdf_digest)`

// auditPage limits how much is held in memory.
const auditPage = 10

// storedFile is a file as stored.
type storedFile struct {
	ID      uuid.UUID
	Attempt int
	Digest  []byte
	Pieces  [][]byte
}

// Audit opens every stored file, compares it with its digest, and finds issued certificates without their file. Its error names
// every defect.
func Audit(ctx context.Context, db pg.DBTX, box sealed.Opener) error {
	var problems error
	var last storedFile
	for {
		page, err := pg.All(ctx, db, "audit certificates", pgx.RowToStructByName[storedFile], auditSQL, last.ID, last.Attempt, auditPage)
		if err != nil {
			return err
		}
		for _, f := range page {
			pdf, err := openFile(ctx, box, f.ID.String(), f.Attempt, f.Pieces)
			if err != nil {
				problems = errors.Join(problems, err)
			} else if digest := sha256.Sum256(pdf); !bytes.Equal(digest[:], f.Digest) {
				problems = errors.Join(problems, fault.New(fault.Corrupt, domain, nil, fmt.Sprintf("file of certificate %s is not the one stored", f.ID)))
			}
		}
		if len(page) < auditPage {
			break
		}
		last = page[len(page)-1]
	}
	var missing int64
	if err := db.QueryRow(ctx, fileMissingSQL).Scan(&missing); err != nil {
		return fmt.Errorf("audit certificates: %w", err)
	}
	if missing > 0 {
		problems = errors.Join(problems, fault.New(fault.Corrupt, domain, nil, fmt.Sprintf("%d issued certificates are without their file", missing)))
	}
	return problems
}
