package natsserver_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/smalldisk"
)

const patience = time.Minute

func stream(t *testing.T, dir string, port int) (*natsserver.Server, jetstream.JetStream) {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{Dir: filepath.Join(dir, "nats"), Port: port, Log: slog.New(slog.DiscardHandler),
		Admin: natsserver.User{Name: "admin", Password: "of-this-test"}})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	options := []nats.Option{nats.UserInfo("admin", "of-this-test"), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond)}
	address := ""
	if port == 0 {
		options = append(options, nats.InProcessServer(server))
	} else {
		address = "nats://" + server.Addr().String()
	}
	conn, err := nats.Connect(address, options...)
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{"all"}, Storage: jetstream.FileStorage})
	require.NoError(t, err)
	return server, js
}

// publish tells whether JetStream took a message at once.
func publish(t *testing.T, js jetstream.JetStream) error {
	t.Helper()
	return publishWithin(t, js, 500*time.Millisecond)
}

func publishWithin(t *testing.T, js jetstream.JetStream, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := js.Publish(ctx, "all", make([]byte, 4<<10))
	return err
}

// JetStream gives up a stream that it could not write, for good. The server goes on by itself once there is room: what it took is
// there, and it takes more, at the address it had.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, port := range map[string]int{"in this process": 0, "over TCP": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := smalldisk.New(t, "48m")
			_, js := stream(t, dir, port)
			taken := uint64(0)
			require.NoError(t, publishWithin(t, js, patience))
			taken++
			free := smalldisk.Full(t, dir)
			await.Require(t, patience, func() bool {
				err := publish(t, js)
				if err == nil {
					taken++
				}
				return err != nil
			})
			require.Error(t, publish(t, js), "it stays full")
			free()
			await.Require(t, patience, func() bool { return publish(t, js) == nil })
			all, err := js.Stream(t.Context(), "ALL")
			require.NoError(t, err)
			require.GreaterOrEqual(t, all.CachedInfo().State.Msgs, taken+1)
			_, err = all.GetMsg(t.Context(), taken)
			require.NoError(t, err)
		})
	}
}

// A server on a disk that stays full is not started over and over.
func TestDiskThatStaysFull(t *testing.T) {
	t.Parallel()
	dir := smalldisk.New(t, "48m")
	_, js := stream(t, dir, 0)
	require.NoError(t, publishWithin(t, js, patience))
	smalldisk.Full(t, dir)
	await.Require(t, patience, func() bool { return publish(t, js) != nil })
	first, err := js.Stream(t.Context(), "ALL")
	require.NoError(t, err, "it goes on giving what it has")
	_, err = first.GetMsg(t.Context(), 1)
	require.NoError(t, err)
}

// A server that was started while its disk was full takes messages by itself once there is room. JetStream bounds itself by what
// was free when it started.
func TestStartedOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := smalldisk.New(t, "48m")
	first, js := stream(t, dir, 0)
	for range 100 {
		require.NoError(t, publishWithin(t, js, patience))
	}
	require.NoError(t, first.Stop(t.Context()))
	free := smalldisk.Full(t, dir)
	_, js = stream(t, dir, 0)
	require.ErrorContains(t, publishWithin(t, js, patience), "insufficient resources")
	free()
	await.Require(t, patience, func() bool { return publish(t, js) == nil })
	all, err := js.Stream(t.Context(), "ALL")
	require.NoError(t, err)
	require.GreaterOrEqual(t, all.CachedInfo().State.Msgs, uint64(101))
}
