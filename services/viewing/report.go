package viewing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// judged is a report with what it was held against.
type judged struct {
	report       report
	at           time.Time
	document     document
	verification verification
	// outcome before earlier reports are looked at: accepted or a refusal.
	outcome outcome
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
	j, err := s.hold(ctx, given, now)
	if err != nil {
		return nil, err
	}
	var became outcome
	var counts time.Time
	err = s.journal.Together(ctx, string(j.report.number), func(ctx context.Context, tx *journal.Tx) error {
		var err error
		became, counts, err = keepReport(ctx, tx, j)
		return err
	})
	if err != nil {
		return nil, err
	}
	count(ctx, s.metrics.reports, string(became))
	if refused := became.refusal(); refused != nil {
		return nil, refused
	}
	return &viewingv1.ReportReadResponse{ReadAt: timestamppb.New(counts), Duplicate: became != accepted}, nil
}

func reportOf(system string, r *viewingv1.ReportReadRequest) (report, error) {
	verificationID, err := uuid.Parse(r.GetVerificationId())
	if err != nil {
		return report{}, verificationUnknownFault()
	}
	if !r.GetReadAt().IsValid() {
		return report{}, fault.New(fault.Invalid, domain, viewingv1.Reason_REASON_INVALID_REQUEST, "the request breaks rules",
			fault.WithViolations(fault.Violation{Field: "readAt", Rule: "timestamp.valid", Message: "must be a time"}))
	}
	return report{
		number: id.EdocNumber(r.GetEdocNum()), verification: verificationID, system: system, readAt: clock.Canonical(r.GetReadAt().AsTime()),
		shown: r.GetShownHash(), logDigest: r.GetLogDigest(),
	}, nil
}

// hold finds what a report is about and judges it. Of a verification that is not the reporter's own, of another document, or of a
// sender it does not serve (any more), nothing more is told than that it is unknown.
func (s *checker) hold(ctx context.Context, r report, now time.Time) (judged, error) {
	unknown := judged{report: r, at: now, outcome: verificationUnknown}
	v, found, err := readVerification(ctx, s.db, r.number, r.verification, r.system)
	if err != nil || !found {
		return unknown, err
	}
	d, found, err := readDocument(ctx, s.db, r.number)
	if err != nil || !found {
		return unknown, err
	}
	may, _, err := serves(ctx, s.db, r.system, d.sender)
	if err != nil || !may {
		return unknown, err
	}
	return judged{report: r, at: now, document: d, verification: v, outcome: r.judge(d, v, now)}, nil
}

// keepReport records a report, sets the read time if it is the first good one, and tells the read time that counts.
func keepReport(ctx context.Context, tx *journal.Tx, j judged) (outcome, time.Time, error) {
	reportID := id.New()
	became, counts := j.outcome, j.report.readAt
	if became == accepted {
		first, err := insertReadTime(ctx, tx, j.report, j.verification, reportID, j.at)
		if err != nil {
			return "", time.Time{}, err
		}
		if !first {
			earlier, err := readReadTime(ctx, tx, j.report.number)
			if err != nil {
				return "", time.Time{}, err
			}
			became, counts = j.report.after(earlier), earlier.readAt
		}
	}
	if err := insertReport(ctx, tx, reportID, j.report, became, j.at); err != nil {
		return "", time.Time{}, err
	}
	if became != accepted {
		return became, counts, recordReport(ctx, tx, j, reportID.String(), became)
	}
	return became, counts, stateRead(ctx, tx, j, reportID.String())
}

// after tells what a good report is that comes after the one that counts.
func (r report) after(earlier readTime) outcome {
	if r.verification == earlier.verification && r.readAt.Equal(earlier.readAt) && r.logDigest == earlier.logDigest {
		return repeated
	}
	return differs
}
