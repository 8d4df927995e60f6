package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/certs"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
)

const folder = "../../nats"

// Three nodes with the committed files form a cluster in which the streams have three replicas. Every unit connects with its own
// password and the certificate authority, and nobody can do what they have no right to.
//
//nolint:paralleltest // it sets the environment
func TestCommittedFilesMakeACluster(t *testing.T) {
	ca := certs.NewCA(t, "bus of the test")
	caFile, certFile, keyFile := ca.Leaf([]string{"127.0.0.1", "localhost"}).Files()
	users := []string{"admin", "sys"}
	for _, u := range registry.Units() {
		users = append(users, u.Name)
	}
	for _, user := range users {
		t.Setenv("BUS_PASSWORD_"+strings.ToUpper(user), password(user))
	}
	nodes := startNodes(t, strings.NewReplacer(
		"/etc/nats/tls/node.pem", certFile, "/etc/nats/tls/node.key", keyFile, "/etc/nats/tls/ca.pem", caFile,
		"/var/lib/nats", t.TempDir(), `"127.0.0.1:8222"`, `"127.0.0.1:-1"`, "100GB", "1GB"))
	address := nodes[0].ClientURL()
	pool := ca.Pool()

	admin := connect(t, address, "admin", pool)
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	topology := unit.Topology(registry.Units())
	topology.Replicas = len(nodes)
	conn, err := bus.Connect(t.Context(), bus.Options{URL: strings.Replace(address, "nats://", "tls://", 1), User: "admin", Password: password("admin"), CAFile: caFile, Name: "test", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(t.Context()) })
	require.NoError(t, bus.Ensure(t.Context(), conn, topology))
	stream, err := js.Stream(t.Context(), bus.StreamName("intake"))
	require.NoError(t, err)
	require.Equal(t, 3, stream.CachedInfo().Config.Replicas)

	for _, u := range registry.Units() {
		own := connect(t, address, u.Name, pool)
		ownJS, err := jetstream.New(own)
		require.NoError(t, err)
		for _, spec := range u.Reads {
			_, err := ownJS.Consumer(t.Context(), bus.StreamName(spec.From), spec.Name(1))
			require.NoError(t, err, spec.Name(1))
		}
	}
	intake := connect(t, address, "intake", pool)
	intakeJS, err := jetstream.New(intake)
	require.NoError(t, err)
	_, err = intakeJS.Publish(t.Context(), "naru.intake.v1.document_accepted.express", []byte("a frame"))
	require.NoError(t, err)

	for _, forbidden := range []string{"naru.delivery.v1.document_received.express", "naru.intake.v1.registration_certificate_supplied.express", "$JS.API.STREAM.CREATE.MINE", "$JS.API.CONSUMER.DURABLE.CREATE.NARU_INTAKE.mine", "$SYS.REQ.SERVER.PING"} {
		require.NoError(t, intake.Publish(forbidden, nil))
		require.NoError(t, intake.Flush())
		await.Require(t, 5*time.Second, func() bool { return strings.Contains(fmt.Sprint(intake.LastError()), forbidden) })
	}
	_, err = nats.Connect(address, nats.UserInfo("intake", password("delivery")), nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}))
	require.ErrorIs(t, err, nats.ErrAuthorization)
}

func password(user string) string { return "p-of-" + user }

func connect(t *testing.T, address, user string, roots *x509.CertPool) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(address, nats.UserInfo(user, password(user)), nats.CustomInboxPrefix(bus.InboxPrefix(user)),
		nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// startNodes starts three servers with the committed files, changed by the replacer, on free ports of this machine.
func startNodes(t *testing.T, place *strings.Replacer) []*server.Server {
	t.Helper()
	var ports []int
	var routes []*url.URL
	for range 3 {
		var listen net.ListenConfig
		listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address, ok := listener.Addr().(*net.TCPAddr)
		require.True(t, ok)
		ports, routes = append(ports, address.Port), append(routes, &url.URL{Scheme: "nats-route", Host: address.String()})
		require.NoError(t, listener.Close())
	}
	accounts, err := os.ReadFile(filepath.Join(folder, "accounts.conf"))
	require.NoError(t, err)
	main, err := os.ReadFile(filepath.Join(folder, "nats-server.conf"))
	require.NoError(t, err)
	var options []*server.Options
	for n := range ports {
		dir := t.TempDir()
		t.Setenv("NATS_NAME", fmt.Sprintf("nats-%d", n+1))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "accounts.conf"), accounts, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "nats-server.conf"), []byte(place.Replace(string(main))), 0o600))
		o, err := server.ProcessConfigFile(filepath.Join(dir, "nats-server.conf"))
		require.NoError(t, err)
		require.Len(t, o.Routes, len(ports))
		require.True(t, o.SyncAlways)
		o.StoreDir, o.Host, o.Port, o.HTTPPort = filepath.Join(dir, "store"), "127.0.0.1", -1, 0
		o.Cluster.Host, o.Cluster.Port, o.Routes = "127.0.0.1", ports[n], routes
		o.NoSigs, o.NoLog = true, true
		options = append(options, o)
	}
	return startAll(t, options)
}

func startAll(t *testing.T, options []*server.Options) []*server.Server {
	t.Helper()
	var nodes []*server.Server
	for _, o := range options {
		node, err := server.NewServer(o)
		require.NoError(t, err)
		nodes = append(nodes, node)
		t.Cleanup(func() { node.Shutdown(); node.WaitForShutdown() })
	}
	for _, node := range nodes {
		node.Start()
	}
	for _, node := range nodes {
		require.True(t, node.ReadyForConnections(30*time.Second))
	}
	await.Require(t, 30*time.Second, func() bool {
		return slices.ContainsFunc(nodes, (*server.Server).JetStreamIsLeader)
	})
	return nodes
}
