package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

var unstampedAge = regexp.MustCompile(`(?m)^naru_journal_unstamped_age_seconds\{[^}]*unit="intake"[^}]*\} (\S+)$`)

// unstamped is for how long intake's log has had no time stamp, by its metric.
func unstamped(t *testing.T) float64 {
	t.Helper()
	for _, part := range stack.Metrics(t) {
		if found := unstampedAge.FindSubmatch(part.Data); found != nil {
			age, err := strconv.ParseFloat(string(found[1]), 64)
			require.NoError(t, err)
			return age
		}
	}
	require.Fail(t, "intake shows no age of its time stamps")
	return 0
}

// While the time-stamping authority is away nothing of the relay stops and a metric tells it; once it is back, what came
// meanwhile is stamped. No other test runs at the same time.
func TestNothingStopsWithoutTimeStamps(t *testing.T) { //nolint:paralleltest // see above
	const away = "/sandbox/scenarios/away"
	authority := stack.Endpoints.Sandbox.TSA
	stack.Sandbox(t, authority, http.MethodPut, away, scenario.Scenario{Kind: scenario.Down, Match: scenario.Match{Path: "/tsp"}, Times: 500}, nil)
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	await.Require(t, harness.Patience, func() bool { return unstamped(t) > 0 })
	awaitLogged(t)
	size := stack.Count(t, `select max(size) from intake.log_checkpoint`)
	stamped := fmt.Sprintf(`select count(*) from intake.log_stamp where size >= %d`, size)
	require.Zero(t, stack.Count(t, stamped))

	stack.Sandbox(t, authority, http.MethodDelete, away, nil, nil)
	await.Require(t, harness.Patience, func() bool { return stack.Count(t, stamped) > 0 && unstamped(t) == 0 })
}
