package circulation

import (
	"context"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "delivered", From: "delivery", Handlers: []inbox.Handler{inbox.On(s.onDocumentReceived)}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{inbox.On(s.onDocumentRead)}},
	}
}

// onDocumentReceived makes records and makes their registrations due. A record of a document that was read before is completed.
func (s *service) onDocumentReceived(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.DocumentReceived]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	records := make([]record, 0, len(events))
	for i, e := range events {
		var r record
		if r, verdicts[i] = readFacts(e.Subject, e.Message.GetFacts()); verdicts[i] == inbox.Done {
			records = append(records, told(r, e.Lane, e.FrameID.String(), e.Traceparent))
		}
	}
	return verdicts, s.keep(ctx, tx, registration, records)
}

// onDocumentRead adds the read time. It is sent only after the record is complete and registered.
func (s *service) onDocumentRead(ctx context.Context, tx *journal.Tx, events []inbox.Event[*viewingv1.DocumentRead]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	records := make([]record, 0, len(events))
	for i, e := range events {
		if !e.Message.GetReadAt().IsValid() {
			verdicts[i] = inbox.Park("read_time_missing")
			continue
		}
		r := record{number: e.Subject, sender: e.Message.GetSender(), readAt: e.Message.GetReadAt().AsTime()}
		records = append(records, told(r, e.Lane, e.FrameID.String(), e.Traceparent))
	}
	return verdicts, s.keep(ctx, tx, readTime, records)
}

// readFacts checks the facts that a record needs.
func readFacts(number string, f *platformv1.DocumentFacts) (record, inbox.Verdict) {
	r := recordOf(number, f)
	switch {
	case f.GetCirculation() && f.GetRegistrar() == "", f.GetSender() == "" || f.GetDocumentHash().GetValue() == "":
		return record{}, inbox.Park("facts_incomplete")
	case r.sentAt.IsZero():
		return record{}, inbox.Park("sent_time_missing")
	case r.receivedAt.IsZero():
		return record{}, inbox.Park("received_time_missing")
	case r.receivedAt.Before(r.sentAt):
		return record{}, inbox.Park("times_out_of_order")
	case !knownType(f.GetDocumentType()):
		return record{}, inbox.Defer("document_type_unknown")
	default:
		return r, inbox.Done
	}
}

func told(r record, lane platformv1.Lane, cause, traceparent string) record {
	r.lane, r.cause, r.traceparent = lane, cause, traceparent
	return r
}

// keep merges the contents of events into records, and announces the calls that became due.
func (s *service) keep(ctx context.Context, tx *journal.Tx, kind callKind, records []record) (err error) {
	if len(records) == 0 {
		return nil
	}
	var ready int
	if kind == registration {
		ready, err = mergeReceived(ctx, tx, s.platform, merged(records))
	} else {
		ready, err = mergeRead(ctx, tx, merged(records))
	}
	if err == nil && ready > 0 {
		tx.OnCommit(s.bells[kind].Ring)
	}
	return err
}
