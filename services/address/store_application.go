package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// application is what a person asked for an organisation.
type application struct {
	id, person uuid.UUID
	requestID  string
	// digest of everything given, by which a repeated request is recognised.
	digest   []byte
	business match
	kind     int16
	// sealed is its company.
	sealed         []byte
	terms, session string
	state          addressv1.ApplicationState
	askedAt        time.Time
	// Once decided.
	decidedAt         *time.Time
	decidedBy, reason string
	// organisation is uuid.Nil but for a confirmed one.
	organisation uuid.UUID
}

// submitted is the application as owner of papers.
func (a application) submitted() submitted { return submitted{a.id, 1} }

const applicationHead = `
	select id, person, request_id, digest, business_key, business_key_2, type, sealed, terms_version, session, state, asked_at, decided_at,
	       coalesce(decided_by, ''), reason, coalesce(organisation, '00000000-0000-0000-0000-000000000000')
	from   organisation_application`

func scanApplication(row pgx.CollectableRow) (application, error) {
	a := application{business: match{kind: matchBusiness}}
	err := row.Scan(&a.id, &a.person, &a.requestID, &a.digest, &a.business.key, &a.business.second, &a.kind, &a.sealed, &a.terms, &a.session, &a.state,
		&a.askedAt, &a.decidedAt, &a.decidedBy, &a.reason, &a.organisation)
	return a, err
}

func readApplication(ctx context.Context, db pg.DBTX, id uuid.UUID) (application, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read application %s", id), scanApplication, applicationHead+` where id = $1`, id)
}

func lockApplication(ctx context.Context, tx *journal.Tx, id uuid.UUID) (application, bool, error) {
	return pg.Find(ctx, tx, fmt.Sprintf("lock application %s", id), scanApplication, applicationHead+` where id = $1 for update`, id)
}

// applicationOf finds what a person asked under a request id.
func applicationOf(ctx context.Context, db pg.DBTX, person uuid.UUID, requestID string) (application, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read application of %s", person), scanApplication, applicationHead+` where person = $1 and request_id = $2`, person, requestID)
}

// applicationsOf gives a person's latest applications, newest first.
func applicationsOf(ctx context.Context, db pg.DBTX, person uuid.UUID, n int) ([]application, error) {
	return pg.All(ctx, db, fmt.Sprintf("list applications of %s", person), scanApplication, applicationHead+` where person = $1 order by id desc limit $2`, person, n)
}

// waitingApplications gives at most n that wait, oldest first, after an id; ids are ordered by time of asking.
func waitingApplications(ctx context.Context, db pg.DBTX, after uuid.UUID, n int) ([]application, error) {
	return pg.All(ctx, db, "list applications", scanApplication, applicationHead+` where state = 1 and id > $1 order by id limit $2`, after, n)
}

// readApplicationsAge is for how many seconds the oldest has waited.
func readApplicationsAge(ctx context.Context, db pg.DBTX) (float64, error) {
	const read = `select coalesce((select extract(epoch from now() - min(asked_at)) from organisation_application where state = 1), 0)::float8`
	return pg.Value[float64](ctx, db, "observe applications", read)
}

func countWaiting(ctx context.Context, db pg.DBTX, person uuid.UUID) (int, error) {
	return pg.Value[int](ctx, db, "count applications", `select count(*) from organisation_application where person = $1 and state = 1`, person)
}

// insertApplication returns the fault APPLICATION_WAITS if the person has another one for the business number that waits, and
// REQUEST_ID_REUSED for a request id of the person's that was used meanwhile.
func insertApplication(ctx context.Context, tx *journal.Tx, a application) error {
	_, err := tx.Exec(ctx, `
		insert into organisation_application
		       (id, person, request_id, digest, business_key, business_key_2, type, sealed, terms_version, session, state, asked_at, commit_id)
		values ($1, $2,     $3,         $4,     $5,           $6,             $7,   $8,     $9,            $10,     1,     $11,      $12)`,
		a.id, a.person, a.requestID, a.digest, a.business.key, a.business.second, a.kind, a.sealed, a.terms, a.session, a.askedAt, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert application %s: %w", a.id, pg.AsFault(err, map[string]*fault.Error{
			"organisation_application_waits": errApplicationWaits(), "organisation_application_request_key": errRequestIDReused(),
		}))
	}
	return nil
}

// decideApplication writes the decision. The caller has locked the row.
func decideApplication(ctx context.Context, tx *journal.Tx, a application) error {
	const update = `
		update organisation_application
		set    state = $2, decided_at = $3, decided_by = $4, reason = $5, organisation = nullif($6, '00000000-0000-0000-0000-000000000000'::uuid), commit_id = $7
		where  id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("decide application %s", a.id), update, a.id, a.state, a.decidedAt, a.decidedBy, a.reason, a.organisation, tx.CommitID())
}
