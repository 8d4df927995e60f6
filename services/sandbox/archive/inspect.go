package archive

import (
	"net/http"

	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// inspected is a document as it is really stored, untouched by scenarios.
type inspected struct {
	documentAnswer
	MemberID string `json:"memberId"`
}

// listDocuments shows up to 1,000 documents, newest first; query parameters memberId and hash narrow them down.
func (s *System) listDocuments(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	documents, err := findDocuments(r.Context(), s.db, query.Get("memberId"), query.Get("hash"))
	if err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	answer := make([]inspected, 0, len(documents))
	for _, d := range documents {
		answer = append(answer, inspected{documentAnswer: answerOf(d, d.Certificate, false), MemberID: d.MemberID})
	}
	scenario.WriteJSON(w, http.StatusOK, map[string]any{"documents": answer})
}
