package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protojson"
)

// singles are prepared single sends over REST.
type singles struct {
	from    *institution
	rest    *rest
	bodies  [][]byte
	numbers []string
	again   atomic.Int64
}

// singles prepares count documents of an institution.
func (c *chain) singles(ctx context.Context, from *institution, name string, count int) (*singles, error) {
	items, err := c.items(ctx, from, name, 0, count)
	if err != nil {
		return nil, err
	}
	s := &singles{from: from, rest: c.stack.rest(), bodies: make([][]byte, count), numbers: make([]string, count)}
	for i, item := range items {
		if s.bodies[i], err = protojson.Marshal(item); err != nil {
			return nil, fmt.Errorf("encode a send request: %w", err)
		}
	}
	return s, nil
}

// send sends one single. If the relay has no room, it sends it again; own keys make that safe.
func (s *singles) send(ctx context.Context, i int) error {
	for {
		bearer, err := s.from.bearer(ctx)
		if err != nil {
			return err
		}
		var accepted struct{ EdocNum string }
		err = s.rest.call(ctx, bearer, http.MethodPost, "/v1/documents", s.bodies[i], &accepted)
		var refused refusal
		if errors.As(err, &refused) && (refused.status == http.StatusTooManyRequests || refused.status == http.StatusServiceUnavailable) {
			s.again.Add(1)
			if err := wait(ctx, backOff); err != nil {
				return err
			}
			continue
		}
		s.numbers[i] = accepted.EdocNum
		return err
	}
}

// accepted counts the singles that have a number.
func (s *singles) accepted() (n int64) {
	for _, number := range s.numbers {
		if number != "" {
			n++
		}
	}
	return n
}

// await follows a few of the last singles, because any of those sent at the same time may be the last to complete.
func (s *singles) await(ctx context.Context, f *follower, far reached) error {
	const looked, apart = 8, restConnections / 8
	for n := looked - 1; n >= 0; n-- {
		if err := f.await(ctx, s.numbers[max(0, len(s.numbers)-1-n*apart)], far); err != nil {
			return err
		}
	}
	return nil
}
