package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	"github.com/naru-relay/naru/services/allinone"
)

// settlePause is the pause between two looks for work left over: one reads whole tables.
const settlePause = time.Second

// counts of one round or of all. They agree or the measurement is worth nothing.
type counts struct {
	Sent     int64 `json:"sent"`
	Accepted int64 `json:"accepted"`
	// Inbox counts documents in recipients' inboxes, in delivery's table.
	Inbox int64 `json:"inbox"`
	// Hub counts circulation records, by the sandbox hub's own inspection.
	Hub int64 `json:"hub"`
	// Status counts summaries told over the public door as received and registered at the hub.
	Status int64 `json:"status"`
	Equal  bool  `json:"equal"`
}

func (c *counts) judge() {
	c.Equal = c.Accepted == c.Sent && c.Inbox == c.Sent && c.Hub == c.Sent && c.Status == c.Sent
}

// stages tell when the last document of a round came so far, in seconds from the first send.
type stages struct {
	Answered   float64 `json:"answered"`
	Received   float64 `json:"received"`
	Registered float64 `json:"registered"`
}

// mark is a moment to measure from.
type mark struct {
	at    time.Time
	usage usage
	wal   string
}

func (r *relay) mark(ctx context.Context) (mark, error) {
	runtime.GC() // nobody pays for the garbage of what went before
	m := mark{usage: readUsage(r.dir + "/postgres")}
	if err := r.db.QueryRow(ctx, "select pg_current_wal_lsn()::text").Scan(&m.wal); err != nil {
		return mark{}, fmt.Errorf("read the write-ahead log's position: %w", err)
	}
	m.at = r.clock.Now()
	return m, nil
}

// since measures from a mark until now.
func (r *relay) since(ctx context.Context, before mark, documents int) (floorRound, error) {
	took := r.clock.Now().Sub(before.at)
	used := readUsage(r.dir + "/postgres")
	var wal float64
	if err := r.db.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)::float8", before.wal).Scan(&wal); err != nil {
		return floorRound{}, fmt.Errorf("read the write-ahead log's position: %w", err)
	}
	return floorRound{
		Documents: documents, Seconds: rounded(took.Seconds(), 3), PerSecond: rounded(float64(documents)/took.Seconds(), 1),
		WALBytes: rounded(wal/float64(documents), 0), CPU: used.since(before.usage, documents, took),
	}, nil
}

// keysOf bounds the own keys of a round: "r1-" up to "r1.".
func keysOf(round string) (from, below string) { return round + "-", round + "." }

// complete counts a round's summaries in status that are received and registered at the hub.
func (r *relay) complete(ctx context.Context, round string) (n int64, err error) {
	from, below := keysOf(round)
	if err := r.db.QueryRow(ctx, `
		select count(*)
		from   status.document_summary
		where  sender = (select id from intake.principal where kind = 1) and own_key >= $1 and own_key < $2
		  and  received_at is not null and registered_at is not null`, from, below).Scan(&n); err != nil {
		return 0, fmt.Errorf("count summaries: %w", err)
	}
	return n, nil
}

// atHub asks the sandbox hub how many circulation records it holds.
func (r *relay) atHub(ctx context.Context) (int64, error) {
	var held struct{ Registered int64 }
	err := r.sandbox(ctx, http.MethodGet, r.Endpoints.Sandbox.Hub+"/sandbox/circulations", nil, &held)
	return held.Registered, err
}

// audit counts a finished round, and waits until the relay has nothing left to do, so that the next measurement does not pay for it.
// ctx carries the sender's token.
func (c *chain) audit(ctx context.Context, round string, started time.Time, hubBefore int64, done *chainRound) error {
	completed := c.relay.clock.Now()
	done.Counts.Sent = int64(c.options.documents)
	from, below := keysOf(round)
	var received, registered time.Time
	if err := c.relay.db.QueryRow(ctx, `
		select count(*) filter (where d.state = 'DELIVERED'), max(s.received_at), max(s.registered_at)
		from   intake.own_key k
		       left join delivery.delivery d using (edoc_num)
		       left join status.document_summary s using (edoc_num)
		where  k.own_key >= $1 and k.own_key < $2`, from, below).Scan(&done.Counts.Inbox, &received, &registered); err != nil {
		return fmt.Errorf("count inboxes: %w", err)
	}
	done.Stages.Received = rounded(received.Sub(started).Seconds(), 3)
	done.Stages.Registered = rounded(registered.Sub(started).Seconds(), 3)
	held, err := c.relay.atHub(ctx)
	if err != nil {
		return err
	}
	done.Counts.Hub = held - hubBefore
	if done.Counts.Status, err = c.told(ctx, round, started); err != nil {
		return err
	}
	done.Counts.judge()
	err = poll(ctx, settlePause, func() (bool, error) {
		left, err := c.relay.leftover(ctx, c.sent)
		if done.LeftAtCompletion == nil {
			done.LeftAtCompletion = left
		}
		return left.none(), err
	})
	done.SettledAfter = rounded(c.relay.clock.Now().Sub(completed).Seconds(), 1)
	if err != nil {
		return fmt.Errorf("wait until the relay is at rest: %w", err)
	}
	return nil
}

// told counts what status tells the sender over the public door.
func (c *chain) told(ctx context.Context, round string, started time.Time) (n int64, err error) {
	client := statusv1.NewStatusServiceClient(c.conns[0])
	request := &statusv1.ListStatusesRequest{
		AcceptedFrom: timestamppb.New(started), AcceptedUntil: timestamppb.New(c.relay.clock.Now()), PageSize: batchItems,
		States: []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_RECEIVED},
	}
	for {
		page, err := client.ListStatuses(ctx, request)
		if err != nil {
			return 0, fmt.Errorf("list statuses: %w", err)
		}
		for _, s := range page.GetStatuses() {
			if strings.HasPrefix(s.GetOwnKey(), round+"-") && s.GetReceivedAt() != nil && s.GetHub().GetRegisteredAt() != nil {
				n++
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return n, nil
		}
	}
}

// left is what the relay still has to do.
type left struct {
	Unpublished int64 `json:"unpublishedFrames"`
	Deferred    int64 `json:"deferredEvents"`
	Parked      int64 `json:"parkedEvents"`
	Unanchored  int64 `json:"unanchoredEvidence"`
	// Notices to recipients, and those that the timeline has not heard of.
	Notices  int64 `json:"noticesToGive"`
	Timeline int64 `json:"noticesUnknownToStatus"`
}

func (l *left) none() bool { return *l == left{Parked: l.Parked} }

// leftover counts what is left to do of so many documents. A parked event is an error: no person looks after a benchmark.
func (r *relay) leftover(ctx context.Context, documents int64) (*left, error) {
	var unpublished, deferred, parked, unanchored []string
	for _, u := range allinone.Units() {
		unpublished = append(unpublished, "(select count(*) from "+u.Name+".outbox where published_at is null)")
		deferred = append(deferred, "(select count(*) from "+u.Name+".deferred_event)")
		parked = append(parked, "(select count(*) from "+u.Name+".parked_event)")
		unanchored = append(unanchored, "(select count(*) from "+u.Name+".evidence_entry where xid >= coalesce((select xid_below from "+u.Name+
			".evidence_anchor order by seq desc limit 1), '0'))")
	}
	var l left
	if err := r.db.QueryRow(ctx, "select "+strings.Join(unpublished, "+")+", "+strings.Join(deferred, "+")+", "+strings.Join(parked, "+")+", "+
		strings.Join(unanchored, "+")+`,
		(select count(*) from delivery.notice where state = 'DUE'),
		$1 - (select count(*) from status.timeline_entry e join status.timeline_kind k on k.code = e.kind where k.name = 'naru.delivery.v1.NoticeGiven')`,
		documents).Scan(&l.Unpublished, &l.Deferred, &l.Parked, &l.Unanchored, &l.Notices, &l.Timeline); err != nil {
		return nil, fmt.Errorf("count what is left to do: %w", err)
	}
	if l.Parked > 0 {
		return nil, fmt.Errorf("%d events are parked", l.Parked)
	}
	return &l, nil
}
