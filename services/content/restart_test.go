package content_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// An upload goes on after the unit was stopped and started again, with the keys of the key folder and the parts of the bucket.
func TestRestart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(1000)
	kept, begun := o.ready(t, file), o.create(t, file)
	_, err := appendTo(t.Context(), o.uploads(t), begun, 0, file[:500])
	require.NoError(t, err)
	o.Restart(t, "", func() {})
	require.Eventually(t, func() bool { return o.Ready(t.Context()) == nil }, unittest.Patience, shortly)
	u, err := appendTo(t.Context(), o.uploads(t), begun, 500, file[500:])
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	for _, uploadID := range []string{kept, begun} {
		got, err := o.read(t, uploadID, 0)
		require.NoError(t, err)
		require.Equal(t, file, got)
	}
}

// What a killed process left unfinished is removed when its lease has ended, and not before.
func TestUnfinishedObjectsAreSwept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(1000)
	uploadID := o.create(t, file)
	stream, err := o.uploads(t).AppendUpload(t.Context())
	require.NoError(t, err)
	require.NoError(t, send(stream, uploadID, 0, file[:500]))
	require.Eventually(t, func() bool { return len(o.objects(t)) == 1 }, unittest.Patience, shortly)
	// As if the process of the stream were gone: it has the lease for a while, and its file lies there under the name it had.
	unfinished := o.objects(t)[0]
	require.Equal(t, ".tmp", filepath.Ext(unfinished))
	kept := []byte(readFile(t, unfinished))
	_, err = stream.CloseAndRecv()
	require.NoError(t, err)
	object := unittest.NewID()
	_, err = o.Owner.Exec(t.Context(), `update upload set lease_owner = $2, lease_until = now() + interval '1 minute' where id = $1`, uploadID, object)
	require.NoError(t, err)
	_, err = o.Owner.Exec(t.Context(), `insert into upload_part (object, upload, number, position, owner) values ($1, $2, 9, 0, $1)`, object, uploadID)
	require.NoError(t, err)
	left := filepath.Join(o.folder, object[len(object)-2:], object+".1a2b.tmp")
	require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o700))
	require.NoError(t, os.WriteFile(left, kept, 0o600))
	o.pass(t, time.Second)
	o.requireKept(t, o.ready(t, pdfOf(10)))
	require.FileExists(t, left)
	_, err = o.Owner.Exec(t.Context(), `update upload set lease_until = now() - interval '1 second' where id = $1`, uploadID)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(left); return os.IsNotExist(err) }, unittest.Patience, shortly)
}
