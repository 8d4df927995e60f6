package harness

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Span is a finished span of a unit.
type Span struct {
	Unit, Name                string
	TraceID, SpanID, ParentID string
	// Consumer is the purpose of the consumer that handled an event, empty for other spans. Subject is what the event was about.
	Consumer, Subject string
}

// Spans returns the finished spans of a trace that have been written so far.
func (s *Stack) Spans(t testing.TB, traceID string) []Span {
	t.Helper()
	var spans []Span
	for _, file := range s.TraceFiles(t) {
		for line := range bytes.Lines(file.Data) {
			// The last line may be incomplete; the exporter writes whole lines otherwise.
			if span, ok := parseSpan(line); ok && span.TraceID == traceID {
				spans = append(spans, span)
			}
		}
	}
	return spans
}

type attribute struct {
	Key   string
	Value struct{ Value any }
}

func parseSpan(line []byte) (Span, bool) {
	var written struct {
		Name                 string
		SpanContext, Parent  struct{ TraceID, SpanID string }
		Attributes, Resource []attribute
	}
	if json.Unmarshal(line, &written) != nil {
		return Span{}, false
	}
	span := Span{Name: written.Name, TraceID: written.SpanContext.TraceID, SpanID: written.SpanContext.SpanID, ParentID: written.Parent.SpanID}
	for _, a := range append(written.Attributes, written.Resource...) {
		text, _ := a.Value.Value.(string)
		switch a.Key {
		case "service.name":
			span.Unit = text
		case "naru.consumer":
			span.Consumer = text
		case "naru.subject":
			span.Subject = text
		}
	}
	return span, true
}

// Reaches reports whether the parents of a span lead to the root, which is itself not among the spans.
func Reaches(spans []Span, from Span, root string) bool {
	byID := map[string]Span{}
	for _, span := range spans {
		byID[span.SpanID] = span
	}
	for range spans {
		if strings.EqualFold(from.ParentID, root) {
			return true
		}
		parent, ok := byID[from.ParentID]
		if !ok {
			return false
		}
		from = parent
	}
	return false
}
