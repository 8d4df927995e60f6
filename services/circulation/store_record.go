package circulation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

var errNoRecord = errors.New("no such record")

// ready is what records have become ready for.
type ready struct {
	// registrations is the number of registration calls that were made.
	registrations int
	// read are the records that now are complete and read, and whose read time is wanted at the hub.
	read []record
}

// mergeRecords adds what records tell to their rows and makes the registration call of each that this completes. Rows that would not
// change are not touched; "offset 0" keeps the look at each of them one look into the index, never a join with the whole table. Records
// are sorted and hold each number once.
func mergeRecords(ctx context.Context, tx pg.DBTX, platform string, records []record) (ready, error) {
	const merge = `
		with told as (
		  select * from unnest($4::text[], $5::text[], $6::smallint[], $7::text[], $8::boolean[], $9::text[],
		                       $10::text[], $11::text[], $12::text[], $13::timestamptz[],
		                       $14::text[], $15::text[], $16::text[], $17::timestamptz[],
		                       $18::smallint[], $19::text[], $20::text[], $21::bytea[],
		                       $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::uuid[], $26::text[])
		       u(edoc_num, sender, lane, registrar, circulation, recipient,
		         from_platform, from_address, from_sub_address, from_valid_from,
		         to_platform, to_address, to_sub_address, to_valid_from,
		         document_type, document_hash, attachment_hashes, sealed_title,
		         sent_at, received_at, read_at, cause, traceparent)),
		merged as (
		  insert into circulation_record as r
		         (edoc_num, sender, lane, registrar, circulation, recipient,
		          from_platform, from_address, from_sub_address, from_valid_from,
		          to_platform, to_address, to_sub_address, to_valid_from,
		          document_type, document_hash, attachment_hashes, sealed_title, sent_at, received_at, read_at)
		  select edoc_num, sender, lane, registrar, circulation, recipient,
		         from_platform, from_address, from_sub_address, from_valid_from,
		         to_platform, to_address, to_sub_address, to_valid_from,
		         document_type, document_hash, string_to_array(attachment_hashes, ' '), sealed_title, sent_at, received_at, read_at
		  from   told t
		  where  not exists (select from circulation_record k
		                     where  k.edoc_num = t.edoc_num
		                       and  (t.registrar is null or k.registrar is not null)
		                       and  (t.sent_at is null or t.sent_at >= k.sent_at)
		                       and  (t.received_at is null or t.received_at >= k.received_at)
		                       and  (t.read_at is null or t.read_at >= k.read_at)
		                     offset 0)
		  order  by edoc_num collate "C"
		  on conflict (edoc_num) do update
		  set    registrar         = coalesce(r.registrar, excluded.registrar),
		         circulation       = coalesce(r.circulation, excluded.circulation),
		         recipient         = coalesce(r.recipient, excluded.recipient),
		         from_platform     = coalesce(r.from_platform, excluded.from_platform),
		         from_address      = coalesce(r.from_address, excluded.from_address),
		         from_sub_address  = coalesce(r.from_sub_address, excluded.from_sub_address),
		         from_valid_from   = coalesce(r.from_valid_from, excluded.from_valid_from),
		         to_platform       = coalesce(r.to_platform, excluded.to_platform),
		         to_address        = coalesce(r.to_address, excluded.to_address),
		         to_sub_address    = coalesce(r.to_sub_address, excluded.to_sub_address),
		         to_valid_from     = coalesce(r.to_valid_from, excluded.to_valid_from),
		         document_type     = coalesce(r.document_type, excluded.document_type),
		         document_hash     = coalesce(r.document_hash, excluded.document_hash),
		         attachment_hashes = coalesce(r.attachment_hashes, excluded.attachment_hashes),
		         sealed_title      = coalesce(r.sealed_title, excluded.sealed_title),
		         sent_at           = least(r.sent_at, excluded.sent_at),
		         received_at       = least(r.received_at, excluded.received_at),
		         read_at           = least(r.read_at, excluded.read_at)
		  returning r.edoc_num, r.received_at is not null and r.circulation and r.registrar = $1 as wanted,
		            r.read_at is not null and r.document_type <> $2 as read),
		called as (
		  insert into hub_call (edoc_num, kind, lane, state, due_at, cause, traceparent)
		  select m.edoc_num, $3, t.lane, 'DUE', now(), t.cause, t.traceparent
		  from   merged m join told t using (edoc_num)
		  where  m.wanted
		  on conflict do nothing
		  returning edoc_num)
		select (select count(*) from called), (select array_agg(edoc_num) from merged where wanted and read)`
	var r ready
	var read []string
	c := columnsOf(records)
	err := tx.QueryRow(ctx, merge, platform, int16(platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME), int16(registration),
		c.numbers, c.senders, c.lanes, c.registrars, c.circulations, c.recipients,
		c.from.platforms, c.from.addresses, c.from.subAddresses, c.from.validFrom,
		c.to.platforms, c.to.addresses, c.to.subAddresses, c.to.validFrom,
		c.types, c.hashes, c.attachments, c.titles, c.sent, c.received, c.read, c.causes, c.traces).Scan(&r.registrations, &read)
	if err != nil {
		return ready{}, fmt.Errorf("merge %d circulation records: %w", len(records), err)
	}
	wanted := make(map[string]bool, len(read))
	for _, number := range read {
		wanted[number] = true
	}
	for _, one := range records {
		if wanted[one.number] {
			r.read = append(r.read, one)
		}
	}
	return r, nil
}

// insertReadCalls makes the read-time calls of records, due where the registration is done. The lock on the registration lets either
// this or whoever settles the registration see the other's row.
func insertReadCalls(ctx context.Context, tx pg.DBTX, records []record) (int64, error) {
	if len(records) == 0 {
		return 0, nil
	}
	const insert = `
		with registered as (
		  select edoc_num, state from hub_call
		  where  kind = $1 and edoc_num = any($3::text[])
		  order  by edoc_num
		  for    share),
		made as (
		  insert into hub_call (edoc_num, kind, lane, state, due_at, cause, traceparent)
		  select edoc_num, $2, t.lane, case when g.state = 'DONE' then 'DUE' else 'WAITING' end, now(), t.cause, t.traceparent
		  from   registered g join unnest($3::text[], $4::smallint[], $5::uuid[], $6::text[]) t(edoc_num, lane, cause, traceparent) using (edoc_num)
		  order  by edoc_num
		  on conflict do nothing
		  returning state)
		select count(*) from made where state = 'DUE'`
	c := columnsOf(records)
	var made int64
	if err := tx.QueryRow(ctx, insert, int16(registration), int16(readTime), c.numbers, c.lanes, c.causes, c.traces).Scan(&made); err != nil {
		return 0, fmt.Errorf("make %d read-time calls: %w", len(records), err)
	}
	return made, nil
}

// recordColumns are records as columns for unnest.
type recordColumns struct {
	numbers, senders, causes       []string
	lanes                          []int16
	registrars, recipients, hashes []*string
	attachments, traces            []*string
	circulations                   []*bool
	types                          []*int16
	titles                         [][]byte
	from, to                       partyColumns
	sent, received, read           []*time.Time
}

type partyColumns struct {
	platforms, addresses, subAddresses []*string
	validFrom                          []*time.Time
}

func (c *partyColumns) add(p *platformv1.Party) {
	c.platforms, c.addresses, c.subAddresses = append(c.platforms, text(p.GetPlatformId())), append(c.addresses, text(p.GetAddress())), append(c.subAddresses, text(p.GetSubAddress()))
	var since *time.Time
	if p.GetValidFrom().IsValid() {
		since = instant(p.GetValidFrom().AsTime())
	}
	c.validFrom = append(c.validFrom, since)
}

func columnsOf(records []record) recordColumns {
	var c recordColumns
	for _, r := range records {
		c.numbers, c.senders, c.causes = append(c.numbers, r.number), append(c.senders, r.sender), append(c.causes, r.cause)
		c.lanes = append(c.lanes, journal.LaneNumber(r.lane))
		c.traces = append(c.traces, text(r.traceparent))
		c.sent, c.received, c.read = append(c.sent, instant(r.sentAt)), append(c.received, instant(r.receivedAt)), append(c.read, instant(r.readAt))
		c.from.add(r.facts.GetFrom())
		c.to.add(r.facts.GetTo())
		c.recipients = append(c.recipients, text(r.facts.GetRecipient()))
		c.titles = append(c.titles, r.facts.GetSealedTitle())
		var circulation *bool
		var documentType *int16
		var hash, registrar *string
		if r.facts != nil {
			// Empty, and not null, where nobody registers the record: its facts are known all the same.
			registrar = &r.facts.Registrar
			wanted, kind, digest := r.facts.GetCirculation(), int16(r.facts.GetDocumentType()), formatDigest(r.facts.GetDocumentHash()) //nolint:gosec // an enum of three
			circulation, documentType, hash = &wanted, &kind, &digest
		}
		c.registrars = append(c.registrars, registrar)
		c.circulations, c.types, c.hashes = append(c.circulations, circulation), append(c.types, documentType), append(c.hashes, hash)
		attachments := make([]string, len(r.facts.GetAttachmentHashes()))
		for i, d := range r.facts.GetAttachmentHashes() {
			attachments[i] = formatDigest(d)
		}
		c.attachments = append(c.attachments, text(strings.Join(attachments, " ")))
	}
	return c
}

// text is null for nothing.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// formatDigest writes a digest as <algorithm>:<hex>.
func formatDigest(d *platformv1.Digest) string { return d.GetAlgorithm() + ":" + d.GetValue() }

func parseDigest(s string) *platformv1.Digest {
	algorithm, value, _ := strings.Cut(s, ":")
	return &platformv1.Digest{Algorithm: algorithm, Value: value}
}

// recordFields are the columns a scannedRecord reads, of a circulation_record named r.
const recordFields = `r.edoc_num, r.sender, r.lane, r.registrar, r.circulation, r.recipient,
	r.from_platform, r.from_address, r.from_sub_address, r.from_valid_from, r.to_platform, r.to_address, r.to_sub_address, r.to_valid_from,
	r.document_type, r.document_hash, r.attachment_hashes, r.sealed_title, r.sent_at, r.received_at, r.read_at`

// scannedRecord reads recordFields.
type scannedRecord struct {
	number, sender             string
	lane                       int16
	registrar, recipient, hash *string
	circulation                *bool
	from, to                   scannedParty
	documentType               *int16
	attachments                []string
	title                      []byte
	sent, received, read       *time.Time
}

type scannedParty struct {
	platform, address, subAddress *string
	validFrom                     *time.Time
}

func (p *scannedParty) targets() []any {
	return []any{&p.platform, &p.address, &p.subAddress, &p.validFrom}
}

func (p *scannedParty) party() *platformv1.Party {
	party := &platformv1.Party{PlatformId: or(p.platform), Address: or(p.address), SubAddress: or(p.subAddress)}
	if p.validFrom != nil {
		party.ValidFrom = timestamppb.New(*p.validFrom)
	}
	return party
}

func (s *scannedRecord) targets() []any {
	targets := []any{&s.number, &s.sender, &s.lane, &s.registrar, &s.circulation, &s.recipient}
	targets = append(targets, s.from.targets()...)
	targets = append(targets, s.to.targets()...)
	return append(targets, &s.documentType, &s.hash, &s.attachments, &s.title, &s.sent, &s.received, &s.read)
}

func (s *scannedRecord) record() record {
	r := record{number: s.number, sender: s.sender, lane: platformv1.Lane(s.lane), sentAt: or(s.sent).UTC(), receivedAt: or(s.received).UTC(), readAt: or(s.read).UTC()}
	if s.registrar == nil {
		return r
	}
	r.facts = &platformv1.DocumentFacts{
		EdocNum: s.number, Sender: s.sender, Registrar: *s.registrar, Recipient: or(s.recipient), Circulation: or(s.circulation),
		From: s.from.party(), To: s.to.party(), DocumentType: platformv1.DocumentType(or(s.documentType)),
		DocumentHash: parseDigest(or(s.hash)), SealedTitle: s.title,
	}
	for _, a := range s.attachments {
		r.facts.AttachmentHashes = append(r.facts.AttachmentHashes, parseDigest(a))
	}
	return r
}

// or is the value, or the zero value for null.
func or[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// full is a record with its calls; a call that was not made has no state.
type full struct {
	record
	registration, readTime callView
}

// callView is what is shown of a call.
type callView struct {
	state          callState
	result         int32
	attempts       int32
	acknowledgedAt time.Time
	reason         string
	queuedAt       time.Time
}

const callFields = `%[1]s.state, %[1]s.result, %[1]s.attempts, %[1]s.acknowledged_at, %[1]s.queue_reason, %[1]s.queued_at`

// fullRecord reads records with both calls; the rest of the statement follows.
func fullRecord(rest string) string {
	return `select ` + recordFields + `, ` + fmt.Sprintf(callFields, "g") + `, ` + fmt.Sprintf(callFields, "t") + `
		from   circulation_record r
		left   join hub_call g on g.edoc_num = r.edoc_num and g.kind = 1
		left   join hub_call t on t.edoc_num = r.edoc_num and t.kind = 2 ` + rest
}

type scannedCall struct {
	state, reason      *string
	result             *int16
	attempts           *int32
	acknowledged, told *time.Time
}

func (c *scannedCall) targets() []any {
	return []any{&c.state, &c.result, &c.attempts, &c.acknowledged, &c.reason, &c.told}
}

func (c *scannedCall) view() callView {
	return callView{state: callState(or(c.state)), result: int32(or(c.result)), attempts: or(c.attempts), acknowledgedAt: or(c.acknowledged).UTC(),
		reason: or(c.reason), queuedAt: or(c.told).UTC()}
}

func scanFull(row pgx.CollectableRow) (full, error) {
	var s scannedRecord
	var g, t scannedCall
	if err := row.Scan(append(append(s.targets(), g.targets()...), t.targets()...)...); err != nil {
		return full{}, err
	}
	return full{record: s.record(), registration: g.view(), readTime: t.view()}, nil
}

// readRecord reads one record of a sender's.
func readRecord(ctx context.Context, db pg.DBTX, number, sender string) (full, error) {
	rows, err := db.Query(ctx, fullRecord(`where r.edoc_num = $1 and r.sender = $2`), number, sender)
	if err != nil {
		return full{}, fmt.Errorf("read circulation record %s: %w", number, err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, scanFull)
	if errors.Is(err, pgx.ErrNoRows) {
		return full{}, errNoRecord
	}
	if err != nil {
		return full{}, fmt.Errorf("read circulation record %s: %w", number, err)
	}
	return one, nil
}

// recordSender reads whose document a record is about.
func recordSender(ctx context.Context, db pg.DBTX, number string) (string, error) {
	var sender string
	err := db.QueryRow(ctx, `select sender from circulation_record where edoc_num = $1`, number).Scan(&sender)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNoRecord
	}
	if err != nil {
		return "", fmt.Errorf("read the sender of circulation record %s: %w", number, err)
	}
	return sender, nil
}
