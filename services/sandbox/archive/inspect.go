package archive

import (
	"net/http"
)

// inspected is a document as stored; scenarios do not change it.
type inspected struct {
	documentAnswer
	MemberID string `json:"memberId"`
}

// listDocuments lists up to 1,000 documents, newest first. The query parameters memberId and hash filter them.
func (s *System) listDocuments(_ http.ResponseWriter, r *http.Request) (any, error) {
	query := r.URL.Query()
	documents, err := findDocuments(r.Context(), s.DB, query.Get("memberId"), query.Get("hash"))
	if err != nil {
		return nil, err
	}
	answer := make([]inspected, 0, len(documents))
	for _, d := range documents {
		answer = append(answer, inspected{documentAnswer: answerOf(d, d.Certificate, false), MemberID: d.MemberID})
	}
	return map[string]any{"documents": answer}, nil
}
