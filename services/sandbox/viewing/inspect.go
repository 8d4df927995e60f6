package viewing

import (
	"errors"
	"net/http"

	"github.com/naru-relay/naru/pkg/viewingkit"
)

// listViews serves GET /sandbox/views: the whole log, whether its chain is intact, and the read reports by state.
func (s *System) listViews(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx := r.Context()
	entries := []viewingkit.Entry{}
	for e, err := range s.store.Entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	head, err := viewingkit.VerifyChain(s.store.Entries(ctx, 0))
	if err != nil && !errors.Is(err, viewingkit.ErrChainBroken) {
		return nil, err
	}
	reports := map[viewingkit.ReportState][]viewingkit.PendingReport{}
	for _, state := range []viewingkit.ReportState{viewingkit.ReportPending, viewingkit.ReportDelivered, viewingkit.ReportRefused} {
		list, err := s.store.Reports(ctx, state)
		if err != nil {
			return nil, err
		}
		reports[state] = list
	}
	return map[string]any{
		"views": entries, "chainIntact": err == nil, "head": map[string]any{"seq": head.Seq, "digest": head.Digest}, "reports": reports,
	}, nil
}
