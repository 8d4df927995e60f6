package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// insertCirculationsSQL judges and registers a whole batch. A known number gets result 2 before anything else is checked, so that
// a repetition is harmless even if addresses have changed since. A management code in the number belongs to the sending platform
// that used it first. An address exists at a time if a current period contains that time, both ends included: a document received
// in the second of a withdrawal was received. Rows are inserted in the order of their numbers, so that overlapping batches cannot
// deadlock. "offset 0" makes each check for a known number an index lookup; without it a call reads and hashes the whole table.
const insertCirculationsSQL = `
	with item as (
	    select *
	      from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
	                  $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
	                  $16::smallint[], $17::text[], $18::text[], $19::boolean[])
	        as i (ord, edoc_num, subject, send_eaddr, send_folded, send_sub_eaddr, recv_eaddr, recv_folded,
	              recv_sub_eaddr, send_platform_id, recv_platform_id, send_date, recv_date, read_date,
	              doc_type, content_hash, file_hashes, in_order)
	), judged as (
	    select i.*,
	           case
	           when exists (select from circulation c where c.edoc_num = i.edoc_num offset 0) then 2
	           when not exists (select from platform p where p.platform_id = i.send_platform_id) then 6
	           when not exists (select from platform p where p.platform_id = i.recv_platform_id) then 7
	           when exists (select from platform_code o
	                         where o.code = substr(i.edoc_num, 10, 10) and o.platform_id <> i.send_platform_id offset 0) then 9
	           when not i.in_order then 3
	           when not exists (
	               select from address a
	                where a.platform_id = i.send_platform_id and a.eaddr_folded = i.send_folded
	                  and a.recorded_until is null and a.valid_from <= i.send_date
	                  and (a.valid_until is null or i.send_date <= a.valid_until)) then 4
	           when not exists (
	               select from address a
	                where a.platform_id = i.recv_platform_id and a.eaddr_folded = i.recv_folded
	                  and a.recorded_until is null and a.valid_from <= i.recv_date
	                  and (a.valid_until is null or i.recv_date <= a.valid_until)) then 5
	           else 1
	           end as result
	      from item i
	), winner as (
	    select distinct on (edoc_num) *
	      from judged
	     where result = 1
	     order by edoc_num, ord
	), coded as (
	    insert into platform_code (code, platform_id)
	    select distinct on (code) substr(edoc_num, 10, 10) as code, send_platform_id
	      from winner
	     order by code, ord
	        on conflict (code) do nothing
	), inserted as (
	    insert into circulation (edoc_num, subject, send_eaddr, send_folded, send_sub_eaddr,
	                             recv_eaddr, recv_folded, recv_sub_eaddr, send_platform_id, recv_platform_id, registered_by, send_date, recv_date, read_date,
	                             doc_type, content_hash, file_hashes, registered_at, read_recorded_at)
	    select edoc_num, subject, send_eaddr, send_folded, send_sub_eaddr,
	           recv_eaddr, recv_folded, recv_sub_eaddr, send_platform_id, recv_platform_id, $1, send_date, recv_date, read_date,
	           doc_type, content_hash, file_hashes::jsonb, $20::timestamptz,
	           case when read_date is not null then $20::timestamptz end
	      from winner
	     order by edoc_num
	        on conflict (edoc_num) do nothing
	    returning edoc_num
	)
	select j.ord,
	       case
	       when j.result <> 1 then j.result
	       when j.ord in (select ord from winner) and j.edoc_num in (select edoc_num from inserted) then 1
	       else 2
	       end as result
	  from judged j`

// circulationColumns holds the items of a batch as arrays.
type circulationColumns struct {
	ord                        []int64
	edocNum, subject           []string
	sendEaddr, sendFolded      []string
	recvEaddr, recvFolded      []string
	sendSub, recvSub           []*string
	sendPlatform, recvPlatform []string
	sendDate, recvDate         []time.Time
	readDate                   []*time.Time
	docType                    []*int16
	contentHash, fileHashes    []string
	inOrder                    []bool
}

func (c *circulationColumns) add(i int, it *circulationItem) error {
	hashes := it.FileHashes
	if hashes == nil {
		hashes = []string{}
	}
	files, err := json.Marshal(hashes)
	if err != nil {
		return fmt.Errorf("encode file hashes: %w", err)
	}
	var docType *int16
	if it.DocType != nil {
		t := int16(*it.DocType) //nolint:gosec // 0 to 2, judged before
		docType = &t
	}
	c.ord = append(c.ord, int64(i))
	c.edocNum, c.subject = append(c.edocNum, it.EdocNum), append(c.subject, it.Subject)
	c.sendEaddr, c.sendFolded = append(c.sendEaddr, it.SendEaddr), append(c.sendFolded, fold(it.SendEaddr))
	c.recvEaddr, c.recvFolded = append(c.recvEaddr, it.RecvEaddr), append(c.recvFolded, fold(it.RecvEaddr))
	c.sendSub, c.recvSub = append(c.sendSub, it.SendSubEaddr), append(c.recvSub, it.RecvSubEaddr)
	c.sendPlatform, c.recvPlatform = append(c.sendPlatform, it.SendPlatformID), append(c.recvPlatform, it.RecvPlatformID)
	c.sendDate, c.recvDate, c.readDate = append(c.sendDate, it.send), append(c.recvDate, it.recv), append(c.readDate, it.read)
	c.docType, c.contentHash = append(c.docType, docType), append(c.contentHash, it.ContentHash)
	c.fileHashes, c.inOrder = append(c.fileHashes, string(files)), append(c.inOrder, it.inOrder())
	return nil
}

// insertCirculations registers the items at the indexes in open and sets their results.
func (s *System) insertCirculations(ctx context.Context, callerID string, items []circulationItem, open []int, results []itemResult) error {
	if len(open) == 0 {
		return nil
	}
	var c circulationColumns
	for _, i := range open {
		if err := c.add(i, &items[i]); err != nil {
			return err
		}
	}
	return fillResults(ctx, s.DB, "register circulations", results, insertCirculationsSQL, callerID,
		c.ord, c.edocNum, c.subject, c.sendEaddr, c.sendFolded, c.sendSub, c.recvEaddr, c.recvFolded,
		c.recvSub, c.sendPlatform, c.recvPlatform, c.sendDate, c.recvDate, c.readDate,
		c.docType, c.contentHash, c.fileHashes, c.inOrder, s.Clock.Now())
}

func fillResults(ctx context.Context, db pg.DBTX, doing string, results []itemResult, sql string, args ...any) error {
	var ord int64
	var code int
	return pg.Each(ctx, db, doing, []any{&ord, &code}, func() error {
		results[ord].Result = code
		return nil
	}, sql, args...)
}

// updateReadTimesSQL judges and registers the read times of a batch. Rows are locked in the order of their numbers. The lock also
// makes read times visible that another call has committed meanwhile.
const updateReadTimesSQL = `
	with item as (
	    select *
	      from unnest($2::bigint[], $3::text[], $4::timestamptz[]) as i (ord, edoc_num, read_date)
	), held as (
	    select h.*
	      from (select distinct edoc_num from item order by edoc_num) n
	     cross join lateral (
	           select c.edoc_num, c.recv_date, c.read_date, c.doc_type
	             from circulation c
	            where c.edoc_num = n.edoc_num
	              and $1 in (c.send_platform_id, c.recv_platform_id)
	              for update) h
	), judged as (
	    select i.ord, i.edoc_num, i.read_date,
	           case
	           when h.edoc_num is null then 4
	           when h.doc_type = 2 then 9
	           when h.read_date is not null then 2
	           when i.read_date < h.recv_date then 3
	           else 1
	           end as result
	      from item i
	      left join held h on h.edoc_num = i.edoc_num
	), winner as (
	    select distinct on (edoc_num) ord, edoc_num, read_date
	      from judged
	     where result = 1
	     order by edoc_num, ord
	), updated as (
	    update circulation c
	       set read_date = w.read_date, read_recorded_at = $5
	      from winner w
	     where c.edoc_num = w.edoc_num
	    returning c.edoc_num
	)
	select j.ord,
	       case
	       when j.result <> 1 then j.result
	       when u.edoc_num is null or w.ord <> j.ord then 2
	       else 1
	       end as result
	  from judged j
	  left join winner w on w.edoc_num = j.edoc_num
	  left join updated u on u.edoc_num = j.edoc_num`

func (s *System) updateReadTimes(ctx context.Context, callerID string, items []readItem, open []int, results []itemResult) error {
	if len(open) == 0 {
		return nil
	}
	ords, numbers, reads := make([]int64, len(open)), make([]string, len(open)), make([]time.Time, len(open))
	for n, i := range open {
		ords[n], numbers[n], reads[n] = int64(i), items[i].EdocNum, items[i].read
	}
	return fillResults(ctx, s.DB, "register read times", results, updateReadTimesSQL, callerID, ords, numbers, reads, s.Clock.Now())
}

// Circulation is the hub's record of one document (유통정보).
type Circulation struct {
	EdocNum        string
	Subject        string
	SendEaddr      string
	SendSubEaddr   *string
	RecvEaddr      string
	RecvSubEaddr   *string
	SendPlatformID string
	RecvPlatformID string
	RegisteredBy   string
	SendDate       time.Time
	RecvDate       time.Time
	ReadDate       *time.Time
	DocType        *int16
	ContentHash    string
	FileHashes     []string
	RegisteredAt   time.Time
	ReadRecordedAt *time.Time
	// SendName and RecvName are the names of the addresses' owners at the sent and received time.
	SendName string
	RecvName string
}

const findCirculationSQL = `
	select c.edoc_num, c.subject, c.send_eaddr, c.send_sub_eaddr, c.recv_eaddr, c.recv_sub_eaddr,
	       c.send_platform_id, c.recv_platform_id, c.registered_by, c.send_date, c.recv_date, c.read_date,
	       c.doc_type, c.content_hash, c.file_hashes, c.registered_at, c.read_recorded_at,
	       coalesce((select a.name from address a
	                  where a.platform_id = c.send_platform_id and a.eaddr_folded = c.send_folded
	                    and a.recorded_until is null and a.valid_from <= c.send_date
	                    and (a.valid_until is null or c.send_date <= a.valid_until)
	                  order by a.valid_from desc, a.address_id desc limit 1), '') as send_name,
	       coalesce((select a.name from address a
	                  where a.platform_id = c.recv_platform_id and a.eaddr_folded = c.recv_folded
	                    and a.recorded_until is null and a.valid_from <= c.recv_date
	                    and (a.valid_until is null or c.recv_date <= a.valid_until)
	                  order by a.valid_from desc, a.address_id desc limit 1), '') as recv_name
	  from circulation c
	 where c.edoc_num = $1`

func findCirculation(ctx context.Context, db pg.DBTX, edocNum string) (Circulation, error) {
	c, known, err := pg.Find(ctx, db, "find circulation", pgx.RowToStructByPos[Circulation], findCirculationSQL, edocNum)
	if err == nil && !known {
		err = errNotFound
	}
	return c, err
}
