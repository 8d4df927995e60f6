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

// An outcome is read as it was written, and no other word is.
func TestOutcomeWords(t *testing.T) {
	t.Parallel()
	for _, o := range []proof.Outcome{proof.NotPassed, proof.Passed, proof.NotCheckable} {
		word, err := o.MarshalText()
		require.NoError(t, err)
		got := proof.Passed
		require.NoError(t, got.UnmarshalText(word))
		require.Equal(t, o, got)
	}
	var o proof.Outcome
	require.Error(t, o.UnmarshalText([]byte("maybe")))
}
