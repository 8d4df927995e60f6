package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	memory "runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	mebibyte = 1 << 20
	// floodRoom is how much more than at rest the gateway may have in memory during a flood.
	floodRoom = 256 * mebibyte
)

// resident is the memory that this process has from the system, the flood's own side included.
func resident() uint64 {
	samples := []memory.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	memory.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// Connections that announce a large body and send nothing cost next to nothing, and other callers do not feel them.
func TestFloodOfAnnouncements(t *testing.T) {
	w := setup(t)
	sender := w.sender(t)
	runtime.GC()
	before := resident()
	for range 380 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.rest, "http://"))
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST /v1/documents:batch HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
			sender, 16*mebibyte)
		require.NoError(t, err)
	}
	other := w.sender(t)
	for range 20 {
		require.Equal(t, 200, w.call(t, "POST", "/v1/documents", other, `{}`).status)
		require.Less(t, resident(), before+floodRoom)
	}
}

// endless is the body of a gRPC call with a long message that is not sent to its end.
type endless struct {
	ctx  context.Context //nolint:containedctx // of the call
	head []byte
	left int
}

func announcing(ctx context.Context, size int) *endless {
	return &endless{ctx: ctx, head: binary.BigEndian.AppendUint32([]byte{0}, uint32(size)), left: size - mebibyte}
}

// Read gives the head, all but the last mebibyte, and then nothing until the call is given up.
func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left > 0 {
		n := min(len(p), e.left)
		clear(p[:n])
		e.left -= n
		return n, nil
	}
	<-e.ctx.Done()
	return 0, io.ErrUnexpectedEOF
}

// Open calls with long messages hold no more than the bytes in flight, and callers of other addresses are served meanwhile.
func TestFloodOfLongMessages(t *testing.T) {
	w := setup(t, func(c *Config) { c.CallTimeout = config.Duration(10 * time.Second) })
	sender := w.sender(t)
	runtime.GC()
	before := resident()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan struct{}, 100)
	var transports []*http.Transport
	for range 10 {
		transport := &http.Transport{Protocols: protocols}
		transports = append(transports, transport)
		for range 10 {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.grpc+intakev1.IntakeService_BatchSend_FullMethodName, announcing(ctx, 15*mebibyte))
			require.NoError(t, err)
			request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Authorization": {"Bearer " + sender}}
			go func() {
				defer func() { ended <- struct{}{} }()
				if answer, err := transport.RoundTrip(request); err == nil {
					_ = answer.Body.Close()
				}
			}()
		}
	}
	elsewhere := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client, other := intakev1.NewIntakeServiceClient(w.dial(t, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		return elsewhere.DialContext(ctx, "tcp", address)
	}))), w.sender(t)
	var highest uint64
	enough := time.After(4 * time.Second)
	await.Require(t, 10*time.Second, func() bool {
		_, err := client.Send(bearing(t, other), &intakev1.SendRequest{Item: &intakev1.SendItem{}})
		require.NoError(t, err)
		highest = max(highest, resident())
		select {
		case <-enough:
			return true
		default:
			return false
		}
	})
	giveUp()
	for range 100 {
		<-ended
	}
	for _, transport := range transports {
		transport.CloseIdleConnections()
	}
	require.Less(t, highest, before+floodRoom, "%d MiB more than at rest", (highest-before)/mebibyte)
}
