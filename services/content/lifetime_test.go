package content_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const day = 24 * time.Hour

func (o *office) requireKept(t *testing.T, uploadID string) {
	t.Helper()
	// A file that is not due is told from one that was not looked at by another that is due and goes.
	probe := o.create(t, pdfOf(10))
	_, err := o.Owner.Exec(t.Context(), `update upload set kept_until = created_at where id = $1`, probe)
	require.NoError(t, err)
	o.awaitState(t, probe, contentv1.UploadState_UPLOAD_STATE_DELETED)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, o.get(t, uploadID).GetState())
	_, err = o.read(t, uploadID, 0)
	require.NoError(t, err)
}

func (o *office) requireGone(t *testing.T, uploadID, why string) {
	t.Helper()
	o.awaitState(t, uploadID, contentv1.UploadState_UPLOAD_STATE_DELETED)
	_, err := o.read(t, uploadID, 0)
	requireReason(t, err, contentv1.Reason_REASON_CONTENT_NOT_FOUND)
	require.Empty(t, o.get(t, uploadID).GetFileName())
	o.awaitEmpty(t)
	var told string
	var key []byte
	require.NoError(t, o.App.QueryRow(t.Context(), `select why, sealed_key from upload where id = $1`, uploadID).Scan(&told, &key))
	require.Equal(t, why, told)
	require.Nil(t, key)
	require.Contains(t, pg.Column(o.Stated(t, &contentv1.ContentDeleted{}), (*platformv1.Event).GetSubject), uploadID)
}

// An upload that no document names is deleted when its time is over, but only once every acceptance up to then is known.
func TestUnused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	uploadID := o.ready(t, pdfOf(100))
	o.pass(t, 6*day)
	o.requireKept(t, uploadID)
	o.Advance(t, 2*day) // intake tells nothing new: an acceptance may be on its way
	o.requireKept(t, uploadID)
	number := o.accept(t, 1, o.Clock.Now().Add(10*day), uploadID)
	o.pass(t, time.Hour)
	o.requireKept(t, uploadID)
	require.NotEmpty(t, number)

	unnamed := o.ready(t, pdfOf(200))
	o.pass(t, 8*day)
	o.awaitState(t, unnamed, contentv1.UploadState_UPLOAD_STATE_DELETED)
	o.requireKept(t, uploadID)
}

// An upload that was never finished goes with its time, too.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(100)
	uploadID := o.create(t, file)
	_, err := appendTo(t.Context(), o.uploads(t), uploadID, 0, file[:50])
	require.NoError(t, err)
	o.pass(t, 8*day)
	_, err = appendTo(t.Context(), o.uploads(t), uploadID, 50, file[50:])
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_ENDED)
	o.requireGone(t, uploadID, "UNUSED")
}

// The files of a document stay until a while after its viewing deadline.
func TestViewingDeadline(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	uploadID := o.ready(t, pdfOf(100))
	o.accept(t, 1, o.Clock.Now().Add(20*day), uploadID, uploadID)
	require.Nil(t, o.get(t, uploadID).GetExpiresAt())
	o.pass(t, 49*day)
	o.requireKept(t, uploadID)
	o.pass(t, 2*day)
	o.requireGone(t, uploadID, "NOT_NEEDED")
}

// The files of a document that ended without a receipt stay a shorter while, in whatever order its end and its acceptance come,
// and longer if another document names them.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(at *timestamppb.Timestamp) proto.Message{
		"cancelled by address": func(at *timestamppb.Timestamp) proto.Message { return &addressv1.DocumentCancelled{CancelledAt: at} },
		"cancelled":            func(at *timestamppb.Timestamp) proto.Message { return &deliveryv1.DocumentCancelled{CancelledAt: at} },
		"expired":              func(at *timestamppb.Timestamp) proto.Message { return &deliveryv1.DeliveryExpired{ExpiredAt: at} },
		"failed":               func(at *timestamppb.Timestamp) proto.Message { return &deliveryv1.DeliveryFailed{FailedAt: at} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			first, second := o.ready(t, pdfOf(100)), o.ready(t, pdfOf(200))
			number := o.accept(t, 1, o.Clock.Now().Add(100*day), first, second)
			o.accept(t, 2, o.Clock.Now().Add(100*day), second)
			o.deliver(t, number, end(timestamppb.New(o.Clock.Now())))
			o.pass(t, 6*day)
			o.requireKept(t, first)
			o.pass(t, 2*day)
			o.awaitState(t, first, contentv1.UploadState_UPLOAD_STATE_DELETED)
			o.requireKept(t, second)
		})
	}
}

func TestEndBeforeAcceptance(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	uploadID := o.ready(t, pdfOf(100))
	o.deliver(t, o.number(t, 1), &deliveryv1.DeliveryExpired{ExpiredAt: timestamppb.New(o.Clock.Now())})
	o.accept(t, 1, o.Clock.Now().Add(100*day), uploadID)
	o.pass(t, 8*day)
	o.requireGone(t, uploadID, "NOT_NEEDED")
}

// What is under legal hold stays, by the number of a document or by the upload itself.
func TestLegalHold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	named, unnamed := o.ready(t, pdfOf(100)), o.ready(t, pdfOf(200))
	number := o.accept(t, 1, o.Clock.Now().Add(day), named)
	for _, subject := range []string{number, unnamed} {
		require.NoError(t, o.Env.Journal.PlaceHold(t.Context(), subject, "operator", "case 1"))
	}
	_, err := o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: unnamed})
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_IN_USE)
	o.pass(t, 40*day)
	o.requireKept(t, named)
	o.requireKept(t, unnamed)
	for _, subject := range []string{number, unnamed} {
		require.NoError(t, o.Env.Journal.ReleaseHold(t.Context(), subject, "operator", "case 1"))
	}
	o.pass(t, 2*day)
	o.requireGone(t, unnamed, "UNUSED")
	o.requireGone(t, named, "NOT_NEEDED")
}

// Its owner deletes an upload that no document names; once and again.
func TestDelete(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	begun, ready, used := o.create(t, pdfOf(100)), o.ready(t, pdfOf(200)), o.ready(t, pdfOf(300))
	o.accept(t, 1, o.Clock.Now().Add(day), used)
	for range 2 {
		for _, uploadID := range []string{begun, ready} {
			_, err := o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: uploadID})
			require.NoError(t, err)
			require.Equal(t, contentv1.UploadState_UPLOAD_STATE_DELETED, o.get(t, uploadID).GetState())
			_, err = o.read(t, uploadID, 0)
			requireReason(t, err, contentv1.Reason_REASON_CONTENT_NOT_FOUND)
		}
	}
	_, err := o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: used})
	requireReason(t, err, contentv1.Reason_REASON_UPLOAD_IN_USE)
	o.pass(t, time.Hour)
	require.Eventually(t, func() bool { return len(o.objects(t)) == 1 }, unittest.Patience, shortly)
	require.Len(t, unittest.Facts[*contentv1.ContentDeleted](t, o.Bench), 2)
}

// An upload that its owner deleted just after a document named it is not deleted: the acceptance was on its way.
func TestDeleteMeetsAcceptance(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	uploadID := o.ready(t, pdfOf(100))
	_, err := o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: uploadID})
	require.NoError(t, err)
	o.accept(t, 1, o.Clock.Now().Add(day), uploadID)
	o.pass(t, time.Hour)
	o.requireKept(t, uploadID)
}

// A document that names a file which is not here raises an alarm.
func TestMissingFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.accept(t, 1, o.Clock.Now().Add(day), unittest.NewID())
	require.InEpsilon(t, 1, o.Metric(t, "naru_content_missing_files_total"), 0)
	require.Contains(t, o.Logs.String(), "a document names a file that is not here")
}

// A certificate bundle keeps the files of its document beyond their viewing; what the document does not name, or is gone, is
// not kept.
func TestRetainedForABundle(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	kept, gone, other := o.ready(t, pdfOf(100)), o.ready(t, pdfOf(200)), o.ready(t, pdfOf(300))
	deadline := o.Clock.Now().Add(day)
	number := o.accept(t, 1, deadline, kept)
	o.accept(t, 2, deadline, gone)
	until := o.Clock.Now().AddDate(10, 0, 0)
	answer, err := contentv1.NewContentServiceClient(o.Unit(t, "certificate")).RetainContents(t.Context(), &contentv1.RetainContentsRequest{
		EdocNum: number, Ids: []string{kept, other, uuid.NewString()}, Until: timestamppb.New(until),
	})
	require.NoError(t, err)
	require.Equal(t, []string{kept}, answer.GetIds())
	require.Len(t, unittest.Facts[*contentv1.ContentRetained](t, o.Bench), 1)
	o.pass(t, 100*day)
	o.awaitState(t, gone, contentv1.UploadState_UPLOAD_STATE_DELETED)
	o.requireKept(t, kept)
	o.pass(t, 11*365*day)
	o.awaitState(t, kept, contentv1.UploadState_UPLOAD_STATE_DELETED)
}
