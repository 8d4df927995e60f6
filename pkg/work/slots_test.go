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
		first := slots.Take(t.Context())
		second := make(chan func())
		go func() { second <- slots.Take(t.Context()) }()
		synctest.Wait()
		select {
		case <-second:
			require.Fail(t, "two have the only slot")
		default:
		}
		first()
		(<-second)()
		require.Empty(t, slots)
	})
}

func TestSlotsWaitForNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := make(Slots, 1)
		stuck := slots.Take(t.Context())
		began := time.Now() //nolint:forbidigo // of the bubble
		without := slots.Take(t.Context())
		require.Equal(t, patience, time.Since(began))
		without()
		require.Len(t, slots, 1, "who went without a slot gives none back")
		stuck()
		require.Empty(t, slots)

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		stuck = slots.Take(t.Context())
		began = time.Now() //nolint:forbidigo // of the bubble
		slots.Take(ended)()
		require.Zero(t, time.Since(began))
		stuck()
	})
}

func TestNoSlotsAreForEverybody(t *testing.T) {
	t.Parallel()
	var slots Slots
	slots.Take(t.Context())()
	slots.Take(t.Context())()
}
