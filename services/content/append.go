package content

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/work"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// AppendUpload takes bytes of a file. What arrived is kept when the stream breaks.
func (s *service) AppendUpload(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
	ctx := stream.Context()
	caller, err := s.caller(ctx)
	if err != nil {
		return err
	}
	release, err := s.streams.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	arriving := s.listen(ctx, stream)
	first, err := arriving.next(ctx)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(first.GetId())
	if err != nil {
		return uploadNotFound()
	}
	u, err := s.appendTo(ctx, caller.ID, id, first, arriving)
	if err != nil {
		return err
	}
	shown, err := s.show(u)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&contentv1.AppendUploadResponse{Upload: shown})
}

// appendTo appends to an upload under its lease, and checks it when it is whole.
func (s *service) appendTo(ctx context.Context, principal string, id uuid.UUID, first *contentv1.AppendUploadRequest, arriving *arriving) (upload, error) {
	l := lease{upload: id, owner: newID()}
	u, err := s.takeUpload(ctx, l, principal)
	if err != nil {
		return upload{}, err
	}
	defer func() {
		s.giveBack(ctx, l)
		s.checks.Ring()
	}()
	if first.GetOffset() != u.received {
		return upload{}, offsetDiffers(u.received)
	}
	kept, stop := s.keep(ctx, l)
	defer stop()
	if err := s.bucket.present(kept); err != nil {
		return upload{}, err
	}
	a := &appending{service: s, lease: l, upload: u, sum: sha256.New()}
	if err := a.begin(kept); err != nil {
		return upload{}, err
	}
	whole, err := a.receive(kept, first, arriving)
	if errors.Is(context.Cause(kept), work.ErrLost) {
		err = work.ErrLost
	}
	if whole && !errors.Is(err, work.ErrLost) {
		// The file is here, though its sender may have gone.
		if failure := startChecking(context.WithoutCancel(ctx), s.db, l); failure != nil {
			err = failure
		}
	}
	if err != nil {
		return upload{}, asBusy(err)
	}
	if whole {
		s.checkNow(ctx, l)
	}
	u, known, err := readUpload(ctx, s.db, id)
	if err == nil && !known {
		err = uploadNotFound()
	}
	return u, err
}

// checkNow checks a file whose sender waits. Only the loss of the lease ends a check: the sender may ask later what came of it.
// One that cannot be made now is made later.
func (s *service) checkNow(ctx context.Context, l lease) {
	ctx, stop := s.keep(context.WithoutCancel(ctx), l)
	defer stop()
	if err := s.check(ctx, l); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a file is not checked yet", slog.String("upload", l.upload.String()), slog.Any("error", err))
	}
}

// takeUpload takes the lease of a principal's upload, or tells why it cannot be had.
func (s *service) takeUpload(ctx context.Context, l lease, principal string) (upload, error) {
	now := s.clock.Now()
	u, taken, err := takeLease(ctx, s.db, l.upload, l.owner, principal, now)
	if err != nil || taken {
		return u, err
	}
	u, err = readOwn(ctx, s.db, l.upload, principal, "")
	switch {
	case err != nil:
		return upload{}, err
	case u.mayGrow(now):
		return upload{}, uploadBusy()
	default:
		return upload{}, uploadEnded()
	}
}

// appending is an upload under the lease of one stream.
type appending struct {
	*service
	lease  lease
	upload upload
	key    fileKey
	// sum is over everything up to received, which runs ahead of kept by the part that is being written.
	sum            hash.Hash
	received, kept int64
	number         int
	part           *partWriter
}

func (a *appending) begin(ctx context.Context) error {
	var err error
	if a.key, err = a.sealer.openKey(a.upload.id, a.upload.sealedKey); err != nil {
		return err
	}
	parts, err := readParts(ctx, a.db, a.upload.id)
	if err != nil {
		return err
	}
	a.received, a.kept, a.number = a.upload.received, a.upload.received, len(parts)
	return resumeHash(a.sum, a.upload.hashState)
}

// receive appends what comes until the stream ends, and reports whether the file is whole. What arrived is kept whatever ends it,
// except what lies beyond the announced size and what the bucket did not take.
func (a *appending) receive(ctx context.Context, message *contentv1.AppendUploadRequest, arriving *arriving) (whole bool, err error) {
	for err == nil {
		if err = a.add(ctx, message.GetData()); err == nil {
			message, err = arriving.next(ctx)
		}
	}
	surplus := errors.Is(err, errSurplus)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if failure := a.flush(context.WithoutCancel(ctx)); failure != nil {
		return false, cmp.Or(err, failure)
	}
	if surplus {
		return false, moreThanAnnounced()
	}
	return a.kept == a.upload.size, err
}

// errSurplus ends a stream with more bytes than announced.
var errSurplus = errors.New("more bytes than announced")

func (a *appending) add(ctx context.Context, data []byte) error {
	if int64(len(data)) > a.upload.size-a.received {
		return errSurplus
	}
	for len(data) > 0 {
		if a.part == nil {
			var err error
			if a.part, err = a.beginPart(ctx, a.lease, a.key, a.number, a.received); err != nil {
				return err
			}
		}
		n := min(int64(len(data)), partBytes-a.part.size)
		if err := a.part.write(data[:n]); err != nil {
			failed := a.part
			a.part = nil
			return errors.Join(err, failed.discard())
		}
		a.sum.Write(data[:n])
		a.received += n
		data = data[n:]
		if a.part.size == partBytes {
			if err := a.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush ends the part that is being written.
func (a *appending) flush(ctx context.Context) error {
	if a.part == nil {
		return nil
	}
	ended := a.part
	a.part = nil
	a.number++
	if err := a.keepPart(ctx, a.lease, ended, a.sum); err != nil {
		return err
	}
	a.kept = ended.end()
	a.metrics.bytes.Add(ctx, ended.size, of("direction", "in"))
	return nil
}

// arriving are the messages of a stream, each waited for no longer than idle.
type arriving struct {
	messages chan message
	idle     time.Duration
}

type message struct {
	*contentv1.AppendUploadRequest
	err error
}

// listen takes the messages of a stream; it ends with the stream's context, and so with the RPC.
func (s *service) listen(ctx context.Context, stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) *arriving {
	a := &arriving{messages: make(chan message), idle: s.config.Idle.Std()}
	go func() {
		for {
			m, err := stream.Recv()
			select {
			case a.messages <- message{m, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

// next is the next message; io.EOF when the sender has sent all it wanted.
func (a *arriving) next(ctx context.Context) (*contentv1.AppendUploadRequest, error) {
	timer := time.NewTimer(a.idle)
	defer timer.Stop()
	select {
	case m := <-a.messages:
		return m.AppendUploadRequest, m.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-timer.C:
		return nil, silent()
	}
}
