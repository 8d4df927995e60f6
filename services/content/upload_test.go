package content_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/content"
)

// A file that was uploaded is read back as it was, from wherever the reader begins; nothing of it stands in the bucket in clear.
func TestUploadAndRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(9 << 20) // two parts
	uploadID := o.ready(t, file)
	require.Len(t, o.objects(t), 2)
	for _, offset := range []int{0, 1, 70_000, 8 << 20, 8<<20 + 5, len(file)} {
		got, err := o.read(t, uploadID, int64(offset))
		require.NoError(t, err)
		require.True(t, bytes.Equal(file[offset:], got), "from %d", offset)
	}
	_, err := o.read(t, uploadID, int64(len(file)+1))
	require.ErrorIs(t, err, fault.Invalid)

	received := unittest.Facts[*contentv1.ContentReceived](t, o.Bench)
	require.Len(t, received, 1)
	require.Equal(t, int64(len(file)), received[0].GetSize())
	require.NotContains(t, o.Logs.String(), name)
	for _, object := range o.objects(t) {
		require.NotContains(t, readFile(t, object), "0 g 0 g 0 g")
	}
	contents, err := o.unit(t).GetContents(t.Context(), &contentv1.GetContentsRequest{Ids: []string{uploadID, uuid.NewString()}})
	require.NoError(t, err)
	require.Len(t, contents.GetContents(), 1)
	require.Equal(t, o.owner, contents.GetContents()[0].GetOwner())
	require.Equal(t, name, contents.GetContents()[0].GetFileName())
	require.True(t, contents.GetContents()[0].GetExpiresAt().IsValid())
}

// An upload cannot be begun for what is not taken.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(c *content.Config) { c.FileBytes, c.OpenUploads = 1000, 2 })
	large, foreign := describe(pdfOf(2000)), describe(pdfOf(10))
	foreign.MediaType = "application/zip"
	_, err := o.uploads(t).CreateUpload(t.Context(), large)
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_TOO_LARGE)
	_, err = o.uploads(t).CreateUpload(t.Context(), foreign)
	requireReason(t, err, contentv1.Reason_REASON_MEDIA_TYPE_NOT_TAKEN)
	o.create(t, pdfOf(10))
	o.create(t, pdfOf(10))
	_, err = o.uploads(t).CreateUpload(t.Context(), describe(pdfOf(10)))
	requireReason(t, err, contentv1.Reason_REASON_TOO_MANY_UPLOADS)
	limits, err := o.uploads(t).GetUploadLimits(t.Context(), &contentv1.GetUploadLimitsRequest{})
	require.NoError(t, err)
	require.Equal(t, int64(1000), limits.GetFileBytes())
	require.Contains(t, limits.GetPdfRefuses(), "PDF_SCRIPT")
}

// A file is refused with every finding, and its bytes go.
func TestRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	script := []byte("%PDF-1.7\n1 0 obj << /S /JavaScript /JS (1) >> endobj 2 0 obj << /S /Launch >> endobj")
	for _, c := range []struct {
		name    string
		request func() (*contentv1.CreateUploadRequest, []byte)
		reasons []string
	}{
		{"another hash", func() (*contentv1.CreateUploadRequest, []byte) {
			return describe(pdfOf(100)), bytes.Replace(pdfOf(100), []byte("0 g"), []byte("1 g"), 1)
		}, []string{"HASH_DIFFERS"}},
		{"another type", func() (*contentv1.CreateUploadRequest, []byte) {
			file := []byte("GIF89a")
			return describe(file), file
		}, []string{"NOT_THE_MEDIA_TYPE"}},
		{"a script and a launch action", func() (*contentv1.CreateUploadRequest, []byte) { return describe(script), script },
			[]string{"PDF_SCRIPT", "PDF_LAUNCH_ACTION"}},
		{"all of that", func() (*contentv1.CreateUploadRequest, []byte) {
			return describe(script), bytes.Replace(script, []byte("(1)"), []byte("(2)"), 1)
		}, []string{"HASH_DIFFERS", "PDF_SCRIPT", "PDF_LAUNCH_ACTION"}},
		{"cut off", func() (*contentv1.CreateUploadRequest, []byte) {
			file := pdfOf(100)[:80]
			return describe(file), file
		}, []string{"PDF_MALFORMED"}},
	} {
		request, file := c.request()
		created, err := o.uploads(t).CreateUpload(t.Context(), request)
		require.NoError(t, err, c.name)
		u, err := appendTo(t.Context(), o.uploads(t), created.GetUpload().GetId(), 0, file)
		require.NoError(t, err, c.name)
		require.Equal(t, contentv1.UploadState_UPLOAD_STATE_REFUSED, u.GetState(), c.name)
		seen := map[string]bool{}
		for _, f := range u.GetFindings() {
			seen[f.GetReason()] = true
		}
		require.Len(t, seen, len(c.reasons), c.name)
		for _, reason := range c.reasons {
			require.True(t, seen[reason], "%s: %s", c.name, reason)
		}
		_, err = o.read(t, u.GetId(), 0)
		requireReason(t, err, contentv1.Reason_REASON_CONTENT_NOT_FOUND)
		_, err = appendTo(t.Context(), o.uploads(t), u.GetId(), 0, file)
		requireReason(t, err, contentv1.Reason_REASON_UPLOAD_ENDED)
	}
	require.Len(t, unittest.Facts[*contentv1.ContentRefused](t, o.Bench), 5)
	o.awaitEmpty(t)
}

// Images are taken by how they begin.
func TestImage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for mediaType, file := range map[string]string{"image/png": "\x89PNG\r\n\x1a\nrest", "image/jpeg": "\xff\xd8\xff\xe0rest"} {
		request := describe([]byte(file))
		request.MediaType = mediaType
		created, err := o.uploads(t).CreateUpload(t.Context(), request)
		require.NoError(t, err)
		u, err := appendTo(t.Context(), o.uploads(t), created.GetUpload().GetId(), 0, []byte(file))
		require.NoError(t, err)
		require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	}
}

// Of more bytes than were announced none of the surplus is kept, and the file may still be ended as announced.
func TestMoreThanAnnounced(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(message)[:message] // one message
	uploadID := o.create(t, pdfOf(message))
	whole := pdfOf(message)
	_, err := appendTo(t.Context(), o.uploads(t), uploadID, 0, append(bytes.Clone(file), bytes.Repeat([]byte("x"), message)...))
	requireReason(t, err, contentv1.Reason_REASON_MORE_THAN_ANNOUNCED)
	require.Equal(t, int64(message), o.get(t, uploadID).GetOffset())
	u, err := appendTo(t.Context(), o.uploads(t), uploadID, message, whole[message:])
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	_, err = appendTo(t.Context(), o.uploads(t), uploadID, int64(len(whole)), []byte("x"))
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_ENDED)
}

// A stream that is cut off keeps what arrived; another goes on there, and nowhere else.
func TestCutOffAndResumed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(9<<20 + 12345)
	uploadID := o.create(t, file)
	sent := 0
	for _, bytes := range []int{1, message, 8 << 20} {
		ctx, cut := context.WithCancel(t.Context())
		stream, err := o.uploads(t).AppendUpload(ctx)
		require.NoError(t, err)
		require.NoError(t, send(stream, uploadID, int64(sent), file[sent:sent+bytes]))
		if bytes == 8<<20 { // the first part is kept while the stream goes on
			require.Eventually(t, func() bool { return o.get(t, uploadID).GetOffset() > int64(sent) }, unittest.Patience, shortly)
		}
		cut()
		require.Eventually(t, func() bool { return !o.leased(t, uploadID) }, unittest.Patience, shortly)
		sent = int(o.get(t, uploadID).GetOffset())
	}
	require.Positive(t, sent)
	_, err := appendTo(t.Context(), o.uploads(t), uploadID, int64(sent-1), file[sent-1:])
	requireReason(t, err, contentv1.Reason_REASON_OFFSET_DIFFERS)
	require.Equal(t, strconv.Itoa(sent), fault.As(err).Metadata["offset"])
	u, err := appendTo(t.Context(), o.uploads(t), uploadID, int64(sent), file[sent:])
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	got, err := o.read(t, uploadID, 0)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, got))
}

func (o *office) leased(t *testing.T, uploadID string) bool {
	t.Helper()
	var leased bool
	require.NoError(t, o.App.QueryRow(t.Context(), `select lease_owner is not null from upload where id = $1`, uploadID).Scan(&leased))
	return leased
}

// For everybody but its owner an upload does not exist.
func TestSomebodyElse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(100)
	uploadID := o.create(t, file)
	other := o.as(t, unittest.NewID())
	_, err := appendTo(t.Context(), other, uploadID, 0, file)
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_NOT_FOUND)
	_, err = other.GetUpload(t.Context(), &contentv1.GetUploadRequest{Id: uploadID})
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_NOT_FOUND)
	_, err = other.DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: uploadID})
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_NOT_FOUND)
	require.Zero(t, o.get(t, uploadID).GetOffset())
}

// Of two streams on one upload the second is told that it is busy. The lease of a process that died ends, and the next stream
// goes on.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(100)
	uploadID := o.create(t, file)
	first, err := o.uploads(t).AppendUpload(t.Context())
	require.NoError(t, err)
	require.NoError(t, send(first, uploadID, 0, file[:10]))
	require.Eventually(t, func() bool { return o.leased(t, uploadID) }, unittest.Patience, shortly)
	_, err = appendTo(t.Context(), o.uploads(t), uploadID, 0, file)
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_BUSY)

	// As if the first process had stood still for longer than its lease.
	_, err = o.Owner.Exec(t.Context(), `update upload set lease_until = now() - interval '1 second'`)
	require.NoError(t, err)
	u, err := appendTo(t.Context(), o.uploads(t), uploadID, 0, file)
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	_, err = first.CloseAndRecv()
	require.Error(t, err)
	got, err := o.read(t, uploadID, 0)
	require.NoError(t, err)
	require.Equal(t, file, got)
	require.Eventually(t, func() bool { return len(o.objects(t)) == 1 }, unittest.Patience, shortly, "what the first wrote is swept")
}

// A check that ended with its process is made again by whoever finds it.
func TestCheckIsRepeated(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	uploadID := o.ready(t, pdfOf(100))
	sum := o.hashState(t, pdfOf(100))
	_, err := o.Owner.Exec(t.Context(), `update upload set state = 'CHECKING', received_at = null, hash_state = $2 where id = $1`, uploadID, sum)
	require.NoError(t, err)
	o.awaitState(t, uploadID, contentv1.UploadState_UPLOAD_STATE_READY)
}

// A silent sender is cut off.
func TestSilence(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(c *content.Config) { c.Idle = shortly })
	file := pdfOf(100)
	uploadID := o.create(t, file)
	stream, err := o.uploads(t).AppendUpload(t.Context())
	require.NoError(t, err)
	require.NoError(t, send(stream, uploadID, 0, file[:10]))
	err = stream.RecvMsg(&contentv1.AppendUploadResponse{})
	require.ErrorIs(t, err, fault.Unavailable)
	require.Equal(t, int64(10), o.get(t, uploadID).GetOffset())
}

// The settings name what is wrong with them.
func TestConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, content.Default().Validate())
	broken := &content.Config{Bucket: "ftp://x", MediaTypes: []string{"text/html"}, PDF: content.PDF{Refuse: []string{"X"}}}
	for _, path := range []string{"bucket", "file_bytes", "media_types", "pdf.refuse", "open_uploads", "kept", "grace.end", "grace.viewing", "streams", "idle", "sweep_interval"} {
		require.ErrorContains(t, broken.Validate(), path)
	}
	require.NotContains(t, broken.Validate().Error(), "ftp")
}
