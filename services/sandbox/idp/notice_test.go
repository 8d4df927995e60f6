package idp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// Notices that arrive at the same time are each answered once they are stored, and are stored once.
func TestPhoneKeepsNoticesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var together errgroup.Group
	statuses := make([]int, 60)
	for i := range statuses {
		together.Go(func() error {
			statuses[i], _ = b.post(http.MethodPost, "/notices", strconv.Itoa(i), http.Header{"Webhook-Id": {fmt.Sprintf("n%d", i/2)}})
			return nil
		})
	}
	require.NoError(t, together.Wait())
	require.Equal(t, slices.Repeat([]int{http.StatusNoContent}, len(statuses)), statuses)
	_, list := b.admin(http.MethodGet, "/sandbox/notices", "")
	require.Len(t, list["notices"], len(statuses)/2)
}

// A webhook id that cannot be stored is refused.
func TestPhoneRefusesAnIDThatIsNoText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, _ := b.post(http.MethodPost, "/notices", "{}", http.Header{"Webhook-Id": {"\xff"}})
	require.Equal(t, http.StatusBadRequest, status)
}
