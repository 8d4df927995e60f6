package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settlePause is the pause between two checks for pending work; each check of the metrics makes the units count.
const settlePause = 500 * time.Millisecond

// Gauges of the units' pending work, by their names at the metrics endpoint.
var (
	pendingGauge = regexp.MustCompile(`^naru_\w*(lag|pending|deferred|unpublished|unlogged|notices|backlog|queued|due_calls|queue_calls)\w*$`)
	notPending   = regexp.MustCompile(`(_age_seconds|_overdue)$`)
	parkedGauge  = regexp.MustCompile(`^naru_\w*parked_events$`)
)

// pending returns the relay's pending work by gauge, without gauges at zero. A parked event is an error, because nobody handles
// parked events in a benchmark.
func (s *stack) pending(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Ops+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer response.Body.Close()
	return pendingOf(response.Body)
}

func pendingOf(metrics io.Reader) (map[string]float64, error) {
	left, known := map[string]float64{}, 0
	gauges := map[string]bool{}
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if gauge, ok := strings.CutPrefix(lines.Text(), "# TYPE "); ok {
			name, kind, _ := strings.Cut(gauge, " ")
			gauges[name] = kind == "gauge"
			continue
		}
		name, value, ok := reading(lines.Text())
		switch {
		case !ok || !gauges[name] || notPending.MatchString(name):
		case parkedGauge.MatchString(name) && value > 0:
			return nil, fmt.Errorf("%.0f events are parked", value)
		case pendingGauge.MatchString(name):
			known++
			if value != 0 {
				left[name] += value
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	if known == 0 {
		return nil, errors.New("read metrics: no gauge tells of work to do")
	}
	return left, nil
}

// reading parses a line of the text format: name{labels} value.
func reading(line string) (name string, value float64, ok bool) {
	if strings.HasPrefix(line, "#") {
		return "", 0, false
	}
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		return "", 0, false
	}
	name, _, _ = strings.Cut(line[:at], "{")
	value, err := strconv.ParseFloat(line[at+1:], 64)
	return name, value, err == nil
}

// settle waits until no work is left, so that it does not slow down the next measurement. It returns the pending work of the
// first check.
func (s *stack) settle(ctx context.Context) (first map[string]float64, err error) {
	var left map[string]float64
	err = poll(ctx, settlePause, func() (bool, error) {
		var err error
		left, err = s.pending(ctx)
		if first == nil {
			first = left
		}
		return len(left) == 0, err
	})
	if err != nil {
		return first, fmt.Errorf("wait until the relay is at rest (%v left): %w", left, err)
	}
	return first, nil
}
