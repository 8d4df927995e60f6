package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
)

// blockSize is how many serials a replica takes at a time. A crash loses at most this many numbers, which are never used again.
const blockSize = 1000

// serials gives out the numbers of this relay. A block belongs to one KST date and is committed before one of its numbers is
// used, so two replicas never give the same number.
//
// A database that was restored from an older copy knows less than was given. So a block never begins below what the time of day
// allows (paceFloor), nor below what is kept beside the keys; a number is given twice only if the database, the clock and the key
// folder all go back together.
type serials struct {
	db   pg.DBTX
	code string
	// kept remembers beside the keys where the last block of each date ended.
	kept memory
	// turn is held by the caller that takes numbers; a caller waits for it only until its own context ends.
	turn   chan struct{}
	blocks map[string]*block
}

// memory is a small file outside of the database; *keys.Store keeps it.
type memory interface {
	Remember(name string, content []byte) error
	Remembered(name string) ([]byte, error)
}

type block struct{ next, end int64 }

func newSerials(db pg.DBTX, code string, kept memory) *serials {
	return &serials{db: db, code: code, kept: kept, turn: make(chan struct{}, 1), blocks: make(map[string]*block)}
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
			if err := s.claim(ctx, b, at, date); err != nil {
				return nil, err
			}
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

// serialsPerMillisecond is how far a block's least beginning moves with the time of day: more than any relay gives in a
// millisecond, and so that the day's last lies within thirteen digits.
const serialsPerMillisecond = 100_000

// paceFloor is the least serial that a block claimed at this time may begin with. Every block claimed earlier on this date ended
// below it, unless the clock was set back.
func paceFloor(at time.Time) int64 {
	kst := at.In(id.KST)
	midnight := time.Date(kst.Year(), kst.Month(), kst.Day(), 0, 0, 0, 0, id.KST)
	return 1 + kst.Sub(midnight).Milliseconds()*serialsPerMillisecond
}

// claim takes a new block. Where it ends is kept beside the keys before a number of it is used.
func (s *serials) claim(ctx context.Context, b *block, at time.Time, date string) error {
	marks, err := s.marks()
	if err != nil {
		return err
	}
	name := date + " " + s.code
	end, err := claimBlock(ctx, s.db, date, s.code, max(paceFloor(at), marks[name]))
	if err != nil {
		return err
	}
	for other := range marks {
		if _, held := s.blocks[strings.TrimSuffix(other, " "+s.code)]; !held {
			delete(marks, other)
		}
	}
	marks[name] = end
	content, err := json.Marshal(marks)
	if err == nil {
		err = s.kept.Remember(serialMark, content)
	}
	if err != nil {
		return fault.New(fault.Unavailable, domain, nil, "no numbers can be given now", fault.Wrap(err))
	}
	b.next, b.end = end-blockSize, end
	return nil
}

// serialMark is the name of the file beside the keys: for each date and code, the serial behind the last that may have been
// given.
const serialMark = "serials"

func (s *serials) marks() (map[string]int64, error) {
	marks := map[string]int64{}
	content, err := s.kept.Remembered(serialMark)
	if errors.Is(err, keys.ErrNotFound) {
		return marks, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &marks)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, domain, nil, "no numbers can be given now", fault.Wrap(fmt.Errorf("read the mark of serials beside the keys: %w", err)))
	}
	return marks, nil
}
