package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/google/uuid"

	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// uploadTries is how often an upload that is cut off goes on.
const uploadTries = 5

// File is a file to be uploaded.
type File struct {
	Path, Name, MediaType string
	Size                  int64
	Hash                  *platformv1.Digest
}

// Upload hands a file over (guide 5.2.1 3). One that is cut off goes on where it stands.
func (c *Client) Upload(ctx context.Context, f File) (*contentv1.Upload, error) {
	upload := &contentv1.Upload{}
	in := &contentv1.CreateUploadRequest{FileName: f.Name, MediaType: f.MediaType, Size: f.Size, Hash: f.Hash}
	if err := c.rest.Call(ctx, http.MethodPost, "/v1/uploads", nil, in, upload); err != nil {
		return nil, err
	}
	path := "/v1/uploads/" + url.PathEscape(upload.GetId())
	for try := 1; upload.GetState() == contentv1.UploadState_UPLOAD_STATE_RECEIVING; try++ {
		err := c.append(ctx, path, f.Path, upload)
		if err == nil {
			continue
		}
		if try == uploadTries || ctx.Err() != nil {
			return upload, err
		}
		if lost := c.rest.Call(ctx, http.MethodGet, path, nil, nil, upload); lost != nil {
			return upload, errors.Join(err, lost)
		}
	}
	if upload.GetState() != contentv1.UploadState_UPLOAD_STATE_READY {
		return upload, notTaken(upload)
	}
	return upload, nil
}

// append streams a file from where the upload stands.
func (c *Client) append(ctx context.Context, path, file string, upload *contentv1.Upload) error {
	f, err := os.Open(file) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	offset := upload.GetOffset()
	return c.rest.Append(ctx, path, offset, func() (io.Reader, error) {
		_, err := f.Seek(offset, io.SeekStart)
		return io.NopCloser(f), err
	}, upload)
}

// notTaken tells every reason why a file was not taken.
func notTaken(u *contentv1.Upload) error {
	errs := []error{fmt.Errorf("the file was not taken: %s", Word(u.GetState()))}
	for _, f := range u.GetFindings() {
		errs = append(errs, fmt.Errorf("%s: %s", f.GetReason(), f.GetMessage()))
	}
	return errors.Join(errs...)
}

// OpenDocument opens a document that the relay itself shows, with a viewing token (guide 5.2.1 5).
func (c *Client) OpenDocument(ctx context.Context, token string) (*viewingv1.OpenDocumentResponse, error) {
	out := &viewingv1.OpenDocumentResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/viewings", nil, &viewingv1.OpenDocumentRequest{Token: token, RequestId: uuid.NewString()}, out)
}

// ReadPart writes a part of an opened document to w: 0 is the document, from 1 on are its attachments.
func (c *Client) ReadPart(ctx context.Context, viewing string, part int, w io.Writer) (mediaType string, err error) {
	return c.rest.File(ctx, "/v1/viewings/"+url.PathEscape(viewing)+"/parts/"+strconv.Itoa(part), nil, w)
}

// ConfirmShown tells the relay that the first page of the document was shown.
func (c *Client) ConfirmShown(ctx context.Context, viewing string) (*viewingv1.ConfirmShownResponse, error) {
	out := &viewingv1.ConfirmShownResponse{}
	// The id is in the path, so it is left out of the body.
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/viewings/"+url.PathEscape(viewing)+":shown", nil, &viewingv1.ConfirmShownRequest{}, out)
}

// Invitation tells who invites by a code (가입유도).
func (c *Client) Invitation(ctx context.Context, code string) (*deliveryv1.GetInvitationResponse, error) {
	out := &deliveryv1.GetInvitationResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/invitations:find", nil, &deliveryv1.GetInvitationRequest{Code: code}, out)
}
