package certificate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// The claim of a bundle lasts no longer than that of a call, and is renewed while the bundle is assembled. Once somebody else has
// it, the attempt ends; what it made is not issued a second time.
func TestClaimOfABundleIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, func(c *Config) {
		c.Worker.Timeout, c.Worker.Lease = config.Duration(time.Second), config.Duration(16*time.Second)
	})
	slow := make(chan struct{})
	w.archive.set(func(f *fakeArchive) {
		f.original = func() []byte { <-slow; return w.genuineOriginal() }
	})
	id := w.request(t, w.deposited(t, 1), "r-1").GetId()
	left := func() float64 {
		var seconds float64
		require.NoError(t, w.App.QueryRow(t.Context(),
			`select coalesce(extract(epoch from lease_until - now()), 0)::double precision from bundle where id = $1`, id).Scan(&seconds))
		return seconds
	}
	await.Require(t, unittest.Patience, func() bool { return left() > 0 })
	require.LessOrEqual(t, left(), 16.0)
	var claimed time.Time
	require.NoError(t, w.App.QueryRow(t.Context(), `select lease_until from bundle where id = $1`, id).Scan(&claimed))
	await.Require(t, unittest.Patience, func() bool {
		return w.count(t, `select count(*) from bundle where lease_until > '`+claimed.Add(time.Second).UTC().Format(time.RFC3339Nano)+`'`) == 1
	})
	require.Equal(t, 1, w.count(t, `select attempt from bundle`))

	_, err := w.Owner.Exec(t.Context(), `update bundle set owner = 'somebody else', attempt = 2, lease_until = now() + interval '1 minute' where id = $1`, id)
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return strings.Contains(w.Logs.String(), "a bundle was not assembled") })
	close(slow)
	_, err = w.Owner.Exec(t.Context(), `update bundle set lease_until = now() where id = $1`, id)
	require.NoError(t, err)
	got := w.await(t, id, hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState())
	require.Len(t, unittest.Facts[*certificatev1.BundleIssued](t, w.Bench), 1)
	require.Equal(t, 3, w.count(t, `select attempt from bundle`))
}
