package content_test

import (
	"testing"

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
