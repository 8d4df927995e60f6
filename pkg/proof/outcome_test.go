package proof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/proof"
)

// What is not checkable passes only where the policy names the check, and what did not pass never does.
func TestPolicy(t *testing.T) {
	t.Parallel()
	var strict proof.Policy
	lenient := proof.Policy{"owner"}
	for _, tc := range []struct {
		outcome         proof.Outcome
		strict, lenient bool
	}{{proof.Passed, true, true}, {proof.NotCheckable, false, true}, {proof.NotPassed, false, false}} {
		require.Equal(t, tc.strict, strict.Accepts("owner", tc.outcome))
		require.Equal(t, tc.lenient, lenient.Accepts("owner", tc.outcome))
		require.Equal(t, tc.outcome == proof.Passed, lenient.Accepts("validity", tc.outcome))
	}
}
