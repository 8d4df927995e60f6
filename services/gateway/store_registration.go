package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// dueRegistration is a claimed registration. Documents are encrypted.
type dueRegistration struct {
	institution
	BusinessDocument     []byte
	RegistrationDocument []byte
	Attempt              int32
}

// insertRegistration makes it due after the pause, so that the call that made it may try first.
func insertRegistration(ctx context.Context, tx *journal.Tx, r dueRegistration, pause time.Duration) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert address registration of %s", r.ID), `
		insert into address_registration (principal, business_document, registration_document, due_at, commit_id)
		values ($1, $2, $3, now() + $4::interval, $5)`,
		r.ID, r.BusinessDocument, r.RegistrationDocument, pause, tx.CommitID())
}

// claimRegistrations takes due ones for as long as the lease; the database's clock decides.
func claimRegistrations(ctx context.Context, db pg.DBTX, lease time.Duration, n int) ([]dueRegistration, error) {
	return pg.All(ctx, db, "claim address registrations", func(row pgx.CollectableRow) (dueRegistration, error) {
		var r dueRegistration
		err := row.Scan(&r.ID, &r.Name, &r.BusinessNumber, &r.Type, &r.Address, &r.Submission, &r.BusinessDocument, &r.RegistrationDocument, &r.Attempt)
		return r, err
	}, `
		with claimed as (
		    update address_registration
		       set due_at = now() + $1::interval, attempt = attempt + 1
		     where principal in (select principal
		                           from address_registration
		                          where state = 'due' and due_at <= now()
		                          order by due_at
		                          limit $2
		                            for update skip locked)
		    returning principal, submission, business_document, registration_document, attempt
		)
		select c.principal, p.name, i.business_number, i.type, i.address, c.submission, c.business_document, c.registration_document, c.attempt
		  from claimed c
		  join institution i on i.principal = c.principal
		  join principal p on p.id = c.principal
		 order by c.principal`, lease, n)
}

// settleRegistration ends a due one and erases its documents; false when somebody else did, or when a later submission is due.
func settleRegistration(ctx context.Context, tx *journal.Tx, i institution, state string, now time.Time) (bool, error) {
	return pg.Changed(ctx, tx, fmt.Sprintf("settle address registration of %s", i.ID), `
		update address_registration
		   set state = $3, commit_id = $5, business_document = null, registration_document = null, settled_at = $4
		 where principal = $1 and submission = $2 and state = 'due'`, i.ID, i.Submission, state, now, tx.CommitID())
}

// postponeRegistration makes it due later, unless another attempt or submission has begun.
func postponeRegistration(ctx context.Context, db pg.DBTX, r dueRegistration, pause time.Duration) error {
	return pg.Exec(ctx, db, fmt.Sprintf("postpone address registration of %s", r.ID), `
		update address_registration
		   set due_at = now() + $4::interval
		 where principal = $1 and submission = $2 and attempt = $3 and state = 'due'`, r.ID, r.Submission, r.Attempt, pause)
}

// reopenRegistration makes a settled one due again with other documents, as the next submission; false when somebody else did, or when
// it is not settled.
func reopenRegistration(ctx context.Context, tx *journal.Tx, r dueRegistration, pause time.Duration) (bool, error) {
	return pg.Changed(ctx, tx, fmt.Sprintf("reopen address registration of %s", r.ID), `
		update address_registration
		   set state = 'due', commit_id = $6, submission = $2, business_document = $3, registration_document = $4,
		       due_at = now() + $5::interval, attempt = 0, settled_at = null
		 where principal = $1 and submission = $2 - 1 and state <> 'due'`,
		r.ID, r.Submission, r.BusinessDocument, r.RegistrationDocument, pause, tx.CommitID())
}

// submission is what an operator submitted after a refusal.
type submission struct {
	Principal uuid.UUID
	Number    int32
	Operator  string
	RequestID string
	// Digest of everything that was submitted.
	Digest []byte
	// RefusedBy is refusedByHub or refusedByRelay.
	RefusedBy   string
	SubmittedAt time.Time
}

// insertSubmission: a request id the operator used before is the fault REQUEST_ID_REUSED.
func insertSubmission(ctx context.Context, tx *journal.Tx, s submission) error {
	_, err := tx.Exec(ctx, `
		insert into institution_submission (principal, submission, operator, request_id, digest, refused_by, submitted_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.Principal, s.Number, s.Operator, s.RequestID, s.Digest, s.RefusedBy, s.SubmittedAt, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert submission of %s: %w", s.Principal, pg.AsFault(err, map[string]*fault.Error{"institution_submission_request_key": requestIDReused()}))
	}
	return nil
}

// submissionDigest is that of what the operator submitted under a request id; nil where it has not.
func submissionDigest(ctx context.Context, db pg.DBTX, operator, requestID string) ([]byte, error) {
	var digest []byte
	_, err := pg.Scan(ctx, db, "read submission", []any{&digest}, `
		select digest
		  from institution_submission
		 where operator = $1 and request_id = $2`, operator, requestID)
	return digest, err
}

func renamePrincipal(ctx context.Context, tx *journal.Tx, id uuid.UUID, name string) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("rename principal %s", id), `update principal set name = $2, commit_id = $3 where id = $1`, id, name, tx.CommitID())
}

func countDueRegistrations(ctx context.Context, db pg.DBTX) (int64, error) {
	return pg.Value[int64](ctx, db, "count due address registrations", `select count(*) from address_registration where state = 'due'`)
}
