package work

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlotsAreTakenOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := make(Slots, 1)
		second := make(chan struct{})
		slots.Do(t.Context(), func() {
			go slots.Do(t.Context(), func() { close(second) })
			synctest.Wait()
			select {
			case <-second:
				require.Fail(t, "two have the only slot")
			default:
			}
		})
		<-second
		synctest.Wait()
		require.Empty(t, slots)
	})
}

func TestSlotsWaitForNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := make(Slots, 1)
		waited := func(ctx context.Context) (took time.Duration) {
			began := time.Now() //nolint:forbidigo // of the bubble
			slots.Do(ctx, func() { took = time.Since(began) })
			return took
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		slots.Do(t.Context(), func() { // stuck
			require.Equal(t, patience, waited(t.Context()))
			require.Len(t, slots, 1, "who went without a slot gives none back")
			require.Zero(t, waited(ended))
		})
		require.Empty(t, slots)
	})
}

// A panic that somebody survives must not cost a slot each time.
func TestSlotsAreGivenBackByAPanic(t *testing.T) {
	t.Parallel()
	slots := make(Slots, 1)
	require.Panics(t, func() { slots.Do(t.Context(), func() { panic("x") }) }) //nolint:forbidigo // it is what is tested
	require.Empty(t, slots)
}

func TestNoSlotsAreForEverybody(t *testing.T) {
	t.Parallel()
	var slots Slots
	ran := false
	slots.Do(t.Context(), func() { ran = true })
	require.True(t, ran)
}
