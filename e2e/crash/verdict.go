package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/services/cli"
)

// verdict is what was found in the end, a line for each finding.
type verdict struct {
	lost, doubled, disordered []string
}

func (v *verdict) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d out of order", len(v.lost), len(v.doubled), len(v.disordered))
}

func (v *verdict) clean() bool { return len(v.lost)+len(v.doubled)+len(v.disordered) == 0 }

// judge holds what the sender was told against the status, the inboxes, the hub, the certificates and bundles, and everything
// that the units keep.
func (v *verdict) judge(ctx context.Context, l *load, s *servers) error {
	promises := l.accepted()
	v.numbers(promises)
	found, err := l.statuses(ctx, promises)
	if err != nil {
		return err
	}
	for _, p := range promises {
		status, known := found[p.number]
		if !known || !p.complete(status) {
			v.lose("%s: %+v", p.number, status)
			continue
		}
		v.order(p.number, "accepted, sent, received, verified, read", time.RFC3339Nano, status.AcceptedAt, status.SentAt, status.ReceivedAt, status.TokenVerifiedAt, status.ReadAt)
		v.order(p.number, "calls of the hub", time.RFC3339Nano, status.Hub.RegisteredAt, status.Hub.ReadTimeRegisteredAt)
		if err := errors.Join(v.atHub(ctx, l, status), v.timeline(ctx, l, p.number)); err != nil {
			return err
		}
	}
	return errors.Join(v.keys(ctx, l, promises), v.inboxes(ctx, l, promises), v.proofs(ctx, l, s), v.audit(ctx, l.stack, s))
}

func (v *verdict) lose(format string, about ...any) {
	v.lost = append(v.lost, fmt.Sprintf(format, about...))
}

func (v *verdict) double(format string, about ...any) {
	v.doubled = append(v.doubled, fmt.Sprintf(format, about...))
}

// numbers: no number was given twice.
func (v *verdict) numbers(promises []*promise) {
	keys := map[string]string{}
	for _, p := range promises {
		if other, given := keys[p.number]; given {
			v.double("number %s was given to %s and %s", p.number, other, p.key)
		}
		keys[p.number] = p.key
	}
}

// order: the times that are there follow each other.
func (v *verdict) order(number, what, layout string, times ...string) {
	var last time.Time
	for _, text := range times {
		if text == "" {
			continue
		}
		at, err := time.Parse(layout, text)
		if err != nil || at.Before(last) {
			v.disordered = append(v.disordered, fmt.Sprintf("%s: %s: %v", number, what, times))
			return
		}
		last = at
	}
}

// atHub: the hub holds what the status tells.
func (v *verdict) atHub(ctx context.Context, l *load, status harness.Status) error {
	var record harness.HubRecord
	var held bool
	if err := persist(ctx, func(ctx context.Context) error {
		return try(ctx, func(t testing.TB) { record, held = l.stack.AtHub(t, status.EdocNum) })
	}); err != nil {
		return err
	}
	if !held || status.ReadAt != "" && record.ReadDate == "" {
		v.lose("%s at the hub: %+v", status.EdocNum, record)
		return nil
	}
	v.order(status.EdocNum, "times at the hub", time.DateTime, record.SendDate, record.RecvDate, record.ReadDate)
	return nil
}

// once are the facts that a document has once. Tokens and notices may come again.
var once = []string{
	"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.delivery.v1.DocumentReceived",
	"naru.circulation.v1.CirculationRegistered", "naru.viewing.v1.DocumentRead", "naru.circulation.v1.ReadTimeRegistered",
}

// timeline: no fact of these is stated twice.
func (v *verdict) timeline(ctx context.Context, l *load, number string) error {
	var timeline struct{ Entries []struct{ Kind string } }
	if err := persist(ctx, func(ctx context.Context) error {
		return call(ctx, l.institution.Caller, http.MethodGet, "/v1/documents/"+number+"/timeline", nil, &timeline)
	}); err != nil {
		return err
	}
	counts := map[string]int{}
	for _, entry := range timeline.Entries {
		if counts[entry.Kind]++; counts[entry.Kind] == 2 && slices.Contains(once, entry.Kind) {
			v.double("%s: %s", number, entry.Kind)
		}
	}
	return nil
}

// keys: whoever sends again gets the number it was given.
func (v *verdict) keys(ctx context.Context, l *load, promises []*promise) error {
	for some := range slices.Chunk(promises, askAtOnce) {
		err := persist(ctx, func(ctx context.Context) error { return l.post(ctx, some) })
		var final finalError
		if errors.As(err, &final) {
			v.double("%v", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inboxes: each recipient has what was sent to it, once.
func (v *verdict) inboxes(ctx context.Context, l *load, promises []*promise) error {
	for n, member := range l.members {
		missing := map[string]bool{}
		for _, p := range promises {
			if p.recipient == n {
				missing[p.number] = true
			}
		}
		seen := map[string]bool{}
		for page, more := "", true; more; more = page != "" {
			var inbox struct {
				Items         []struct{ EdocNum string }
				NextPageToken string
			}
			if err := persist(ctx, func(ctx context.Context) error {
				return call(ctx, member.Caller, http.MethodGet, "/v1/inbox?pageSize=100&pageToken="+page, nil, &inbox)
			}); err != nil {
				return err
			}
			for _, item := range inbox.Items {
				if seen[item.EdocNum] || !missing[item.EdocNum] {
					v.double("%s stands twice in an inbox, or nobody was told of it", item.EdocNum)
				}
				seen[item.EdocNum] = true
				delete(missing, item.EdocNum)
			}
			page = inbox.NextPageToken
		}
		for number := range missing {
			v.lose("%s is not in the inbox", number)
		}
	}
	return nil
}

// auditTime is how long units may take to log and cosign the last of what happened.
const auditTime = time.Minute

// audit runs naru audit until nothing differs, or for its time.
func (v *verdict) audit(ctx context.Context, stack *harness.Stack, s *servers) error {
	files := map[string]string{"--database": s.storage.current().server.SuperURL("naru"), "--sandbox": s.outside.SuperURL("naru_sandbox")}
	args := []string{"audit", "--json", "--keys", filepath.Join(stack.Dir, "keys")}
	for flag, content := range files {
		file := filepath.Join(stack.Dir, "secrets", "crash"+flag)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		args = append(args, flag, file)
	}
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	var result struct{ Violations []audit.Violation }
	if err := persist(ctx, func(context.Context) error {
		var out, errs bytes.Buffer
		code := cli.Main(ctx, args, &out, &errs)
		if code == cli.ExitOK {
			result.Violations = nil
			return nil
		}
		result.Violations = nil
		if err := json.Unmarshal(out.Bytes(), &result); err != nil {
			return fmt.Errorf("naru audit gave %d: %s", code, errs.String())
		}
		return fmt.Errorf("%d differences", len(result.Violations))
	}); err != nil && len(result.Violations) == 0 {
		return err
	}
	v.add(result.Violations)
	return nil
}

// add sorts what naru audit found under what the verdict counts. What fits nowhere else is something lost: a row or a frame does
// not say what it should.
func (v *verdict) add(found []audit.Violation) {
	for _, violation := range found {
		line := fmt.Sprintf("naru audit: %+v", violation)
		switch violation.Code {
		case audit.DocumentTwice, audit.FactTwice, audit.RowUnfounded, audit.ConsumedUnknown:
			v.doubled = append(v.doubled, line)
		case audit.TimesDisordered, audit.FactUnfounded:
			v.disordered = append(v.disordered, line)
		default:
			v.lost = append(v.lost, line)
		}
	}
}

// kindsOf counts what was hit, for a person to read.
func kindsOf(hits map[string]int) string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(hits)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, hits[what]))
	}
	return strings.Join(parts, ", ")
}
