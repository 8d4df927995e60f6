package archive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	// depositLease is how long a claim stands that nobody renews: an upload may take long, but the deposits of a replica that has
	// ended are soon taken over.
	depositLease   = 45 * time.Second
	depositRenewal = 10 * time.Second
	// wokenAtOnce bounds how many deposits one statement makes due.
	wokenAtOnce = 5000
)

// depositTask claims and makes deposits.
func (s *service) depositTask() (lifecycle.Task, error) {
	c := s.config.Deposits
	return work.Loop[job]{
		Name: "deposits", Workers: c.Workers, Interval: c.Interval.Std(), Wake: s.bell, Timeout: c.Timeout.Std() + work.SettleTimeout, Log: s.log,
		Claim: func(ctx context.Context, limit int) ([]job, error) {
			if len(s.archives.Blocked()) > 0 {
				return nil, nil
			}
			return claim(ctx, s.db, work.Lease{Owner: s.replica, For: depositLease, Limit: limit})
		},
		Do: s.do,
	}.Task()
}

// do makes one attempt and writes down what came of it.
func (s *service) do(ctx context.Context, j job) {
	held, release := s.hold(ctx, j)
	defer release()
	parent, _ := telemetry.Remote(held, j.traceparent)
	traced, span := s.tracer.Start(parent, "deposit", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	limited, cancel := context.WithTimeout(traced, s.config.Deposits.Timeout.Std())
	defer cancel()
	o, err := s.try(limited, j)
	o.at = s.clock.Now()
	settling, end := work.Settling(ctx)
	defer end()
	switch {
	case errors.Is(err, work.ErrBlocked):
		err = putBack(settling, s.db, j)
	case err == nil:
		if err = s.settle(settling, j, o); err == nil {
			s.metrics.attempted(ctx, o.kind)
		}
	}
	if err != nil && !errors.Is(err, work.ErrLost) {
		// The deposit is due again when the lease ends. What was begun at the archive is looked up then.
		s.log.LogAttrs(ctx, slog.LevelError, "what came of a deposit was not written down", slog.String("edoc_num", j.number), slog.Int("attempt", j.attempt),
			slog.Any("error", err))
	}
}

// hold renews the claim until it is released. One that is lost ends the attempt: somebody else makes it.
func (s *service) hold(ctx context.Context, j job) (held context.Context, release func()) {
	return work.Keep(ctx, depositRenewal, func(ctx context.Context) error { return renew(ctx, s.db, j, depositLease) }, func(ctx context.Context, err error) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the claim of a deposit was not renewed", slog.String("edoc_num", j.number), slog.Any("error", err))
	})
}

// try makes one attempt. An error says that nothing was tried: the archive is blocked, or the claim is lost.
func (s *service) try(ctx context.Context, j job) (o outcome, err error) {
	mediaType, err := s.contents(ctx, j.facts)
	if err == nil {
		to := submission{
			number: j.number, hash: j.facts.GetDocumentHash().GetValue(), attachments: j.attachments(), mediaType: mediaType, sender: s.senderOf(j),
			open: func() (io.ReadCloser, error) {
				return s.open(ctx, j.facts.GetDocumentContent(), j.facts.GetDocumentHash().GetValue())
			},
		}
		err = s.archives.Call(ctx, s.config.Archive.Name, func(ctx context.Context) (failure error) {
			o, failure = s.deposit(ctx, j, to)
			return failure
		})
	}
	switch {
	case errors.Is(err, work.ErrBlocked) || errors.Is(err, work.ErrLost):
		return outcome{}, err
	case err != nil:
		o = s.failed(ctx, j, err)
	}
	if s.outage.Saw(!o.passing()) {
		s.wake(ctx)
	}
	return o, nil
}

// senderOf is for whom the document is deposited, as the archive is told; empty if it is not told.
func (s *service) senderOf(j job) string {
	if !s.config.Archive.NameSender {
		return ""
	}
	return j.facts.GetFrom().GetAddress()
}

// deposit looks an uncertain document up, and registers one that is not found. An error is what the archive, or the content,
// failed with.
func (s *service) deposit(ctx context.Context, j job, to submission) (outcome, error) {
	if by := s.config.Archive.LookUp; j.uncertain && by != NoLookUp {
		found, err := s.centre.find(ctx, to, by)
		if err != nil {
			return outcome{}, err
		}
		o, known, err := s.choose(ctx, j, found, by)
		if err != nil || known {
			return o, err
		}
	}
	// From here on nobody may deposit it anew without looking, whatever becomes of this process.
	if err := begin(ctx, s.db, j); err != nil {
		return outcome{}, err
	}
	r, err := s.centre.deposit(ctx, to)
	if err != nil {
		return outcome{}, err
	}
	return s.outcomeOf(r, j), nil
}

// choose finds the registration that is the document's among those that the archive knows. What it finds by a hash may be another
// document's with the same bytes: it counts only if it is good and no other deposit here has it.
func (s *service) choose(ctx context.Context, j job, found []receipt, by LookUp) (o outcome, known bool, err error) {
	for i, r := range found {
		o = s.outcomeOf(r, j)
		taken := false
		if by == ByHash {
			if taken, err = isTaken(ctx, s.db, j.number, r.document); err != nil {
				return outcome{}, false, err
			}
		}
		if o.kind != deposited || taken {
			continue
		}
		if by == ByReference && len(found) > 1 {
			o.other = &found[(i+1)%len(found)]
		}
		return o, true, nil
	}
	return o, by == ByReference && len(found) > 0, nil
}

func (s *service) outcomeOf(r receipt, j job) outcome {
	registration, finding := s.judge(r, j)
	if finding != "" {
		// The archive holds a registration; the next attempt asks for its certificate.
		return outcome{kind: wrong, detail: finding, receipt: r, uncertain: true}
	}
	return outcome{kind: deposited, receipt: r, registration: registration}
}

// failed is the outcome of an attempt that ended with an error.
func (s *service) failed(ctx context.Context, j job, err error) outcome {
	var content *contentError
	var centre *centreError
	switch {
	case errors.As(err, &content) && content.lost:
		s.log.LogAttrs(ctx, slog.LevelError, "a document cannot be deposited: its content is lost", slog.String("edoc_num", j.number), slog.Any("error", err))
		return outcome{kind: lost, detail: "the content is lost", uncertain: j.uncertain}
	case errors.As(err, &content):
		// The archive got no whole document, so it has registered nothing.
		return outcome{kind: unread, detail: "the content cannot be read now", uncertain: j.uncertain}
	case !errors.As(err, &centre):
		return outcome{kind: away, detail: "not called", uncertain: j.uncertain}
	}
	o := outcome{kind: away, detail: centre.Error(), uncertain: j.uncertain || centre.failure == archiveclient.Unknown}
	if centre.failure == archiveclient.Refused {
		o.kind = refused
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "the archive did not register a document", slog.String("edoc_num", j.number), slog.Int("attempt", j.attempt),
		slog.String("outcome", o.detail))
	return o
}

// counts reports whether an error is the archive's failure, after some of which it is left alone.
func counts(err error) bool {
	var centre *centreError
	return errors.As(err, &centre) && centre.failure != archiveclient.Refused && !errors.Is(err, context.Canceled)
}

// wake makes due what waits because the archive, or the content unit, was away.
func (s *service) wake(ctx context.Context) {
	for {
		woken, err := wakeWaiting(ctx, s.db, wokenAtOnce)
		if err != nil {
			s.outage.Missed()
			s.log.LogAttrs(ctx, slog.LevelWarn, "what waits for the archive was not woken", slog.Any("error", err))
			return
		}
		if woken > 0 {
			s.log.LogAttrs(ctx, slog.LevelInfo, "the archive takes deposits again", slog.Int64("woken", woken))
			s.bell.Ring()
		}
		if woken < wokenAtOnce {
			return
		}
	}
}
