package hub

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
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

const auditSQL = `
	select q.exchange, q.attempt, q.digest, q.request, r.digest, r.response
	  from exchange_request q
	  left join exchange_response r on r.exchange = q.exchange and r.attempt = q.attempt
	 where (q.exchange, q.attempt) > ($1, $2)
	 order by q.exchange, q.attempt
	 limit $3`

const orphanSQL = `
	select count(*)
	  from exchange_response r
	 where not exists (select from exchange_request q where q.exchange = r.exchange and q.attempt = r.attempt)`

// auditPage limits how much is held in memory, because an exchange may have megabytes.
const auditPage = 20

// stored is one attempt as stored.
type stored struct {
	exchange                      uuid.UUID
	attempt                       int16
	requestDigest, responseDigest []byte
	request, response             [][]byte
}

// Audit opens every stored exchange and compares it with its digest. Its error names each one that does not match, and each
// answer without its request.
func Audit(ctx context.Context, db pg.DBTX, box *sealed.Box) error {
	var problems error
	var last stored
	for {
		page, err := pg.All(ctx, db, "audit exchanges", func(row pgx.CollectableRow) (stored, error) {
			var s stored
			err := row.Scan(&s.exchange, &s.attempt, &s.requestDigest, &s.request, &s.responseDigest, &s.response)
			return s, err
		}, auditSQL, last.exchange, last.attempt, auditPage)
		if err != nil {
			return err
		}
		for _, s := range page {
			problems = errors.Join(problems, s.check(ctx, box, "request", s.request, s.requestDigest))
			if s.responseDigest != nil {
				problems = errors.Join(problems, s.check(ctx, box, "response", s.response, s.responseDigest))
			}
		}
		if len(page) < auditPage {
			break
		}
		last = page[len(page)-1]
	}
	var orphans int64
	if err := db.QueryRow(ctx, orphanSQL).Scan(&orphans); err != nil {
		return fmt.Errorf("audit exchanges: %w", err)
	}
	if orphans > 0 {
		problems = errors.Join(problems, corrupt(fmt.Sprintf("%d answers are without their request", orphans)))
	}
	return problems
}

func (s stored) check(ctx context.Context, box *sealed.Box, side string, pieces [][]byte, digest []byte) error {
	message, err := open(ctx, box, s.exchange, s.attempt, side, pieces)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(message); !bytes.Equal(sum[:], digest) {
		return corrupt(fmt.Sprintf("%s of exchange %s attempt %d is not the one recorded", side, s.exchange, s.attempt))
	}
	return nil
}

func corrupt(message string) error {
	return fault.New(fault.Corrupt, domain, hubv1.Reason_REASON_UNSPECIFIED, message)
}

func open(ctx context.Context, box *sealed.Box, exchange uuid.UUID, number int16, side string, pieces [][]byte) ([]byte, error) {
	return (&recorder{sealed: box}).open(ctx, sideSubject(exchange, number, side), pieces)
}
