package intake

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// releasePoll finds what another replica inserted and did not live to release.
	releasePoll    = time.Second
	releaseTimeout = 10 * time.Second
)

// releaser states the items of batches in the bulk lane: small transactions, tenants in turns, at a bounded rate.
//
// An item costs one, whatever its size, so deficit round robin comes down to turns: each transaction shares its items evenly among the
// tenants that wait, gives what some do not need to the others, and the next one begins behind the tenant this one ended with.
type releaser struct {
	journal *journal.Journal
	log    *slog.Logger
	limit  *rate.Limiter
	// wake holds one token when something was inserted.
	wake chan struct{}
	// last is the tenant the former transaction ended with.
	last uuid.UUID
}

func newReleaser(o *journal.Journal, log *slog.Logger, itemsPerSecond int) *releaser {
	limit := rate.NewLimiter(rate.Inf, releaseItems)
	if itemsPerSecond > 0 {
		limit = rate.NewLimiter(rate.Limit(itemsPerSecond), releaseItems)
	}
	return &releaser{journal: o, log: log, limit: limit, wake: make(chan struct{}, 1)}
}

// inserted tells that the backlog has grown. It never blocks.
func (r *releaser) inserted() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *releaser) task() lifecycle.Task {
	return lifecycle.Task{Name: "intake-release", Run: func(ctx context.Context) error {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-r.wake:
			case <-timer.C:
			}
			if err := r.drain(ctx); err != nil && ctx.Err() == nil {
				r.log.LogAttrs(ctx, slog.LevelWarn, "backlog was not released, tried again", slog.Any("error", err))
			}
			timer.Reset(releasePoll)
		}
	}}
}

// drain releases until nothing waits.
func (r *releaser) drain(ctx context.Context) error {
	for {
		released, err := r.release(ctx)
		if err != nil || released == 0 {
			return err
		}
		if err := r.limit.WaitN(ctx, released); err != nil {
			return fmt.Errorf("wait for the rate of release: %w", err)
		}
	}
}

// release states at most releaseItems items in one transaction and tells how many.
func (r *releaser) release(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	var events []journal.Fact
	last := r.last
	err := r.journal.InTx(ctx, func(tx *journal.Tx) error {
		events, last = nil, r.last
		tenants, err := waitingTenants(ctx, tx, r.last, releaseItems)
		if err != nil {
			return err
		}
		for len(tenants) > 0 && len(events) < releaseItems {
			room := releaseItems - len(events)
			tenants = tenants[:min(len(tenants), room)]
			quota := room / len(tenants)
			taken, err := takeBacklog(ctx, tx, tenants, quota)
			if err != nil {
				return err
			}
			last = tenants[len(tenants)-1]
			// Only those who used up their share may want more.
			tenants = slices.DeleteFunc(tenants, func(tenant uuid.UUID) bool { return taken.of[tenant] < quota })
			events = append(events, taken.events...)
		}
		return tx.State(ctx, platformv1.Lane_LANE_BULK, events...)
	})
	if err != nil {
		return 0, fmt.Errorf("release the backlog: %w", err)
	}
	r.last = last
	return len(events), nil
}

// waitingTenants lists tenants with items in the backlog, beginning behind one and going round. It hops from tenant to tenant in the
// index, whatever the length of the backlog.
func waitingTenants(ctx context.Context, db pg.DBTX, behind uuid.UUID, limit int) ([]uuid.UUID, error) {
	const list = `
		with recursive waiting(tenant) as (
		  (select tenant from backlog order by tenant limit 1)
		  union all
		  select (select b.tenant from backlog b where b.tenant > w.tenant order by b.tenant limit 1)
		  from   waiting w
		  where  w.tenant is not null)
		select tenant
		from   waiting
		where  tenant is not null
		order  by tenant <= $1, tenant
		limit  $2`
	rows, err := db.Query(ctx, list, behind, limit)
	if err != nil {
		return nil, fmt.Errorf("list waiting tenants: %w", err)
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list waiting tenants: %w", err)
	}
	return tenants, nil
}

// taken are items out of the backlog, as events in the order of their acceptance, and how many each tenant had.
type taken struct {
	events []journal.Fact
	of     map[uuid.UUID]int
}

// takeBacklog takes at most quota items of each tenant out of the backlog. Items another replica is taking are passed over.
func takeBacklog(ctx context.Context, db pg.DBTX, tenants []uuid.UUID, quota int) (taken, error) {
	const take = `
		with picked as materialized (
		  select b.tenant, b.seq
		  from   unnest($1::uuid[]) as t(tenant)
		  cross  join lateral (
		           select w.tenant, w.seq
		           from   backlog w
		           where  w.tenant = t.tenant
		           order  by w.seq
		           limit  $2
		           for update skip locked) b),
		gone as (
		  delete from backlog b
		  using  picked p
		  where  b.tenant = p.tenant and b.seq = p.seq
		  returning b.tenant, b.seq, b.edoc_num, b.traceparent)
		select g.tenant, g.seq, g.traceparent, d.facts, d.sealed_recipient
		from   gone g
		join   document d on d.edoc_num = g.edoc_num`
	result := taken{of: make(map[uuid.UUID]int, len(tenants))}
	rows, err := db.Query(ctx, take, tenants, quota)
	if err != nil {
		return result, fmt.Errorf("take from the backlog: %w", err)
	}
	type item struct {
		tenant                 uuid.UUID
		seq                    int64
		traceparent            string
		facts, sealedRecipient []byte
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (item, error) {
		var i item
		err := row.Scan(&i.tenant, &i.seq, &i.traceparent, &i.facts, &i.sealedRecipient)
		return i, err
	})
	if err != nil {
		return result, fmt.Errorf("take from the backlog: %w", err)
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.seq, b.seq) })
	for _, i := range items {
		var facts platformv1.DocumentFacts
		if err := proto.Unmarshal(i.facts, &facts); err != nil {
			return result, fmt.Errorf("decode facts of a waiting document: %w", err)
		}
		result.of[i.tenant]++
		result.events = append(result.events, acceptedEvent(&facts, i.sealedRecipient, i.traceparent))
	}
	return result, nil
}

// countBacklog counts what waits, up to a bound.
func countBacklog(ctx context.Context, db pg.DBTX, most int) (int64, error) {
	var waiting int64
	if err := db.QueryRow(ctx, `select count(*) from (select from backlog limit $1) b`, most).Scan(&waiting); err != nil {
		return 0, fmt.Errorf("count the backlog: %w", err)
	}
	return waiting, nil
}
