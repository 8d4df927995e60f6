package content_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/content"
)

// The rows follow from the facts, and one that somebody changed is found.
func TestAudit(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ready, gone := o.ready(t, pdfOf(100)), o.ready(t, pdfOf(200))
	refused := o.upload(t, []byte("no PDF"))
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_REFUSED, refused.GetState())
	o.create(t, pdfOf(300))
	_, err := o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: gone})
	require.NoError(t, err)
	o.pass(t, time.Hour)
	o.awaitDestroyed(t, gone)
	require.Empty(t, o.violations(t))

	_, err = o.Owner.Exec(t.Context(), `update upload set size = size + 1 where id = $1`, ready)
	require.NoError(t, err)
	_, err = o.Owner.Exec(t.Context(), `update upload set why = 'UNUSED' where id = $1`, gone)
	require.NoError(t, err)
	require.Equal(t, []string{audit.RowDiffers, audit.RowDiffers}, o.violations(t))
}

func (o *office) violations(t *testing.T) []string {
	t.Helper()
	report, err := audit.Run(t.Context(), o.App, []audit.Unit{{Name: "content", Tables: content.Unit.Follows}}, o.Clock.Now())
	require.NoError(t, err)
	var codes []string
	for _, v := range report.Violations {
		codes = append(codes, v.Code)
	}
	slices.Sort(codes)
	return codes
}

// awaitDestroyed waits for the fact; the owner is shown DELETED before.
func (o *office) awaitDestroyed(t *testing.T, uploadID string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var state string
		require.NoError(t, o.App.QueryRow(t.Context(), `select state from upload where id = $1`, uploadID).Scan(&state))
		return state == "DELETED"
	}, unittest.Patience, shortly)
}
