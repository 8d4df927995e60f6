package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/registry"
)

// Every unit of the registry runs and is reachable through the doors: the keys of its log and the log itself are published there.
func TestEveryUnitIsThere(t *testing.T) {
	t.Parallel()
	for _, u := range registry.Units() {
		t.Run(u.Name, func(t *testing.T) {
			t.Parallel()
			answer := stack.Anonymous().Do(t, http.MethodGet, "/.well-known/naru/"+u.Name+"/log.vkey", nil)
			require.Equal(t, http.StatusOK, answer.Status)
			require.Contains(t, string(answer.Body), u.Name)
			for _, path := range []string{"checkpoint", "tile/0/000.p/1", "stamped-checkpoint", "stamped-checkpoint.tst"} {
				await.Require(t, harness.Patience, func() bool {
					return stack.Anonymous().Do(t, http.MethodGet, "/.well-known/naru/"+u.Name+"/log/"+path, nil).Status == http.StatusOK
				})
			}
		})
	}
}
