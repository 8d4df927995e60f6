package gateway

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

func narrow(room, share int64, wait time.Duration) *inFlight {
	return newInFlight(LimitsConfig{BytesInFlight: room, BytesInFlightPerAddress: share, Wait: config.Duration(wait)})
}

func took(t *testing.T, h *holding, bytes int64) bool {
	t.Helper()
	turn, err := h.take(bytes)
	require.NoError(t, err)
	return turn
}

// Requests that are each half there do not wait for each other: one of them has the turn, and then the next.
func TestTheTurn(t *testing.T) {
	t.Parallel()
	f := narrow(100, 100, time.Minute)
	first, second, third := f.from("a"), f.from("a"), f.from("a")
	require.False(t, took(t, first, 50))
	require.False(t, took(t, second, 50))
	require.True(t, took(t, first, 50), "nobody has the turn yet")
	require.False(t, took(t, first, 1000), "whoever has it goes on")
	came := make(chan bool)
	go func() {
		turn, err := second.take(50)
		came <- turn && err == nil
	}()
	first.whole()
	require.True(t, <-came, "the first has arrived")
	first.end()
	second.end()
	require.False(t, took(t, third, 100), "everything is free again")
	third.end()
	require.Zero(t, f.held)
	require.Empty(t, f.of)
}

// What one address holds leaves the others their room, and the turn goes to who holds least.
func TestTheShareOfAnAddress(t *testing.T) {
	t.Parallel()
	f := narrow(100, 60, 50*time.Millisecond)
	flood, turn, other := f.from("a"), f.from("a"), f.from("b")
	took(t, flood, 60)
	require.True(t, took(t, turn, 60), "one may, for the turn's time")
	_, err := flood.take(1)
	require.Equal(t, "OVERLOADED", fault.ReasonOf(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Equal(t, time.Second, fault.As(err).RetryAfter)
	turn.end()
	require.False(t, took(t, other, 40))

	answers := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.from("a").take(60)
			answers <- err
		}()
	}
	require.NoError(t, <-answers, "the turn")
	require.Error(t, <-answers)
}

// half opens a connection and sends the beginning of a body.
func (w *world) half(t *testing.T, token string, announced, sent int) *bufio.Reader {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.rest, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /v1/documents:batch HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		token, announced, strings.Repeat(" ", sent))
	require.NoError(t, err)
	return bufio.NewReader(conn)
}

func answered(t *testing.T, from *bufio.Reader) (status int) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// Where there is no room for a body it is refused within its time, with a reason and when to come again; what is small is
// served.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Limits.BytesInFlight, c.Limits.BytesInFlightPerAddress, c.Limits.Wait = mebibyte, mebibyte, config.Duration(300*time.Millisecond)
	})
	token := w.sender(t)
	type told struct {
		code  int
		retry string
	}
	first := make(chan told, 2)
	for range 2 {
		half := w.half(t, token, 900<<10, 800<<10)
		go func() {
			// The other one is cut off by the end of the test.
			if response, err := http.ReadResponse(half, nil); err == nil {
				_ = response.Body.Close()
				first <- told{response.StatusCode, response.Header.Get("Retry-After")}
			}
		}()
	}
	require.Equal(t, told{503, "1"}, <-first)
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", token, `{}`).status)
}

// The first byte of a body has its time, the whole has the call's.
func TestBodiesInTime(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Limits.FirstByte, c.CallTimeout = config.Duration(100*time.Millisecond), config.Duration(time.Second)
	})
	token := w.sender(t)
	started := clock.System().Now()
	code := answered(t, w.half(t, token, 900, 0))
	require.Equal(t, 408, code)
	require.Less(t, clock.System().Now().Sub(started), time.Second)
	code = answered(t, w.half(t, token, 900, 1))
	require.Equal(t, 408, code)
	require.GreaterOrEqual(t, clock.System().Now().Sub(started), time.Second)
	code = answered(t, w.half(t, "x.y.z", 900, 0))
	require.Equal(t, 401, code, "who is refused waits for nothing")

	stream, err := w.dial(t).NewStream(bearing(t, token), &grpc.StreamDesc{ClientStreams: true}, intakev1.IntakeService_Send_FullMethodName)
	require.NoError(t, err)
	require.Equal(t, codes.DeadlineExceeded, status.Code(stream.RecvMsg(&intakev1.SendResponse{})))
}

// Connections are bounded by address; those over it are closed, the others stay.
func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Limits.ConnectionsPerAddress = 2 })
	conns := make([]net.Conn, 3)
	for i := range conns {
		var err error
		conns[i], err = new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.rest, "http://"))
		require.NoError(t, err)
		defer func() { _ = conns[i].Close() }()
	}
	_, err := conns[2].Read(make([]byte, 1))
	require.Error(t, err, "closed")
	require.NoError(t, conns[0].Close())
	_, err = fmt.Fprint(conns[1], "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
	require.NoError(t, err)
	code := answered(t, bufio.NewReader(conns[1]))
	require.Equal(t, 200, code)
}

// Messages that would grow in memory are not taken, and what the door itself answers has the quota of its origin.
func TestGRPCDoorByItself(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Quota.OpenPerSecond, c.Quota.OpenBurst = 0.5, 2 })
	conn := w.dial(t)
	_, err := intakev1.NewIntakeServiceClient(conn).Send(bearing(t, w.sender(t)), &intakev1.SendRequest{}, grpc.UseCompressor(gzip.Name))
	require.Equal(t, "UNSUPPORTED_MEDIA_TYPE", fault.ReasonOf(fault.FromStatus(status.Convert(err))))
	check := func(ctx context.Context) error {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
		return err
	}
	require.NoError(t, check(t.Context()))
	require.NoError(t, check(t.Context()))
	f := fault.As(fault.FromStatus(status.Convert(check(t.Context()))))
	require.Equal(t, "RATE_LIMITED", f.Reason)
	require.Equal(t, 2*time.Second, f.RetryAfter)
}
