package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// figures asks for the certificate of a month's figures and returns the JSON part and the PDF.
func (b *bundle) figures(platform, body string) (head map[string]any, pdf string) {
	b.t.Helper()
	resp, raw := b.send(http.MethodPost, "/api/cert/figures", b.header(platform), "application/json", []byte(body))
	require.Equal(b.t, http.StatusOK, resp.StatusCode)
	mediaType, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	require.NoError(b.t, err)
	if mediaType != "multipart/mixed" {
		require.NoError(b.t, json.Unmarshal(raw, &head), string(raw))
		return head, ""
	}
	parts := multipart.NewReader(bytes.NewReader(raw), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return head, pdf
		}
		require.NoError(b.t, err)
		content, err := io.ReadAll(part)
		require.NoError(b.t, err)
		if part.Header.Get("Content-Type") == "application/pdf" {
			pdf = string(content)
			continue
		}
		require.NoError(b.t, json.Unmarshal(content, &head))
	}
}

// The figures count what an address of the caller's platform sent: by the month of sending, and by the months of receipt and of
// viewing, in Korean time.
func TestFiguresOfAMonth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, eaddr := range []string{"office", "other"} {
		require.Equal(t, 1, b.registerPerson(naru, eaddr, ciOf(eaddr), "2026-01-01 00:00:00").ResultCode)
	}
	for i, times := range [][3]string{
		{"2026-01-31 23:59:59", "2026-02-01 00:00:00", "2026-03-01 00:00:00"},
		{"2026-02-01 00:00:00", "2026-02-01 00:00:00", ""},
		{"2026-02-28 23:59:59", "2026-02-28 23:59:59", "2026-02-28 23:59:59"},
		{"2026-03-01 00:00:00", "2026-03-01 00:00:00", ""},
	} {
		item := map[string]any{
			"edocNum": "20260101_NARU000001_000000000000" + string(rune('1'+i)), "subject": "고지서", "sendEaddr": "office", "recvEaddr": "other",
			"sendPlatformId": naru, "recvPlatformId": naru, "sendDate": times[0], "recvDate": times[1], "docType": 0,
			"contentHash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		}
		if times[2] != "" {
			item["readDate"] = times[2]
		}
		body, err := json.Marshal(map[string]any{"circulations": []any{item}})
		require.NoError(t, err)
		require.Equal(t, []int{1}, b.call(naru, http.MethodPost, "/api/circulation", string(body)).results())
	}
	head, pdf := b.figures(naru, `{"eaddr":"OFFICE","period":"2026-02"}`)
	require.Equal(t, map[string]any{
		"resultCode": 1.0, "eaddr": "OFFICE", "name": "강나루", "period": "2026-02",
		"recvCountFromSent": 2.0, "readCountFromSent": 1.0, "recvCount": 3.0, "readCount": 1.0,
	}, head)
	require.Contains(t, pdf, "OFFICE|강나루|2026-02|{2 1 3 1}|")
	head, _ = b.figures(naru, `{"eaddr":"office","period":"2026-03"}`)
	require.Equal(t, []any{1.0, 0.0, 1.0, 1.0}, []any{head["recvCountFromSent"], head["readCountFromSent"], head["recvCount"], head["readCount"]})

	for body, code := range map[string]string{
		`{"eaddr":"office","period":"2025-12"}`:            "ERR-01-501",
		`{"eaddr":"other","period":"2026-02"}`:             "ERR-01-501",
		`{"eaddr":"nobody","period":"2026-02"}`:            "ERR-01-304",
		`{"eaddr":"office","period":"2026-2"}`:             "ERR-01-201",
		`{"eaddr":"office","period":"2026-13"}`:            "ERR-01-201",
		`{"eaddr":"office","period":"2026-04"}`:            "ERR-01-201",
		`{"eaddr":"","period":"2026-02"}`:                  "ERR-01-201",
		`{"eaddr":"office","period":"2026-02","edoc":"x"}`: "ERR-01-201",
	} {
		head, pdf := b.figures(naru, body)
		require.Equal(t, []any{0.0, code, ""}, []any{head["resultCode"], head["errCode"], pdf}, body)
	}
	head, _ = b.figures(peer, `{"eaddr":"office","period":"2026-02"}`)
	require.Equal(t, "ERR-01-304", head["errCode"], "the address is of another platform")

	require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "stranger", Kind: scenario.CertificateForeignSigner, Times: 1}))
	_, pdf = b.figures(naru, `{"eaddr":"office","period":"2026-02"}`)
	require.Contains(t, pdf, "|certificate-foreign-signer")
}
