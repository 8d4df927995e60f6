package content

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pdfscan"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	checkWorkers  = 2
	checkInterval = time.Second
	// checkTime is enough for the largest file at 100 MiB a second.
	checkTime = 15 * time.Minute

	pdf = "application/pdf"
)

// signatures are how files of a media type begin. Other types are not taken: what they are could not be told from their bytes.
var signatures = map[string][]byte{
	pdf:          []byte("%PDF-"),
	"image/jpeg": {0xff, 0xd8, 0xff},
	"image/png":  {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'},
}

func knownMediaTypes() []string { return slices.Sorted(maps.Keys(signatures)) }

// Reasons of findings that are about any file; those about PDFs are pdfscan's.
const (
	hashDiffers     = "HASH_DIFFERS"
	notTheMediaType = "NOT_THE_MEDIA_TYPE"
	damaged         = "CONTENT_DAMAGED"
)

// claimed is a check whose process ended.
type claimed struct{ lease }

func (s *service) claimChecks(ctx context.Context, limit int) ([]claimed, error) {
	owner := newID()
	ids, err := claimChecks(ctx, s.db, owner, limit)
	if err != nil {
		return nil, err
	}
	claims := make([]claimed, len(ids))
	for i, id := range ids {
		claims[i] = claimed{lease{upload: id, owner: owner}}
	}
	return claims, nil
}

// checkClaimed repeats a check. One that cannot be made now is tried again after its lease.
func (s *service) checkClaimed(ctx context.Context, c claimed) {
	ctx, stop := s.keep(ctx, c.lease)
	defer stop()
	if err := s.check(ctx, c.lease); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a file was not checked", slog.String("upload", c.upload.String()), slog.Any("error", err))
	}
}

// check looks through a file that is here whole, and settles what becomes of it. The lease is the caller's.
func (s *service) check(ctx context.Context, l lease) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	u, known, err := readUpload(ctx, s.db, l.upload)
	if err != nil || !known || u.state != Checking {
		return err
	}
	findings, err := s.inspect(ctx, u)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	ours, state := false, Ready
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if len(findings) == 0 {
			if ours, err = settleReady(ctx, tx, u.id, l.owner, now); err != nil || !ours {
				return err
			}
			return recordReceived(ctx, tx, u, now)
		}
		state = Refused
		if ours, err = settleRefused(ctx, tx, u.id, l.owner, findings, now); err != nil || !ours {
			return err
		}
		return recordRefused(ctx, tx, u, findings, now)
	})
	if err == nil && !ours {
		err = work.ErrLost
	}
	if err != nil {
		return err
	}
	s.metrics.settled.Add(ctx, 1, of("state", string(state)))
	return nil
}

// inspect returns everything that is wrong with a file. An error means that it could not be told.
func (s *service) inspect(ctx context.Context, u upload) ([]finding, error) {
	var findings []finding
	sum := sha256.New()
	if err := resumeHash(sum, u.hashState); err != nil {
		return nil, err
	}
	if !bytes.Equal(sum.Sum(nil), u.hash) {
		findings = append(findings, finding{Reason: hashDiffers, Message: "the bytes that arrived have another SHA-256 than was announced"})
	}
	file, err := s.openFile(ctx, u, 0)
	if err != nil {
		return nil, err
	}
	defer file.close()
	inside, err := s.lookInto(u.mediaType, file)
	if errors.Is(err, errChanged) || errors.Is(err, errLost) {
		s.tellDamage(ctx, u.id, err)
		return append(findings, finding{Reason: damaged, Message: "the file was changed or lost after it arrived; upload it again"}), nil
	}
	return append(findings, inside...), err
}

// lookInto finds what a file of a type may not hold.
func (s *service) lookInto(mediaType string, file *fileReader) ([]finding, error) {
	// As much as is opened at a time, and enough that the scan needs no buffer of its own.
	buffered := bufio.NewReaderSize(file, segmentBytes)
	signature := signatures[mediaType]
	begin, err := buffered.Peek(len(signature))
	if err != nil && file.failed != nil {
		return nil, file.failed
	}
	if !bytes.Equal(begin, signature) {
		return []finding{{Reason: notTheMediaType, Message: "the file does not begin as files of its media type do"}}, nil
	}
	if mediaType != pdf {
		return nil, nil
	}
	found, err := pdfscan.Scan(buffered)
	if err != nil {
		return nil, err
	}
	var findings []finding
	for _, f := range found {
		if slices.Contains(s.config.PDF.Refuse, f.Reason) {
			findings = append(findings, finding{Reason: f.Reason, Message: f.Message, Position: f.Position})
		}
	}
	return findings, nil
}

// tellDamage alarms: somebody changed or removed an object, or the disk did.
func (s *service) tellDamage(ctx context.Context, upload uuid.UUID, cause error) {
	s.metrics.damaged.Add(ctx, 1)
	s.log.LogAttrs(ctx, slog.LevelError, "a file was changed or lost where it is kept", slog.String("upload", upload.String()), slog.Any("error", cause))
}
