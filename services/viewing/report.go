package viewing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// reporting is a report with what it is checked against. The document is set once the verification is known to be the reporter's
// own.
type reporting struct {
	report
	id          uuid.UUID
	at          time.Time
	traceparent string
	document    document
	verifiedAt  time.Time
	// actedBy is the person who acted for the organisation that is the recipient; empty otherwise.
	actedBy string
	// judged is its outcome before earlier reports are looked at: accepted or a refusal.
	judged outcome

	// became is the final outcome; the read time is the one that counts.
	became outcome
	counts time.Time
}

// ReportRead takes a read report. The first accepted one sets the read time.
func (s *checker) ReportRead(ctx context.Context, r *viewingv1.ReportReadRequest) (*viewingv1.ReportReadResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	given, err := reportOf(caller.ID, r)
	if err != nil {
		return nil, err
	}
	p := &reporting{report: given, id: id.New(), at: now, traceparent: journal.Traceparent(ctx)}
	if err := s.take(ctx, p); err != nil {
		return nil, err
	}
	return &viewingv1.ReportReadResponse{ReadAt: timestamppb.New(p.counts), Duplicate: p.became != accepted}, nil
}

// take judges and keeps a report; the error says why it is refused.
func (s *checker) take(ctx context.Context, p *reporting) error {
	if err := s.findVerification(ctx, p); err != nil {
		return err
	}
	if err := s.reports.Commit(ctx, p); err != nil {
		return err
	}
	count(ctx, s.metrics.reports, string(p.became))
	if refused := p.became.refusal(); refused != nil {
		return refused
	}
	return nil
}

func reportOf(system string, r *viewingv1.ReportReadRequest) (report, error) {
	verificationID, err := uuid.Parse(r.GetVerificationId())
	if err != nil {
		return report{}, verificationUnknownFault()
	}
	if !r.GetReadAt().IsValid() {
		return report{}, readAtInvalid()
	}
	var sentAt time.Time
	if r.GetReportedAt().IsValid() {
		sentAt = clock.Canonical(r.GetReportedAt().AsTime())
	}
	return report{
		number: id.EdocNumber(r.GetEdocNum()), verification: verificationID, system: system, readAt: clock.Canonical(r.GetReadAt().AsTime()),
		shown: r.GetShownHash(), logDigest: r.GetLogDigest(), sentAt: sentAt,
	}, nil
}

// findVerification finds what a report is about and judges it. If the verification is not the reporter's own, or is about another
// document or a sender that it does not serve (any more), the answer says only that it is unknown.
func (s *checker) findVerification(ctx context.Context, r *reporting) error {
	r.judged = verificationUnknown
	at, actedBy, found, err := readVerification(ctx, s.db, r.number, r.verification, r.system)
	if err != nil || !found {
		return err
	}
	d, system, found, err := readDocument(ctx, s.db, r.number, r.system)
	if err != nil || !found || !system.serves {
		return err
	}
	r.document, r.verifiedAt, r.actedBy, r.judged = d, at, actedBy, r.judge(d, at, r.at, s.ahead)
	return nil
}

// keepReports records and states reports. The first good report sets the read time. It puts the read time that counts into each
// report.
func keepReports(ctx context.Context, tx *journal.Tx, reports []*reporting) error {
	var good []*reporting
	for _, r := range reports {
		r.became, r.counts = r.judged, r.readAt
		if r.judged == accepted {
			good = append(good, r)
		}
	}
	first, err := insertReadTimes(ctx, tx, good)
	if err != nil {
		return err
	}
	for _, r := range good {
		if first[r.number.String()] {
			continue
		}
		earlier, err := readReadTime(ctx, tx, r.number)
		if err != nil {
			return err
		}
		r.became, r.counts = r.after(earlier), earlier.readAt
	}
	insertReports(tx, reports)
	for _, r := range reports {
		if r.became == accepted {
			err = r.stateRead(ctx, tx)
		} else {
			err = r.recordOther(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
