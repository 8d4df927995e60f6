package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	strangersName = "strangers"
	// strangersAddress is where the floods come from: what one network address may hold is bounded, and the sender has its own.
	strangersAddress = "127.0.0.2"
	// besideRate is how many singles per second are sent beside a flood.
	besideRate = 50

	announcers, announcedBytes       = 380, 16 << 20
	openCalls, calledConns, longCall = 100, 10, 15 << 20
	// heldBack is how much of a long message is kept back, so that its call never ends by itself.
	heldBack = 1 << 20
)

// strangersRow floods each door with large bodies that do not end, and measures how long another sender waits for its answers.
func strangersRow() row {
	return row{name: strangersName, measure: measureStrangers, lines: []line{
		most("380 connections that announce 16 MiB: p99 of another's singles", 200, "ms to the answer"),
		most("100 open gRPC calls with 15 MiB: p99 of another's singles", 200, "ms to the answer"),
	}}
}

func measureStrangers(ctx context.Context, b *bench, lines []line) ([]line, error) {
	stranger, err := b.stack.institution(ctx, b.chain.conns[0], "stranger", "1000000014")
	if err != nil {
		return nil, err
	}
	floods := []struct {
		name string
		of   int
		one  func(ctx context.Context, bearer string) error
	}{{"announcements", announcers, b.stack.announce}, {"long calls", openCalls, b.stack.longCalls()}}
	detail := map[string]any{}
	for i, f := range floods {
		// Floods have their own room in memory; what the relay needs for the singles is in it.
		rest, err := b.peakFrom()
		if err != nil {
			return nil, err
		}
		var waited latency
		var opened int64
		if _, err := b.singleRound(ctx, fmt.Sprintf("%s-%d", strangersName, i+1), max(1, int(besideRate*b.options.openLoop.Seconds())),
			func(ctx context.Context, s *singles) error {
				bearer, err := stranger.bearer(ctx)
				if err != nil {
					return err
				}
				end, err := flood(ctx, f.of, func(ctx context.Context) error { return f.one(ctx, bearer) })
				if err != nil {
					return err
				}
				took, err := arrivals(ctx, b.stack.clock.Now, time.Second/besideRate, len(s.bodies), s.send)
				opened = end()
				if err == nil {
					waited = latencyOf(took)
				}
				return err
			}); err != nil {
			return nil, fmt.Errorf("beside %s: %w", f.name, err)
		}
		detail[f.name] = map[string]any{"opened": opened, "answer": waited, "restMebibytes": rest, "peakMebibytes": peakOf(b.stack.relay.pid())}
		lines[i] = lines[i].is(waited.P99)
	}
	b.report.Rows[strangersName] = detail
	return lines, nil
}

// flood does one n times at once, again and again, until it is ended. It returns once each has been begun; end returns how many
// were begun in all. How one ends is the relay's affair, and no error: it may refuse or close it at any time.
func flood(ctx context.Context, n int, one func(ctx context.Context) error) (end func() int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	var opened atomic.Int64
	begun := make(chan struct{}, n)
	for range n {
		group.Go(func() {
			for first := true; ctx.Err() == nil; first = false {
				opened.Add(1)
				if first {
					begun <- struct{}{}
				}
				_ = one(ctx)
				_ = wait(ctx, backOff)
			}
		})
	}
	end = func() int64 {
		cancel()
		group.Wait()
		return opened.Load()
	}
	for range n {
		select {
		case <-begun:
		case <-ctx.Done():
			end()
			return nil, context.Cause(ctx)
		}
	}
	return end, nil
}

func strangersDialer() *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(strangersAddress)}}
}

// announce opens a connection to the REST door, announces a large body and sends none of it, until the relay closes.
func (s *stack) announce(ctx context.Context, bearer string) error {
	conn, err := strangersDialer().DialContext(ctx, "tcp", strings.TrimPrefix(s.REST, "http://"))
	if err != nil {
		return fmt.Errorf("connect to the relay: %w", err)
	}
	defer func() { _ = conn.Close() }() // closed already where the flood has ended
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := fmt.Fprintf(conn, "POST /v1/documents:batch HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		bearer, announcedBytes); err != nil {
		return fmt.Errorf("announce a body: %w", err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return fmt.Errorf("await the end: %w", err)
	}
	return nil
}

// longCalls returns a call at the gRPC door with a long message that is sent but for its end. The calls share connections.
func (s *stack) longCalls() func(ctx context.Context, bearer string) error {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	var conns [calledConns]*http.Transport
	for i := range conns {
		conns[i] = &http.Transport{Protocols: protocols, DialContext: strangersDialer().DialContext}
	}
	var next atomic.Uint64
	return func(ctx context.Context, bearer string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.GRPC+intakev1.IntakeService_BatchSend_FullMethodName, longMessage(ctx))
		if err != nil {
			return fmt.Errorf("make a call: %w", err)
		}
		request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Authorization": {"Bearer " + bearer}}
		conn := conns[next.Add(1)%calledConns]
		response, err := conn.RoundTrip(request)
		if err != nil {
			return fmt.Errorf("call: %w", err)
		}
		return response.Body.Close()
	}
}

// longMessage is a gRPC message that is announced and sent but for its end, which comes when ctx does.
func longMessage(ctx context.Context) io.Reader {
	head := binary.BigEndian.AppendUint32([]byte{0}, longCall)
	return io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, longCall-heldBack), endOf{ctx})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type endOf struct {
	ctx context.Context //nolint:containedctx // of the call whose body this is
}

func (e endOf) Read([]byte) (int, error) {
	<-e.ctx.Done()
	return 0, io.ErrUnexpectedEOF
}
