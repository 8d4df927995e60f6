package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
)

// blockSize is how many serials a replica takes at a time. A crash loses at most this many numbers, which are never used again.
const blockSize = 1000

// serials gives out the numbers of this relay. A block belongs to one KST date and is committed before one of its numbers is
// used, so two replicas never give the same number.
type serials struct {
	db   pg.DBTX
	code string
	// turn is held by the caller that takes numbers; a caller waits for it only until its own context ends.
	turn   chan struct{}
	blocks map[string]*block
}

type block struct{ next, end int64 }

func newSerials(db pg.DBTX, code string) *serials {
	return &serials{db: db, code: code, turn: make(chan struct{}, 1), blocks: make(map[string]*block)}
}

// take gives n numbers of the KST date of at, in order.
func (s *serials) take(ctx context.Context, at time.Time, n int) ([]id.EdocNumber, error) {
	if n == 0 {
		return nil, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for serials: %w", ctx.Err())
	}
	date := at.In(id.KST).Format(time.DateOnly)
	b := s.blocks[date]
	if b == nil {
		// Around midnight, calls that have read the clock alternate between two dates; older dates do not come back.
		for other := range s.blocks {
			if other < at.In(id.KST).AddDate(0, 0, -1).Format(time.DateOnly) {
				delete(s.blocks, other)
			}
		}
		b = &block{}
		s.blocks[date] = b
	}
	numbers := make([]id.EdocNumber, 0, n)
	for len(numbers) < n {
		if b.next == b.end {
			end, err := claimBlock(ctx, s.db, date, s.code)
			if err != nil {
				return nil, err
			}
			b.next, b.end = end-blockSize, end
		}
		number, err := id.NewEdocNumber(at, s.code, b.next)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
		b.next++
	}
	return numbers, nil
}
