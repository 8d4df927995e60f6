package circulation

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// onDocumentReceived completes records; it alone suffices.
func (s *service) onDocumentReceived(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.DocumentReceived]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	records := make([]record, 0, len(events))
	for i, e := range events {
		r, verdict := readFacts(e.Subject, e.Message.GetFacts())
		if verdict == inbox.Done && r.receivedAt.IsZero() {
			verdict = inbox.Park("received_time_missing")
		}
		if verdict == inbox.Done && r.receivedAt.Before(r.sentAt) {
			verdict = inbox.Park("times_out_of_order")
		}
		if verdicts[i] = verdict; verdict == inbox.Done {
			records = append(records, told(r, e.Lane, e.FrameID.String(), e.Traceparent))
		}
	}
	return verdicts, s.keep(ctx, tx, records)
}

// onDocumentSent makes the record of a document that is on its way.
func (s *service) onDocumentSent(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.DocumentSent]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	records := make([]record, 0, len(events))
	for i, e := range events {
		r, verdict := readFacts(e.Subject, e.Message.GetFacts())
		r.receivedAt = time.Time{} // whether it was received is not this event's to say
		if verdicts[i] = verdict; verdict == inbox.Done {
			records = append(records, told(r, e.Lane, e.FrameID.String(), e.Traceparent))
		}
	}
	return verdicts, s.keep(ctx, tx, records)
}

// onDocumentRead adds the read time, which is held until the record is complete and registered.
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
	return verdicts, s.keep(ctx, tx, records)
}

// readFacts checks what a record cannot be made without.
func readFacts(number string, f *platformv1.DocumentFacts) (record, inbox.Verdict) {
	r := recordOf(number, f)
	switch {
	case f.GetCirculation() && f.GetRegistrar() == "", f.GetSender() == "" || f.GetDocumentHash().GetValue() == "":
		return record{}, inbox.Park("facts_incomplete")
	case r.sentAt.IsZero():
		return record{}, inbox.Park("sent_time_missing")
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

// keep merges records, makes the calls they have become ready for, and announces them.
func (s *service) keep(ctx context.Context, tx *journal.Tx, records []record) error {
	if len(records) == 0 {
		return nil
	}
	ready, err := mergeRecords(ctx, tx, s.platform, merged(records))
	if err != nil {
		return err
	}
	readReady, err := insertReadCalls(ctx, tx, ready.read)
	if err != nil {
		return err
	}
	if ready.registrations > 0 {
		tx.OnCommit(s.bells[registration].ring)
	}
	if readReady > 0 {
		tx.OnCommit(s.bells[readTime].ring)
	}
	return nil
}
