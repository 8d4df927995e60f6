package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

// wait is what a bundle waits for, as stored.
type wait int16

const (
	forDistribution wait = 1
	forOriginal     wait = 2
	forTimeStamp    wait = 3
	forEvidence     wait = 4
)

// String is how facts and logs name it.
func (w wait) String() string {
	return [...]string{"", "distribution_certificate", "original_certificate", "time_stamp", "evidence"}[w]
}

const insertBundleSQL = `
	insert into bundle (id, document_content, attachment_contents, attachment_hashes, sender_platform, recipient_platform, registration_digest, form, state,
	                    due_at, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7, $8, 1, now(), $9)`

// insertBundle stores that a bundle is to be assembled of an accepted request.
func insertBundle(ctx context.Context, tx *journal.Tx, o order) error {
	b := o.bundled
	if b.attachmentContents == nil {
		b.attachmentContents = []string{}
	}
	return pg.Exec(ctx, tx, fmt.Sprintf("insert bundle %s", o.id), insertBundleSQL, o.id, b.documentContent, b.attachmentContents, b.attachmentHashes,
		b.senderPlatform, b.recipientPlatform, b.registrationDigest, string(o.form), tx.CommitID())
}

// bundleView is a bundle as its owner sees it, and where its documents are.
type bundleView struct {
	id          uuid.UUID
	edocNum     string
	form        bundle.Form
	state       state
	waitsFor    wait
	requestedAt time.Time
	certNum     string
	stampedAt   time.Time
	reason      string
	// hash of the document.
	hash               string
	documentContent    string
	attachmentContents []string
}

const bundleViewSQL = `
	select r.id, r.edoc_num, b.form, b.state, b.waits_for, r.requested_at, coalesce(c.cert_num, ''), b.stamped_at, coalesce(b.reason, ''), c.document_hash,
	       b.document_content, b.attachment_contents
	  from certificate_request r
	  join certificate c on c.id = r.id
	  join bundle b on b.id = r.id`

const findBundleSQL = bundleViewSQL + `
	 where r.principal = $1 and r.principal_kind = $2 and r.id = $3`

const listBundlesSQL = bundleViewSQL + `
	 where r.principal = $1 and r.principal_kind = $2 and r.edoc_num = $3 and r.id < $4
	 order by r.id desc
	 limit $5`

const findBundlesSQL = bundleViewSQL + `
	  join unnest($3::uuid[]) with ordinality wanted (id, place) on wanted.id = r.id
	 where r.principal = $1 and r.principal_kind = $2
	 order by wanted.place`

func scanBundle(row pgx.CollectableRow) (bundleView, error) {
	var v bundleView
	var stampedAt *time.Time
	err := row.Scan(&v.id, &v.edocNum, &v.form, &v.state, &v.waitsFor, &v.requestedAt, &v.certNum, &stampedAt, &v.reason, &v.hash, &v.documentContent, &v.attachmentContents)
	v.stampedAt, v.requestedAt = clock.Canonical(pg.OrZero(stampedAt)), clock.Canonical(v.requestedAt)
	return v, err
}

// findBundle finds the caller's own; false for none of its own.
func findBundle(ctx context.Context, db pg.DBTX, principal, kind string, id uuid.UUID) (bundleView, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("find bundle %s", id), scanBundle, findBundleSQL, principal, kind, id)
}

// findBundles finds the caller's own among ids, in their order.
func findBundles(ctx context.Context, db pg.DBTX, principal, kind string, ids []uuid.UUID) ([]bundleView, error) {
	return pg.All(ctx, db, "find bundles", scanBundle, findBundlesSQL, principal, kind, ids)
}

// listBundles lists the caller's own for a document, newest first, before an id.
func listBundles(ctx context.Context, db pg.DBTX, principal, kind, edocNum string, before uuid.UUID, limit int) ([]bundleView, error) {
	return pg.All(ctx, db, "list bundles of "+edocNum, scanBundle, listBundlesSQL, principal, kind, edocNum, before, limit)
}

// bundleJob is a claimed bundle whose distribution certificate has ended.
type bundleJob struct {
	order
	attempt      int
	refusedSince time.Time
	// acceptedBy is the commit that accepted the request.
	acceptedBy uuid.UUID
	// What came of the distribution certificate.
	certificateState   state
	certificateReason  string
	certNum            string
	certificateDigest  []byte
	certificateAttempt int
}

const claimBundlesSQL = `
	update bundle b
	   set lease_until = now() + @lease, owner = @owner, attempt = b.attempt + 1
	  from (select x.id
	          from bundle x
	          join certificate y on y.id = x.id
	         where x.state = 1 and y.state <> 1 and x.due_at <= now() and (x.lease_until is null or x.lease_until <= now())
	         order by x.due_at
	         limit @limit
	           for update of x skip locked) due
	  join certificate c on c.id = due.id
	  join certificate_request r on r.id = due.id
	 where b.id = due.id
	returning r.id, r.edoc_num, r.principal, c.ordinal, c.entitlement, c.sender, c.sender_address, c.recipient_address, c.hash_algorithm, c.document_hash,
	          c.attachments, c.sent_at, c.received_at, c.state, coalesce(c.reason, ''), coalesce(c.cert_num, ''), c.pdf_digest, c.attempt,
	          b.document_content, b.attachment_contents, b.attachment_hashes, b.sender_platform, b.recipient_platform, b.registration_digest, b.form, b.attempt,
	          b.refused_since, b.commit_id`

func claimBundles(ctx context.Context, db pg.DBTX, lease work.Lease) ([]bundleJob, error) {
	return work.Claim(ctx, db, claimBundlesSQL, lease, nil, func(row pgx.CollectableRow) (bundleJob, error) {
		var j bundleJob
		var refusedSince *time.Time
		b := &j.bundled
		err := row.Scan(&j.id, &j.edocNum, &j.principal, &j.ordinal, &j.entitlement, &j.sender, &j.senderAddress, &j.recipientAddress, &j.hashAlgorithm, &j.hash,
			&j.attachments, &j.sentAt, &j.receivedAt, &j.certificateState, &j.certificateReason, &j.certNum, &j.certificateDigest, &j.certificateAttempt,
			&b.documentContent, &b.attachmentContents, &b.attachmentHashes, &b.senderPlatform, &b.recipientPlatform, &b.registrationDigest, &j.form, &j.attempt, &refusedSince, &j.acceptedBy)
		j.refusedSince = pg.OrZero(refusedSince)
		return j, err
	})
}

const settleBundleLaterSQL = `
	update bundle
	   set due_at = now() + @wait, lease_until = null, owner = null, waits_for = @waits_for,
	       refused_since = case when @refused then least(coalesce(refused_since, 'infinity'), greatest(now(), @now)) else refused_since end
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

const settleBundleEndSQL = `
	update bundle
	   set state = @state, due_at = null, lease_until = null, owner = null, ended_at = @ended_at, reason = nullif(@reason, ''), refused_since = null,
	       stamped_at = @stamped_at, commit_id = @commit
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

// settleBundle ends a bundle, or puts it back.
func settleBundle(ctx context.Context, tx *journal.Tx, j bundleJob, owner string, o bundleOutcome, delay time.Duration) error {
	if o.open() {
		return work.Settle(ctx, tx, settleBundleLaterSQL, pgx.NamedArgs{
			"id": j.id, "owner": owner, "attempt": j.attempt, "wait": delay, "waits_for": int16(o.step), "refused": o.kind == hubRefused, "now": o.at,
		})
	}
	end := failed
	if o.kind == passed {
		end = issued
	}
	return work.Settle(ctx, tx, settleBundleEndSQL, pgx.NamedArgs{
		"id": j.id, "owner": owner, "attempt": j.attempt, "state": int16(end), "ended_at": o.at, "reason": o.reason, "stamped_at": pg.OrNull(o.stampedAt),
		"commit": tx.CommitID(),
	})
}

const insertBundleFileSQL = `
	insert into bundle_file (bundle, n, name, size, crc, digest, pieces)
	values ($1, $2, $3, $4, $5, $6, $7)`

func insertBundleFile(ctx context.Context, tx *journal.Tx, id uuid.UUID, n int, name string, m asic.Measure, pieces [][]byte) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert file %d of bundle %s", n, id), insertBundleFileSQL, id, n, name, m.Size, int64(m.CRC), m.SHA256[:], pieces)
}

// keptFile is a file of a bundle as it is stored.
type keptFile struct {
	n       int
	name    string
	measure asic.Measure
	pieces  [][]byte
}

const listBundleFilesSQL = `
	select n, name, size, crc, digest, pieces
	  from bundle_file
	 where bundle = $1
	 order by n`

func listBundleFiles(ctx context.Context, db pg.DBTX, id uuid.UUID) ([]keptFile, error) {
	return pg.All(ctx, db, fmt.Sprintf("list files of bundle %s", id), func(row pgx.CollectableRow) (keptFile, error) {
		var f keptFile
		var crc int64
		var digest []byte
		if err := row.Scan(&f.n, &f.name, &f.measure.Size, &crc, &digest, &f.pieces); err != nil {
			return f, err
		}
		f.measure.CRC = uint32(crc) //nolint:gosec // was one
		copy(f.measure.SHA256[:], digest)
		return f, nil
	}, listBundleFilesSQL, id)
}

const ringBundleSQL = `update bundle set due_at = now() where id = $1 and state = 1`

// dueBundle makes a bundle due whose distribution certificate has ended.
func dueBundle(ctx context.Context, tx *journal.Tx, id uuid.UUID) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("make bundle %s due", id), ringBundleSQL, id)
}

const oldestBundleSQL = `
	select coalesce(extract(epoch from now() - min(c.accepted_at)), 0)::double precision
	  from bundle b
	  join certificate c on c.id = b.id
	 where b.state = 1`

// oldestBundle is the age in seconds of the oldest request whose bundle is not assembled; 0 where none waits.
func oldestBundle(ctx context.Context, db pg.DBTX) (float64, error) {
	return pg.Value[float64](ctx, db, "observe waiting bundles", oldestBundleSQL)
}
