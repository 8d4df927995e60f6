package authn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
)

// Callers that come during the first fetch wait for it; none gets the error that keys are not available.
func TestParallelFirstCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := KeySet(PublicKey{ID: "k", Purpose: keys.AccessToken, Key: &private.PublicKey})
	require.NoError(t, err)
	var fetches atomic.Int32
	release, entered := make(chan struct{}), make(chan struct{})
	set := &keySet{clock: clock.NewFake(time.Unix(1_790_000_000, 0)), source: func(context.Context) ([]byte, error) {
		fetches.Add(1)
		close(entered)
		<-release
		return raw, nil
	}}
	var callers sync.WaitGroup
	results := make(chan error, 8)
	ask := func() {
		defer callers.Done()
		key, err := set.key(t.Context(), "k")
		if err == nil && key == nil {
			err = errKeySetPaused
		}
		results <- err
	}
	callers.Add(1)
	go ask()
	<-entered
	for range 7 {
		callers.Add(1)
		go ask()
	}
	close(release)
	callers.Wait()
	close(results)
	for err := range results {
		require.NoError(t, err)
	}
	require.Equal(t, int32(1), fetches.Load())
}
