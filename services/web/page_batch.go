package web

import (
	"net/http"
	"net/url"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// showBatch shows how far the documents of a batch are.
func (v *visit) showBatch() error {
	v.belongsTo("/sent", locale.SentTitle, ui.ScopeLook)
	batch := v.r.PathValue("batch")
	answer, err := v.relay.status.GetBatchProgress(v.as(), &statusv1.GetBatchProgressRequest{Batch: batch})
	if err != nil {
		return err
	}
	view := ui.BatchView{
		Batch: batch, Total: answer.GetTotal(), More: answer.GetMore(), First: timeOf(answer.GetFirstAcceptedAt()), Last: timeOf(answer.GetLastAcceptedAt()),
		All: "/sent?" + url.Values{"batch": {batch}}.Encode(),
	}
	for _, of := range answer.GetCounts() {
		state, _ := locale.SentState(of.GetState().String())
		view.States = append(view.States, ui.StateView{
			State: state, Documents: of.GetDocuments(), List: "/sent?" + url.Values{"batch": {batch}, "state": {of.GetState().String()}}.Encode(),
		})
		if !underWay(of.GetState()) {
			view.Ended += of.GetDocuments()
		}
	}
	return v.show(http.StatusOK, ui.Batch(v.frame(locale.BatchTitle), view))
}

// underWay are the states in which a document has neither arrived nor ended.
func underWay(state statusv1.DocumentState) bool {
	return cancellable(state) && state != statusv1.DocumentState_DOCUMENT_STATE_UNREACHABLE
}
