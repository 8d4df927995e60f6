package status

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// documents is the part of the intake unit this unit asks.
type documents interface {
	GetDocument(ctx context.Context, in *intakev1.GetDocumentRequest, opts ...grpc.CallOption) (*intakev1.GetDocumentResponse, error)
}

// lookup asks intake about documents whose acceptance has not arrived here yet.
type lookup struct {
	intake      documents
	timeout     time.Duration
	concurrency int
}

// find returns the facts of those numbers that are the viewer's, and asks for each once. If intake cannot be asked, that is
// an error: it must not look like a document that does not exist.
func (l lookup) find(ctx context.Context, v viewer, numbers []string) (map[string]*platformv1.DocumentFacts, error) {
	found := map[string]*platformv1.DocumentFacts{}
	if len(numbers) == 0 {
		return found, nil
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(l.concurrency)
	for _, number := range numbers {
		group.Go(func() error {
			askCtx, cancel := context.WithTimeout(ctx, l.timeout)
			defer cancel()
			resp, err := l.intake.GetDocument(askCtx, &intakev1.GetDocumentRequest{EdocNum: number})
			switch {
			case fault.KindOf(err) == fault.NotFound:
				return nil
			case err != nil:
				return fmt.Errorf("ask intake about %s: %w", number, err)
			}
			if f := resp.GetFacts(); v.sees(f.GetSender(), f.GetActor()) && f.GetEdocNum() == number {
				mu.Lock()
				defer mu.Unlock()
				found[number] = f
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, intakeUnavailable(err)
	}
	return found, nil
}

// fill adds what intake knows about a document's acceptance to a summary that does not have it yet.
func (s *summary) fill(f *platformv1.DocumentFacts) {
	s.number, s.actor, s.ownKey, s.repeats = f.GetEdocNum(), f.GetActor(), f.GetOwnKey(), f.GetRepeats()
	s.batch, s.acceptedAt = f.GetBatch(), timeOf(f.GetAcceptedAt())
	s.sendDeadline, s.viewingDeadline = timeOf(f.GetSendDeadline()), timeOf(f.GetViewingDeadline())
	s.state = max(s.state, int16(statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED))
	s.version++ // as the fact of acceptance will count
}
