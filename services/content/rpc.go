package content

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// caller returns who calls, or an error if the clock is too bad for the times that are kept.
func (s *service) caller(ctx context.Context) (authn.Principal, error) {
	if err := s.watch.Ready(); err != nil {
		return authn.Principal{}, clockUntrusted(err)
	}
	return authn.Require(ctx)
}

// CreateUpload begins an upload.
func (s *service) CreateUpload(ctx context.Context, req *contentv1.CreateUploadRequest) (*contentv1.CreateUploadResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case req.GetSize() > s.config.FileBytes:
		return nil, uploadTooLarge(s.config.FileBytes)
	case !slices.Contains(s.config.MediaTypes, req.GetMediaType()):
		return nil, mediaTypeNotTaken()
	}
	if err := s.bucket.room(ctx, req.GetSize()); err != nil {
		return nil, err
	}
	u, err := s.newUpload(caller.ID, req)
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		open, err := countOpen(ctx, tx, caller.ID, u.createdAt)
		if err != nil {
			return err
		}
		if open >= int64(s.config.OpenUploads) {
			return tooManyUploads()
		}
		return insertUpload(ctx, tx, u)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &contentv1.CreateUploadResponse{Upload: u.toProto(req.GetFileName())}, nil
}

func (s *service) newUpload(principal string, req *contentv1.CreateUploadRequest) (upload, error) {
	now := s.clock.Now()
	u := upload{
		id: id.New(), principal: principal, state: Receiving, mediaType: req.GetMediaType(), size: req.GetSize(), createdAt: now, keptUntil: now.Add(s.config.Kept.Std()),
	}
	var err error
	if u.hash, err = hex.DecodeString(req.GetHash().GetValue()); err != nil {
		return upload{}, err
	}
	if u.sealedKey, err = s.sealer.sealKey(newFileKey(u.id)); err != nil {
		return upload{}, err
	}
	u.sealedName, err = s.sealer.sealName(u.id, req.GetFileName())
	return u, err
}

// show is an upload as its owner sees it.
func (s *service) show(u upload) (*contentv1.Upload, error) {
	name, err := s.sealer.openName(u.id, u.sealedName)
	if err != nil {
		return nil, err
	}
	return u.toProto(name), nil
}

// GetUpload tells where an upload stands.
func (s *service) GetUpload(ctx context.Context, req *contentv1.GetUploadRequest) (*contentv1.GetUploadResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	uploadID, err := uuid.Parse(req.GetId())
	if err != nil {
		return nil, uploadNotFound()
	}
	u, err := readOwn(ctx, s.db, uploadID, caller.ID, "")
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	shown, err := s.show(u)
	if err != nil {
		return nil, err
	}
	return &contentv1.GetUploadResponse{Upload: shown}, nil
}

// DeleteUpload deletes an upload that no document names.
func (s *service) DeleteUpload(ctx context.Context, req *contentv1.DeleteUploadRequest) (*contentv1.DeleteUploadResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	uploadID, err := uuid.Parse(req.GetId())
	if err != nil {
		return nil, uploadNotFound()
	}
	now := s.clock.Now()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error { return s.deleteOwn(ctx, tx, uploadID, caller, now) })
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	s.retires.Ring()
	return &contentv1.DeleteUploadResponse{}, nil
}

// deleteOwn deletes an upload that never was ready, and notes that one which was is to be deleted: an acceptance that names it
// may be on its way, and only intake knows when none is (retire).
func (s *service) deleteOwn(ctx context.Context, tx *journal.Tx, uploadID uuid.UUID, caller authn.Principal, now time.Time) error {
	u, err := readOwn(ctx, tx, uploadID, caller.ID, "for update")
	if err != nil || u.shown() == contentv1.UploadState_UPLOAD_STATE_DELETED || u.state == Refused {
		return err
	}
	if kept, err := heldOrNamed(ctx, tx, uploadID); err != nil || kept {
		return inUse(err)
	}
	if u.state == Ready {
		return dismiss(ctx, tx, uploadID, caller.ActedBy(), now)
	}
	s.countDeleted(ctx, tx, whyOwner)
	return destroy(ctx, tx, []deletion{{id: uploadID, why: whyOwner, actor: caller.ActedBy()}}, now)
}

func inUse(err error) error {
	if err != nil {
		return err
	}
	return uploadInUse()
}

// GetUploadLimits publishes what may be uploaded.
func (s *service) GetUploadLimits(context.Context, *contentv1.GetUploadLimitsRequest) (*contentv1.GetUploadLimitsResponse, error) {
	return &contentv1.GetUploadLimitsResponse{
		FileBytes: s.config.FileBytes, MediaTypes: s.config.MediaTypes, OpenUploads: int32(s.config.OpenUploads), //nolint:gosec // bounded by Validate
		PdfRefuses: s.config.PDF.Refuse, KeptSeconds: int64(s.config.Kept.Std().Seconds()),
	}, nil
}

// GetContents tells other units what uploads are.
func (s *service) GetContents(ctx context.Context, req *contentv1.GetContentsRequest) (*contentv1.GetContentsResponse, error) {
	ids, err := id.ParseAll(req.GetIds())
	if err != nil {
		return nil, err
	}
	uploads, err := readUploads(ctx, s.db, ids)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	resp := &contentv1.GetContentsResponse{Contents: make([]*contentv1.Content, len(uploads))}
	for i, u := range uploads {
		name, err := s.sealer.openName(u.id, u.sealedName)
		if err != nil {
			return nil, err
		}
		resp.Contents[i] = u.toContent(name)
	}
	return resp, nil
}
