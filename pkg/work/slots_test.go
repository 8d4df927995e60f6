package work

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	bulk    = platformv1.Lane_LANE_BULK
	express = platformv1.Lane_LANE_EXPRESS
)

// waited returns how long bulk work waits before it begins.
func waited(ctx context.Context, slots *Slots) (took time.Duration) {
	began := time.Now() //nolint:forbidigo // of the bubble
	slots.Do(ctx, bulk, func() { took = time.Since(began) })
	return took
}

func TestSlotsAreTakenOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		second := make(chan struct{})
		slots.Do(t.Context(), bulk, func() {
			go slots.Do(t.Context(), bulk, func() { close(second) })
			synctest.Wait()
			select {
			case <-second:
				require.Fail(t, "two have the only slot")
			default:
			}
		})
		<-second
		synctest.Wait()
		require.Empty(t, slots.bulk)
	})
}

func TestSlotsWaitForNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		slots.Do(t.Context(), bulk, func() { // stuck
			require.Equal(t, patience, waited(t.Context(), slots))
			require.Len(t, slots.bulk, 1, "who went without a slot gives none back")
			require.Zero(t, waited(ended, slots))
		})
		require.Empty(t, slots.bulk)
	})
}

// Express work begins beside bulk work and other express work. Bulk work begins when the last express work ends or has taken too
// long.
func TestBulkGivesWayToExpress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		slots.Do(t.Context(), bulk, func() {
			began := time.Now() //nolint:forbidigo // of the bubble
			slots.Do(t.Context(), express, func() { require.Zero(t, time.Since(began)) })
		})
		require.Zero(t, waited(t.Context(), slots), "express work has ended")
		for _, took := range []time.Duration{courtesy / 5, courtesy / 2} {
			go slots.Do(t.Context(), express, func() { <-time.After(took) })
		}
		synctest.Wait()
		require.Equal(t, courtesy/2, waited(t.Context(), slots))
		stuck := make(chan struct{})
		defer close(stuck)
		go slots.Do(t.Context(), express, func() { <-stuck })
		synctest.Wait()
		require.Equal(t, courtesy, waited(t.Context(), slots))
		require.Equal(t, courtesy, waited(t.Context(), slots), "it is still under way")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.Zero(t, waited(ended, slots))
	})
}

// Bulk work uses smaller pieces while express work comes, and for a while afterwards.
func TestPiecesAreSmallBesideExpress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := newSlots(1)
		require.Equal(t, 1000, slots.Piece(bulk, 1000))
		slots.Do(t.Context(), express, func() {
			require.Equal(t, 200, slots.Piece(bulk, 1000))
			require.Equal(t, 1, slots.Piece(bulk, 1), "never none")
			require.Equal(t, 1000, slots.Piece(express, 1000))
		})
		<-time.After(lull - 1)
		require.Equal(t, 200, slots.Piece(bulk, 1000))
		<-time.After(1)
		require.Equal(t, 1000, slots.Piece(bulk, 1000))
	})
}

// A recovered panic must neither cost a slot nor keep blocking bulk work.
func TestSlotsAreGivenBackByAPanic(t *testing.T) {
	t.Parallel()
	slots := newSlots(1)
	require.Panics(t, func() { slots.Do(t.Context(), bulk, func() { panic("x") }) }) //nolint:forbidigo // it is what is tested
	require.Empty(t, slots.bulk)
	require.Panics(t, func() { slots.Do(t.Context(), express, func() { panic("x") }) }) //nolint:forbidigo // it is what is tested
	require.Zero(t, slots.express)
}

func TestNoSlotsAreForEverybody(t *testing.T) {
	t.Parallel()
	var slots *Slots
	ran := 0
	slots.Do(t.Context(), bulk, func() { ran++ })
	slots.Do(t.Context(), express, func() { ran++ })
	require.Equal(t, 2, ran)
	require.Equal(t, 1000, slots.Piece(bulk, 1000))
}
