package address

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Only about a recipient who was found nowhere does the outcome tell how to invite it; what is kept of the document stays whole.
func TestOnlyWhoIsFoundNowhereCanBeInvited(t *testing.T) {
	t.Parallel()
	d := document{facts: &platformv1.DocumentFacts{SealedContact: []byte("sealed for delivery")}}
	for _, resolution := range []addressv1.Resolution{own, withoutConsent, refusedAll, peer, ambiguous, unknown, none} {
		d.latest = outcome{resolution: resolution}
		told := resolved(d, time.Unix(0, 0)).GetFacts().GetSealedContact()
		require.Equal(t, resolution == none, len(told) > 0, resolution)
	}
	require.NotEmpty(t, d.facts.GetSealedContact())
}
