package link_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/link"
)

// echo answers what it hears.
func echo(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().String()
}

func TestLink(t *testing.T) {
	t.Parallel()
	l, err := link.New(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(l.Close)
	l.Lead("127.0.0.1:1", echo(t))
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", l.Address())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	hear := func(within time.Duration) error {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(within))) //nolint:forbidigo // the kernel's clock
		_, err := io.ReadFull(conn, make([]byte, 1))
		return err
	}
	send := func() {
		_, err := conn.Write([]byte{1})
		require.NoError(t, err)
	}
	send()
	require.NoError(t, hear(time.Minute))
	l.Sever(link.Silent)
	send()
	require.ErrorContains(t, hear(100*time.Millisecond), "timeout")
	l.Sever(link.Whole)
	require.NoError(t, hear(time.Minute), "what was held back comes")
	l.Sever(link.Refused)
	require.ErrorIs(t, hear(time.Minute), io.EOF)
}
