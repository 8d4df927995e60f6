package sample_test

import (
	"bytes"
	"image/jpeg"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/client/sample"
)

// The document is a valid PDF of one page, and a different identifier gives different bytes.
func TestPDF(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	one, err := sample.PDF("0191d0a1-one", at)
	require.NoError(t, err)
	pages, err := api.PageCount(bytes.NewReader(one), model.NewDefaultConfiguration())
	require.NoError(t, err)
	require.Equal(t, 1, pages)
	other, err := sample.PDF("0191d0a1-other", at)
	require.NoError(t, err)
	require.NotEqual(t, one, other)
	_, err = sample.PDF("힣", at)
	require.ErrorContains(t, err, "U+D7A3")
}

func TestJPEG(t *testing.T) {
	t.Parallel()
	raw, err := sample.JPEG()
	require.NoError(t, err)
	require.Equal(t, []byte{0xff, 0xd8, 0xff}, raw[:3])
	_, err = jpeg.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
}
