package hub

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/pg"
)

// exchangeCounts counts calls in memory and adds them to the database once a second. If every call updated the row, its lock
// would be the hub's bottleneck.
type exchangeCounts struct {
	mu     sync.Mutex
	counts map[exchangeKey]exchangeCount
}

type exchangeKey struct{ method, path string }

type exchangeCount struct{ calls, failures, items int64 }

func newExchangeCounts() *exchangeCounts {
	return &exchangeCounts{counts: map[exchangeKey]exchangeCount{}}
}

func (e *exchangeCounts) add(r *http.Request, n exchangeCount) {
	key := exchangeKey{r.Method, r.URL.Path}
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.counts[key]
	e.counts[key] = exchangeCount{c.calls + n.calls, c.failures + n.failures, c.items + n.items}
}

func (e *exchangeCounts) fail(r *http.Request) { e.add(r, exchangeCount{failures: 1}) }
func (e *exchangeCounts) items(r *http.Request, items int) {
	e.add(r, exchangeCount{items: int64(items)})
}

// counted counts every call to a known path, including those that a scenario answers. Unknown paths are not counted, because
// their number is unlimited.
func (s *System) counted(known *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := known.Handler(r); pattern != "" {
			s.exchanges.add(r, exchangeCount{calls: 1})
		}
		next.ServeHTTP(w, r)
	})
}

const addExchangesSQL = `
	insert into exchange_count as e (method, path, calls, failures, items)
	select n.method, n.path, n.calls, n.failures, n.items
	  from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as n (method, path, calls, failures, items)
	 order by n.method, n.path
	    on conflict (method, path) do update
	   set calls    = e.calls + excluded.calls,
	       failures = e.failures + excluded.failures,
	       items    = e.items + excluded.items`

// flush adds the counts since the last flush to the database. After an error the counts stay in memory.
func (e *exchangeCounts) flush(ctx context.Context, db *pgxpool.Pool) error {
	e.mu.Lock()
	taken := e.counts
	e.counts = map[exchangeKey]exchangeCount{}
	e.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	var methods, paths []string
	var calls, failures, items []int64
	for key, n := range taken {
		methods, paths = append(methods, key.method), append(paths, key.path)
		calls, failures, items = append(calls, n.calls), append(failures, n.failures), append(items, n.items)
	}
	if _, err := db.Exec(ctx, addExchangesSQL, methods, paths, calls, failures, items); err != nil {
		e.putBack(taken)
		return fmt.Errorf("add exchange counts: %w", err)
	}
	return nil
}

func (e *exchangeCounts) putBack(taken map[exchangeKey]exchangeCount) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range slices.Collect(maps.Keys(taken)) {
		n, c := taken[key], e.counts[key]
		e.counts[key] = exchangeCount{c.calls + n.calls, c.failures + n.failures, c.items + n.items}
	}
}

// ExchangeCount is the number of calls of one path since the hub's database was created.
type ExchangeCount struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Calls counts arrived calls, Failures those answered with resultCode 0 (without transport level scenarios), Items the items
	// of batches.
	Calls    int64 `json:"calls"`
	Failures int64 `json:"failures"`
	Items    int64 `json:"items"`
}

const listExchangesSQL = `
	select method, path, calls, failures, items
	  from exchange_count
	 order by path, method`

func (s *System) listExchanges(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx := r.Context()
	if err := s.exchanges.flush(ctx, s.DB); err != nil {
		return nil, err
	}
	list, err := pg.All(ctx, s.DB, "list exchanges", pgx.RowToStructByPos[ExchangeCount], listExchangesSQL)
	return map[string]any{"exchanges": list}, err
}
