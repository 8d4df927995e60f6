// Package bus is NATS JetStream as Naru uses it: one stream per producing unit, one durable consumer per purpose and lane, frames
// in and frames out.
//
// Streams and consumers are made and verified by Ensure with an administrative connection (the migrate step); at run time a unit
// may only publish its own subjects and read its own consumers.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
)

// Options of a unit's connection.
type Options struct {
	// URL of the server; empty with InProcess.
	URL string
	// InProcess connects to an embedded server.
	InProcess nats.InProcessConnProvider
	// User and Password are the unit's own.
	User, Password string
	// TLS files, empty for none.
	CAFile, CertFile, KeyFile string
	// Name of the connection in the server's monitoring.
	Name string
	Log  *slog.Logger
}

// Conn is a unit's connection. It reconnects by itself for ever.
type Conn struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// InboxPrefix is the prefix of a user's reply subjects; each user may subscribe only to its own.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// Connect opens a connection.
func Connect(ctx context.Context, opts Options) (*Conn, error) {
	options := []nats.Option{
		nats.Name(opts.Name), nats.UserInfo(opts.User, opts.Password), nats.CustomInboxPrefix(InboxPrefix(opts.User)),
		nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.Timeout(5 * time.Second), nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			opts.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "bus reported an error", slog.String("subject", subject), slog.Any("error", err))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				opts.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "bus connection lost, reconnecting", slog.Any("error", err))
			}
		}),
	}
	if opts.InProcess != nil {
		options = append(options, nats.InProcessServer(opts.InProcess))
	}
	if opts.CAFile != "" {
		options = append(options, nats.RootCAs(opts.CAFile))
	}
	if opts.CertFile != "" {
		options = append(options, nats.ClientCert(opts.CertFile, opts.KeyFile))
	}
	nc, err := nats.Connect(opts.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to the bus as %s: %w", opts.User, err)
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(5*time.Second))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open jetstream: %w", err)
	}
	return &Conn{nc: nc, js: js}, nil
}

// Close drains and closes the connection within the context's time.
func (c *Conn) Close(ctx context.Context) {
	select {
	case <-c.js.PublishAsyncComplete():
	case <-ctx.Done():
	}
	c.nc.Close()
}

// Ready returns an error when the server cannot be reached.
func (c *Conn) Ready() error {
	if c.nc.IsConnected() {
		return nil
	}
	return errors.New("not connected to the bus")
}

// Stream looks at the stream of a unit.
func (c *Conn) Stream(ctx context.Context, unit string) (journal.Stream, error) {
	stream, err := c.js.Stream(ctx, StreamName(unit))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return journal.Stream{}, journal.ErrNoStream
	}
	if err != nil {
		return journal.Stream{}, fmt.Errorf("look at the stream of %s: %w", unit, err)
	}
	info := stream.CachedInfo()
	return journal.Stream{Created: info.Created, Last: info.State.LastSeq}, nil
}

// Publish sends a frame with the tags of its readers, without waiting for its acknowledgement.
func (c *Conn) Publish(_ context.Context, f frame.Frame, tags map[string][]byte) (<-chan journal.Ack, error) {
	future, err := c.js.PublishMsgAsync(&nats.Msg{Subject: f.Subject(), Header: f.Message(tags), Data: f.Body},
		jetstream.WithExpectStream(StreamName(f.Kind.Unit())))
	if err != nil {
		return nil, fmt.Errorf("publish frame %s: %w", f.ID, err)
	}
	answer := make(chan journal.Ack, 1)
	go func() {
		select {
		case ack := <-future.Ok():
			answer <- journal.Ack{Sequence: ack.Sequence}
		case err := <-future.Err():
			answer <- journal.Ack{Err: err}
		}
	}()
	return answer, nil
}
