package hub

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
)

// replica is another process of the unit on the same schema, without its own task.
func replica(t testing.TB, b *unittest.Bench) *service {
	t.Helper()
	c, ok := b.Config.(*Config)
	require.True(t, ok)
	p, err := build(t.Context(), b.Env, c)
	require.NoError(t, err)
	t.Cleanup(p.server.client.Close)
	return p
}

func TestTokenIsIssuedAtTheStart(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	b := bench(t, f, nil)
	// The request is stored before it is sent, so this waits for the answer.
	await.Require(t, unittest.Patience, func() bool { return slices.Equal(storedOutcomes(t, b, "issue_token"), []string{"1 success"}) })
	tokens := f.calls("/auth/token")
	require.Len(t, tokens, 1)
	require.Equal(t, 0, tokens[0].grant)
}

func TestParallelTokenLossRenewsOnce(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	b := bench(t, f, func(c *Config) { c.Limits = LimitConfig{Concurrent: 12, ConcurrentBatches: 12} })
	c := as(t, b, "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	f.forget()
	const parallel = 12
	var group sync.WaitGroup
	errs := make([]error, parallel)
	for i := range parallel {
		group.Go(func() { _, errs[i] = c.RegisterCirculations(t.Context(), circulations(i+1)) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	tokens := f.calls("/auth/token")
	require.Len(t, tokens, 2)
	require.Equal(t, 1, tokens[1].grant)
	require.Contains(t, string(tokens[1].body), `"refreshToken":"REFRESH-1"`)

	// Every call that failed because of the lost token was repeated once, with the same bytes, the new token and a new request
	// id.
	lost, repeated := map[string]request{}, 0
	for _, call := range f.calls("/api/circulation")[1:] {
		if call.token == "ACCESS-1" {
			lost[string(call.body)] = call
			continue
		}
		require.Equal(t, "ACCESS-2", call.token)
		if first, ok := lost[string(call.body)]; ok {
			require.True(t, bytes.Equal(first.body, call.body))
			require.NotEqual(t, first.requestID, call.requestID)
			repeated++
		}
	}
	require.Positive(t, repeated)
	require.Len(t, lost, repeated)
}

func TestReplicasRenewOnce(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	b := bench(t, f, nil)
	_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	replicas := []*service{replica(t, b), replica(t, b), replica(t, b)}
	for _, r := range replicas {
		_, err := r.server.RegisterCirculations(t.Context(), circulations(1))
		require.NoError(t, err)
	}
	require.Len(t, f.calls("/auth/token"), 1, "a replica takes the token the first one stored")
	f.forget()
	var group sync.WaitGroup
	errs := make([]error, len(replicas))
	for i, r := range replicas {
		group.Go(func() { _, errs[i] = r.server.RegisterCirculations(t.Context(), circulations(2)) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, f.calls("/auth/token"), 2)
}

func TestARenewalAnotherReplicaDiedInIsTakenOver(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	b := bench(t, f, nil)
	c := as(t, b, "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	_, err = b.App.Exec(t.Context(), `
		update hub_token set lease_holder = gen_random_uuid(), lease_until = now() + interval '700 milliseconds'`)
	require.NoError(t, err)
	f.forget()
	_, err = c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	require.Len(t, f.calls("/auth/token"), 2)
}

func TestRefusedRefreshTokenFallsBackToTheSecret(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	f.onToken = func(w http.ResponseWriter, grant int) bool {
		if grant == 1 {
			writeJSON(w, `{"resultCode":0,"errCode":"ERR-01-102"}`)
		}
		return grant == 1
	}
	c := as(t, bench(t, f, nil), "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	f.forget()
	_, err = c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	var grants []int
	for _, call := range f.calls("/auth/token") {
		grants = append(grants, call.grant)
	}
	require.Equal(t, []int{0, 1, 0}, grants)
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	var mu sync.Mutex
	refuse := true
	f.onToken = func(w http.ResponseWriter, _ int) bool {
		mu.Lock()
		defer mu.Unlock()
		if refuse {
			writeJSON(w, `{"resultCode":0,"errCode":"ERR-01-101"}`)
		}
		return refuse
	}
	b := bench(t, f, nil)
	c := as(t, b, "circulation")
	for range 5 {
		_, err := c.RegisterCirculations(t.Context(), circulations(1))
		require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
	}
	require.Empty(t, f.calls("/api/circulation"))
	require.Len(t, f.calls("/auth/token"), 1, "a renewal that did not succeed is not repeated at once")
	mu.Lock()
	refuse = false
	mu.Unlock()
	b.Clock.Advance(time.Second)
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
}

func TestTokenIsRenewedBeforeItEndsAndCallsWaitMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer, f.minutes = echo(nil), 60
	release := make(chan struct{})
	f.onToken = func(_ http.ResponseWriter, grant int) bool {
		if grant == 1 {
			<-release
		}
		return false
	}
	b := bench(t, f, func(c *Config) { c.Token.CheckEvery = config.Duration(10 * time.Millisecond) })
	c := as(t, b, "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	b.Clock.Advance(46 * time.Minute) // 14 of 60 minutes are left, less than a quarter
	await.Require(t, unittest.Patience, func() bool { return len(f.calls("/auth/token")) == 2 })
	done := make(chan error, 1)
	go func() {
		_, err := c.RegisterCirculations(t.Context(), circulations(1))
		done <- err
	}()
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case err := <-done:
		require.Fail(t, "a call did not wait for the renewal under way", "its error: %v", err)
	case <-timer.C:
	}
	close(release)
	require.NoError(t, <-done)
	calls := f.calls("/api/circulation")
	require.Equal(t, "ACCESS-2", calls[len(calls)-1].token)
}

func TestAGoodTokenOutlivesAnEarlyRenewalThatDidNotSucceed(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer, f.minutes = echo(nil), 60
	f.onToken = func(w http.ResponseWriter, grant int) bool {
		if grant == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
		return grant == 1
	}
	b := bench(t, f, func(c *Config) { c.Token.CheckEvery = config.Duration(10 * time.Millisecond) })
	c := as(t, b, "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	b.Clock.Advance(50 * time.Minute)
	await.Require(t, unittest.Patience, func() bool { return len(f.calls("/auth/token")) >= 2 })
	_, err = c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	b.Clock.Advance(11 * time.Minute)
	_, err = c.RegisterCirculations(t.Context(), circulations(1))
	require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err), "an expired token is not used")
}
