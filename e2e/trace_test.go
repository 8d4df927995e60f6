package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// newTrace makes the caller's further calls part of a new sampled trace, and returns the trace's id.
func newTrace(c *harness.Caller) string {
	traceID := hex.EncodeToString(random(16))
	c.Traceparent = "00-" + traceID + "-" + hex.EncodeToString(random(8)) + "-01"
	return traceID
}

// consumer handles an event on a document's way.
type consumer struct{ unit, purpose, event string }

// onTheWay returns all consumers of the facts that follow from one send request.
func onTheWay() []consumer {
	const received, registered = "naru.delivery.v1.DocumentReceived", "naru.circulation.v1.CirculationRegistered"
	return []consumer{
		{"address", "documents", "naru.intake.v1.DocumentAccepted"},
		{"delivery", "resolved", "naru.address.v1.RecipientResolved"},
		{"circulation", "delivered", received},
		{"status", "", "naru.intake.v1.DocumentAccepted"},
		{"status", "", "naru.address.v1.RecipientResolved"},
		{"status", "", received},
		{"status", "", registered},
	}
}

// One trace id connects the REST request with the last consumer, and from each consumer's span the parents lead back to the
// request.
func TestOneTraceFromRESTToTheLastConsumer(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	unsampled, quiet := institution.NewDocument(t, recipient.ByCI()), newTrace(institution.Caller)
	institution.Traceparent = strings.TrimSuffix(institution.Traceparent, "-01") + "-00"
	institution.Send(t, unsampled)

	document, traceID := institution.NewDocument(t, recipient.ByCI()), newTrace(institution.Caller)
	root := strings.Split(institution.Traceparent, "-")[2]
	answer := institution.Do(t, http.MethodPost, "/v1/documents", document.Item)
	require.Contains(t, answer.Header.Get("Traceparent"), traceID, "the answer tells its trace")
	var accepted struct{ EdocNum string }
	answer.Into(t, &accepted)
	institution.Traceparent = ""
	institution.AwaitStatus(t, unsampled.EdocNum, func(s harness.Status) bool { return s.Registered() })
	institution.AwaitStatus(t, accepted.EdocNum, func(s harness.Status) bool { return s.Registered() })

	var spans []harness.Span
	// Spans are written in groups, so a parent may be written after its children.
	await.Require(t, harness.Patience, func(context.Context) error {
		spans = stack.Spans(t, traceID)
		if none := missing(spans, accepted.EdocNum); len(none) > 0 {
			return fmt.Errorf("no spans of %v in%s", none, outline(spans))
		}
		for _, span := range spans {
			if !harness.Reaches(spans, span, root) {
				return fmt.Errorf("the parents of %s's %s do not lead to the request %s:%s", span.Unit, span.Name, root, outline(spans))
			}
		}
		return nil
	})
	units := map[string]bool{}
	for _, span := range spans {
		units[span.Unit] = true
		if span.Consumer != "" {
			require.Equal(t, accepted.EdocNum, span.Subject, "nothing of another document is in this trace")
		}
	}
	for _, unit := range []string{"gateway", "intake", "address", "delivery", "circulation", "status"} {
		require.True(t, units[unit], "%s has spans in the trace", unit)
	}
	require.Empty(t, stack.Spans(t, quiet), "a request whose caller does not sample leaves no spans")
}

// missing returns the consumers that have no span in the trace yet.
func missing(spans []harness.Span, subject string) []consumer {
	var none []consumer
	for _, c := range onTheWay() {
		found := false
		for _, span := range spans {
			found = found || (span.Unit == c.unit && span.Name == "consume "+c.event && span.Subject == subject && (c.purpose == "" || span.Consumer == c.purpose))
		}
		if !found {
			none = append(none, c)
		}
	}
	return none
}

// outline lists spans for a failure message.
func outline(spans []harness.Span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "\n%s < %s %s: %s", s.SpanID, s.ParentID, s.Unit, s.Name)
	}
	return b.String()
}
