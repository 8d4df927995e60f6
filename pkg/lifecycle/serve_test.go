package lifecycle_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

// answering returns a server that signals when its only call is in progress, and answers when letGo is closed.
func answering(t *testing.T, grace time.Duration) (task lifecycle.Task, address string, underWay, letGo chan struct{}) {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	underWay, letGo = make(chan struct{}), make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(underWay)
		<-letGo
		_, _ = io.WriteString(w, "done")
	})}
	return lifecycle.ServeHTTP("door", grace, server, listener), "http://" + listener.Addr().String(), underWay, letGo
}

// stopDuringACall runs the task and stops it while its only call is in progress.
func stopDuringACall(t *testing.T, task lifecycle.Task, address string, underWay chan struct{}) (ended chan error, answered chan string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended, answered = make(chan error, 1), make(chan string, 1)
	go func() { ended <- task.Run(ctx) }()
	go func() { answered <- get(address) }()
	<-underWay
	cancel()
	return ended, answered
}

func TestServeHTTPFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	task, address, underWay, letGo := answering(t, time.Minute)
	ended, answered := stopDuringACall(t, task, address, underWay)
	select {
	case err := <-ended:
		require.Fail(t, "ended before the call", "%v", err)
	default:
	}
	close(letGo)
	require.Equal(t, "done", <-answered)
	require.NoError(t, <-ended)
}

func TestServeHTTPCutsOffWhatOutlastsTheGrace(t *testing.T) {
	t.Parallel()
	task, address, underWay, letGo := answering(t, time.Millisecond)
	defer close(letGo)
	ended, answered := stopDuringACall(t, task, address, underWay)
	require.NoError(t, <-ended)
	require.Empty(t, <-answered)
}

func TestServeHTTPTellsWhatEndedIt(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	task := lifecycle.ServeHTTP("door", time.Minute, &http.Server{ReadHeaderTimeout: time.Minute}, listener)
	require.ErrorIs(t, task.Run(t.Context()), net.ErrClosed)
}

// get returns the answer; empty if there was none.
func get(address string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(address)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}
