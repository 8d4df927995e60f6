package archive

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// The rows follow from the facts, also after a second resolution; one that was changed by hand does not.
func TestRowsFollowFromFacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.document(t, "감사")
	b.resolve(t, facts, 1)
	b.awaitDeposited(t, 1)
	b.resolve(t, facts, 2)
	b.awaitDeposited(t, 2)
	b.misbehave(t, scenario.Scenario{Kind: scenario.DepositRefused})
	b.resolve(t, b.document(t, "감사, 거절"), 1)
	unittest.AwaitFacts[*archivev1.DepositFailed](t, b.Bench, 1)
	violations := func() []audit.Violation {
		report, err := audit.Run(t.Context(), b.Owner, []audit.Unit{{Name: domain, Tables: follows()}}, b.Clock.Now())
		require.NoError(t, err)
		require.EqualValues(t, 2, report.Rows)
		// The producers' journals are not here.
		return slices.DeleteFunc(report.Violations, func(v audit.Violation) bool {
			return v.Code == audit.ConsumedUnknown || v.Unit == "all" && v.Code == audit.FactUnfounded
		})
	}
	require.Empty(t, violations())
	_, err := b.Owner.Exec(t.Context(), `update deposit set archive_document = 'another' where edoc_num = $1`, facts.GetEdocNum())
	require.NoError(t, err)
	found := violations()
	require.Len(t, found, 1)
	require.Equal(t, audit.RowDiffers, found[0].Code)
}
