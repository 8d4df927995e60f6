package viewing

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

func (s *System) fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.KindOf(err) == fault.Internal {
		s.log.LogAttrs(r.Context(), slog.LevelError, "viewing system call did not succeed",
			slog.String("path", r.Pattern), slog.Any("error", err))
	}
	scenario.WriteError(w, err)
}

// listViews serves GET /sandbox/views: the whole log with the verdict over its
// chain, and the read reports by state.
func (s *System) listViews(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	entries := []viewingkit.Entry{}
	for e, err := range s.store.Entries(ctx, 0) {
		if err != nil {
			s.fail(w, r, err)
			return
		}
		entries = append(entries, e)
	}
	head, err := viewingkit.VerifyChain(s.store.Entries(ctx, 0))
	if err != nil && !errors.Is(err, viewingkit.ErrChainBroken) {
		s.fail(w, r, err)
		return
	}
	reports := map[viewingkit.ReportState][]viewingkit.PendingReport{}
	for _, state := range []viewingkit.ReportState{viewingkit.ReportPending, viewingkit.ReportDelivered, viewingkit.ReportRefused} {
		list, err := s.store.Reports(ctx, state)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		reports[state] = list
	}
	scenario.WriteJSON(w, http.StatusOK, map[string]any{
		"views": entries, "chainIntact": err == nil, "head": map[string]any{"seq": head.Seq, "digest": head.Digest}, "reports": reports,
	})
}
