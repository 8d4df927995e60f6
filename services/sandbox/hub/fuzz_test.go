package hub

import (
	"bytes"
	"mime/multipart"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// Only what the hub itself would write parses as a date.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"2026-03-02 12:00:00", "2026-02-30 12:00:00", "2026-3-2 1:0:0", "2026-03-02T12:00:00", "0000-01-01 00:00:00", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := parseDate(s)
		if !ok {
			require.True(t, at.IsZero())
			return
		}
		require.Len(t, s, 19)
		require.Equal(t, s, formatDate(at))
	})
}

// A batch is either refused, or has one result per item in the same order.
func FuzzReadBatch(f *testing.F) {
	for _, seed := range []string{
		`{"circulations":[{"edocNum":"a","subject":5},{"edocNum":"b"}]}`, `{"circulations":[]}`, `{"circulations":[null]}`, `[]`,
		`{"circulations":[{"edocNum":"a"}]} `, `{"circulations":[{"edocNum":"a"}]}x`, `{"circulations":[{"edocNum":"a","EDOCNUM":"b"}]}`,
	} {
		f.Add([]byte(seed))
	}
	system := &System{Base: scenario.Base{Clock: clock.NewFake(time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC))}, config: Default()}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, results, err := readBatch(body, func(it *circulationItem) *string { return &it.EdocNum })
		if err != nil {
			require.Nil(t, items)
			return
		}
		require.Len(t, results, len(items))
		require.NotEmpty(t, items)
		for i, r := range results {
			require.NotEmpty(t, r.EdocNum)
			if r.Result == 0 {
				require.Equal(t, items[i].EdocNum, r.EdocNum)
				system.judge(&items[i], "naru-01-relay")
			}
		}
	})
}

// An accepted submission has its message and both pictures.
func FuzzReadParts(f *testing.F) {
	const part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"biz-doc.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n"
	f.Add([]byte(part + "--b--\r\n"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"msg\"\r\nContent-Type: application/json\r\n\r\n{}\r\n" +
		part + string(bytes.Replace([]byte(part), []byte("biz"), []byte("reg"), 1)) + "--b--\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		sub, err := readParts(multipart.NewReader(bytes.NewReader(body), "b"))
		if err == nil {
			require.Len(t, sub.documents, 2)
			require.NotEqual(t, sub.documents[0].fileName, sub.documents[1].fileName)
		}
	})
}
