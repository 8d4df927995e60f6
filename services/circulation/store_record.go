package circulation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// mergeReceived adds what is known about received documents to their rows, and makes the wanted registrations due. It returns how
// many. It does not touch rows that would not change. "offset 0" makes the server look up each row in the index, and never join
// with the whole table. Records are sorted and hold each number once.
func mergeReceived(ctx context.Context, tx pg.DBTX, platform string, records []record) (int, error) {
	const merge = `
		with told as (
		  select *, circulation and registrar = $1 as wanted
		  from   unnest($2::text[], $3::text[], $4::smallint[], $5::text[], $6::boolean[], $7::text[],
		                $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::timestamptz[],
		                $16::smallint[], $17::text[], $18::text[], $19::bytea[], $20::timestamptz[], $21::timestamptz[], $22::uuid[], $23::text[])
		         u(edoc_num, sender, lane, registrar, circulation, recipient,
		           from_platform, from_address, from_sub_address, from_valid_from, to_platform, to_address, to_sub_address, to_valid_from,
		           document_type, document_hash, attachment_hashes, sealed_title, sent_at, received_at, cause, traceparent)),
		merged as (
		  insert into circulation_record as r
		         (edoc_num, sender, lane, registrar, circulation, recipient,
		          from_platform, from_address, from_sub_address, from_valid_from, to_platform, to_address, to_sub_address, to_valid_from,
		          document_type, document_hash, attachment_hashes, sealed_title, sent_at, received_at,
		          registration_state, registration_due_at, registration_cause, registration_traceparent)
		  select edoc_num, sender, lane, registrar, circulation, recipient,
		         from_platform, from_address, from_sub_address, from_valid_from, to_platform, to_address, to_sub_address, to_valid_from,
		         document_type, document_hash, string_to_array(attachment_hashes, ' '), sealed_title, sent_at, received_at,
		         case when wanted then 1 else 0 end, case when wanted then now() end, cause, traceparent
		  from   told t
		  where  not exists (select from circulation_record k
		                     where  k.edoc_num = t.edoc_num and k.sent_at <= t.sent_at and k.received_at <= t.received_at
		                     offset 0)
		  order  by edoc_num collate "C"
		  on conflict (edoc_num) do update
		  set    registrar = coalesce(r.registrar, excluded.registrar), circulation = coalesce(r.circulation, excluded.circulation),
		         recipient = coalesce(r.recipient, excluded.recipient), document_type = coalesce(r.document_type, excluded.document_type),
		         from_platform = coalesce(r.from_platform, excluded.from_platform), from_address = coalesce(r.from_address, excluded.from_address),
		         from_sub_address = coalesce(r.from_sub_address, excluded.from_sub_address), from_valid_from = coalesce(r.from_valid_from, excluded.from_valid_from),
		         to_platform = coalesce(r.to_platform, excluded.to_platform), to_address = coalesce(r.to_address, excluded.to_address),
		         to_sub_address = coalesce(r.to_sub_address, excluded.to_sub_address), to_valid_from = coalesce(r.to_valid_from, excluded.to_valid_from),
		         document_hash = coalesce(r.document_hash, excluded.document_hash), sealed_title = coalesce(r.sealed_title, excluded.sealed_title),
		         attachment_hashes = coalesce(r.attachment_hashes, excluded.attachment_hashes),
		         sent_at                  = least(r.sent_at, excluded.sent_at),
		         received_at              = least(r.received_at, excluded.received_at),
		         registration_state       = case when r.registrar is null then excluded.registration_state else r.registration_state end,
		         registration_due_at      = case when r.registrar is null then excluded.registration_due_at else r.registration_due_at end,
		         registration_cause       = coalesce(r.registration_cause, excluded.registration_cause),
		         registration_traceparent = coalesce(r.registration_traceparent, excluded.registration_traceparent)
		  returning r.registration_state)
		select count(*) from merged where registration_state = 1`
	c := columnsOf(records)
	return pg.Value[int](ctx, tx, fmt.Sprintf("merge %d received documents", len(records)), merge, platform, c.numbers, c.senders, c.lanes, c.registrars,
		c.circulations, c.recipients, c.from.platforms, c.from.addresses, c.from.subAddresses, c.from.validFrom,
		c.to.platforms, c.to.addresses, c.to.subAddresses, c.to.validFrom,
		c.types, c.hashes, c.attachments, c.titles, c.sent, c.received, c.causes, c.traces)
}

// mergeRead adds read times to the rows of records. It makes those due whose registration is done; the others wait for it (see
// releaseReadTime). It returns how many are due. Records are sorted and hold each number once.
func mergeRead(ctx context.Context, tx pg.DBTX, records []record) (int, error) {
	const merge = `
		with told as (
		  select * from unnest($2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::uuid[], $7::text[])
		       u(edoc_num, sender, lane, read_at, cause, traceparent)),
		merged as (
		  insert into circulation_record as r (edoc_num, sender, lane, read_at, read_time_cause, read_time_traceparent)
		  select edoc_num, sender, lane, read_at, cause, traceparent
		  from   told t
		  where  not exists (select from circulation_record k where k.edoc_num = t.edoc_num and k.read_at <= t.read_at offset 0)
		  order  by edoc_num collate "C"
		  on conflict (edoc_num) do update
		  set    read_at               = least(r.read_at, excluded.read_at),
		         read_time_state       = case when r.read_time_state = 0 and r.registration_state = 3 and r.document_type <> $1
		                                      then 1 else r.read_time_state end,
		         read_time_due_at      = case when r.read_time_state = 0 then now() else r.read_time_due_at end,
		         read_time_cause       = coalesce(r.read_time_cause, excluded.read_time_cause),
		         read_time_traceparent = coalesce(r.read_time_traceparent, excluded.read_time_traceparent)
		  returning r.read_time_state)
		select count(*) from merged where read_time_state = 1`
	c := columnsOf(records)
	return pg.Value[int](ctx, tx, fmt.Sprintf("merge %d read times", len(records)), merge, withoutReadTime, c.numbers, c.senders, c.lanes, c.read,
		c.causes, c.traces)
}

// withoutReadTime is the document type that has no read time at the hub.
const withoutReadTime = int16(platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME)

// recordColumns are records as columns for unnest.
type recordColumns struct {
	numbers, senders, causes        []string
	lanes, types                    []int16
	registrars, hashes              []string
	recipients, attachments, traces []*string
	circulations                    []bool
	titles                          [][]byte
	from, to                        partyColumns
	sent, received, read            []time.Time
}

type partyColumns struct {
	platforms, addresses, subAddresses []*string
	validFrom                          []*time.Time
}

func (c *partyColumns) add(p *platformv1.Party) {
	c.platforms, c.addresses, c.subAddresses = append(c.platforms, pg.OrNull(p.GetPlatformId())), append(c.addresses, pg.OrNull(p.GetAddress())), append(c.subAddresses, pg.OrNull(p.GetSubAddress()))
	var since *time.Time
	if p.GetValidFrom().IsValid() {
		at := p.GetValidFrom().AsTime()
		since = &at
	}
	c.validFrom = append(c.validFrom, since)
}

func columnsOf(records []record) recordColumns {
	var c recordColumns
	for _, r := range records {
		c.numbers, c.senders, c.causes = append(c.numbers, r.number), append(c.senders, r.sender), append(c.causes, r.cause)
		c.lanes, c.traces = append(c.lanes, journal.LaneNumber(r.lane)), append(c.traces, pg.OrNull(r.traceparent))
		c.sent, c.received, c.read = append(c.sent, r.sentAt), append(c.received, r.receivedAt), append(c.read, r.readAt)
		c.from.add(r.facts.GetFrom())
		c.to.add(r.facts.GetTo())
		// A record that nobody registers has an empty registrar, not null: its facts are known.
		c.registrars, c.recipients = append(c.registrars, r.facts.GetRegistrar()), append(c.recipients, pg.OrNull(r.facts.GetRecipient()))
		c.circulations, c.types = append(c.circulations, r.facts.GetCirculation()), append(c.types, int16(r.facts.GetDocumentType())) //nolint:gosec // an enum of three
		c.titles, c.hashes = append(c.titles, r.facts.GetSealedTitle()), append(c.hashes, formatDigest(r.facts.GetDocumentHash()))
		attachments := make([]string, len(r.facts.GetAttachmentHashes()))
		for i, d := range r.facts.GetAttachmentHashes() {
			attachments[i] = formatDigest(d)
		}
		c.attachments = append(c.attachments, pg.OrNull(strings.Join(attachments, " ")))
	}
	return c
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
	party := &platformv1.Party{PlatformId: pg.OrZero(p.platform), Address: pg.OrZero(p.address), SubAddress: pg.OrZero(p.subAddress)}
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
	r := record{number: s.number, sender: s.sender, lane: platformv1.Lane(s.lane), sentAt: pg.OrZero(s.sent).UTC(), receivedAt: pg.OrZero(s.received).UTC(), readAt: pg.OrZero(s.read).UTC()}
	if s.registrar == nil {
		return r
	}
	r.facts = &platformv1.DocumentFacts{
		EdocNum: s.number, Sender: s.sender, Registrar: *s.registrar, Recipient: pg.OrZero(s.recipient), Circulation: pg.OrZero(s.circulation),
		From: s.from.party(), To: s.to.party(), DocumentType: platformv1.DocumentType(pg.OrZero(s.documentType)),
		DocumentHash: parseDigest(pg.OrZero(s.hash)), SealedTitle: s.title,
	}
	for _, a := range s.attachments {
		r.facts.AttachmentHashes = append(r.facts.AttachmentHashes, parseDigest(a))
	}
	return r
}

// full is a record with its calls.
type full struct {
	record
	registration, readTime callView
}

// callView is the part of a call that is shown.
type callView struct {
	state          callState
	result         int32
	attempts       int32
	acknowledgedAt time.Time
	reason         string
	queuedAt       time.Time
	refusal        string
	refusedSince   time.Time
	dueAt          time.Time
}

// callFields are the columns a scannedCall reads, of a circulation_record named r.
const callFields = `r.${call}_state, r.${call}_result, r.${call}_attempts, r.${call}_acknowledged_at, r.${call}_reason, r.${call}_queued_at,
	r.${call}_refusal, r.${call}_refused_since, r.${call}_due_at`

// fullRecord reads records with both calls; the rest of the statement follows.
func fullRecord(rest string) string {
	return `
		select ` + recordFields + `, ` + registration.sql(callFields) + `, ` + readTime.sql(callFields) + `
		from   circulation_record r
		` + rest
}

type scannedCall struct {
	callView
	reason, refusal                           *string
	acknowledged, queued, refusedSince, dueAt *time.Time
}

func (c *scannedCall) targets() []any {
	return []any{&c.state, &c.result, &c.attempts, &c.acknowledged, &c.reason, &c.queued, &c.refusal, &c.refusedSince, &c.dueAt}
}

func (c *scannedCall) view() callView {
	v := c.callView
	v.acknowledgedAt, v.reason, v.queuedAt = pg.OrZero(c.acknowledged).UTC(), pg.OrZero(c.reason), pg.OrZero(c.queued).UTC()
	v.refusal, v.refusedSince, v.dueAt = pg.OrZero(c.refusal), pg.OrZero(c.refusedSince).UTC(), pg.OrZero(c.dueAt).UTC()
	return v
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
	one, known, err := pg.Find(ctx, db, fmt.Sprintf("read circulation record %s", number), scanFull,
		fullRecord(`where r.edoc_num = $1 and r.sender = $2`), number, sender)
	if err == nil && !known {
		err = recordNotFound()
	}
	return one, err
}

// recordSender reads the sender of a record's document.
func recordSender(ctx context.Context, db pg.DBTX, number string) (string, error) {
	var sender string
	known, err := pg.Scan(ctx, db, fmt.Sprintf("read the sender of circulation record %s", number), []any{&sender}, `select sender from circulation_record where edoc_num = $1`, number)
	if err == nil && !known {
		err = recordNotFound()
	}
	return sender, err
}

// readAnyRecord reads a record, whoever's it is.
func readAnyRecord(ctx context.Context, db pg.DBTX, number string) (full, error) {
	one, known, err := pg.Find(ctx, db, fmt.Sprintf("read circulation record %s", number), scanFull, fullRecord(`where r.edoc_num = $1`), number)
	if err == nil && !known {
		err = recordNotFound()
	}
	return one, err
}
