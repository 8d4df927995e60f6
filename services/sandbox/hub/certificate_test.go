package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// certify requests a certificate and returns the JSON head and the PDF part.
func (b *bundle) certify(platform, body string) (contentType string, head answer, pdf []byte) {
	b.t.Helper()
	resp, raw := b.send(http.MethodPost, "/api/cert", b.header(platform), "application/json", []byte(body))
	require.Equal(b.t, http.StatusOK, resp.StatusCode)
	mediaType, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	require.NoError(b.t, err)
	if mediaType != "multipart/mixed" {
		require.NoError(b.t, json.Unmarshal(raw, &head), string(raw))
		return mediaType, head, nil
	}
	parts := multipart.NewReader(bytes.NewReader(raw), params["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return mediaType, head, pdf
		}
		require.NoError(b.t, err)
		content, err := io.ReadAll(part)
		require.NoError(b.t, err)
		switch part.Header.Get("Content-Type") {
		case "application/json":
			require.Zero(b.t, n, "JSON comes first")
			require.NoError(b.t, json.Unmarshal(content, &head))
		case "application/pdf":
			pdf = content
		default:
			require.Fail(b.t, "unexpected part")
		}
	}
}

func certBody(serial int, eaddr string) string {
	return fmt.Sprintf(`{"edocNum":%q,"eaddr":%q,"reason":"제출용"}`, edoc(serial), eaddr)
}

func setupRegistered(t *testing.T, adjust ...func(*hub.Config)) *bundle {
	t.Helper()
	b := setupParties(t, adjust...)
	require.Equal(t, []int{1}, b.call(naru, http.MethodPost, "/api/circulation", batch(t, item(1, nil))).results())
	return b
}

func TestCertificateIsIssuedToParties(t *testing.T) {
	t.Parallel()
	b := setupRegistered(t)
	contentType, head, pdf := b.certify(naru, certBody(1, "SENDER"))
	require.Equal(t, "multipart/mixed", contentType)
	require.Equal(t, answer{ResultCode: 1, CertNum: "2026-0302-0000-0001"}, head)
	fields := strings.Split(string(pdf[strings.LastIndex(string(pdf), "\n")+1:]), "|")
	require.Equal(t, []string{"2026-0302-0000-0001", edoc(1), strings.Repeat("ab", 32), "강나루", "강나루", "제출용", ""}, fields)

	_, head, _ = b.certify(peer, certBody(1, "recipient"))
	require.Equal(t, "2026-0302-0000-0002", head.CertNum)

	var shown map[string]any
	b.inspect("/sandbox/certificates/2026-0302-0000-0001", &shown)
	require.Equal(t, edoc(1), shown["edocNum"])
	resp, _ := b.send(http.MethodGet, "/sandbox/certificates/2026-0302-9999-9999", adminHeader(), "", nil)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

func TestCertificateFailureIsText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, platform, body, code string }{
		{"unknown document", naru, certBody(2, "sender"), "ERR-01-501"},
		{"address is no party", naru, certBody(1, "nobody"), "ERR-01-501"},
		{"party of the other platform", naru, certBody(1, "recipient"), "ERR-01-501"},
		{"malformed number", naru, `{"edocNum":"x","eaddr":"sender"}`, "ERR-01-201"},
		{"reason too long", naru, fmt.Sprintf(`{"edocNum":%q,"eaddr":"sender","reason":%q}`, edoc(1), strings.Repeat("가", 201)), "ERR-01-201"},
		{"no address", naru, fmt.Sprintf(`{"edocNum":%q}`, edoc(1)), "ERR-01-201"},
	}
	for _, form := range []string{hub.FailureTextPlain, hub.FailureMultipart} {
		b := setupRegistered(t, func(c *hub.Config) { c.CertificateFailureForm = form })
		for _, tt := range tests {
			t.Run(form+" "+tt.name, func(t *testing.T) {
				contentType, head, pdf := b.certify(tt.platform, tt.body)
				require.Equal(t, form, contentType)
				require.Equal(t, tt.code, head.ErrCode)
				require.NotEmpty(t, head.ErrMsg)
				require.Equal(t, 0, head.ResultCode)
				require.Nil(t, pdf)
			})
		}
	}
}

func TestCertificateScenarios(t *testing.T) {
	t.Parallel()
	b := setupRegistered(t)
	_, _, honest := b.certify(naru, certBody(1, "sender"))
	honestLines := bytes.SplitN(honest, []byte("\n"), 3)
	tests := []struct {
		kind  scenario.Kind
		check func(t *testing.T, lines [][]byte)
	}{
		{scenario.CertificateForged, func(t *testing.T, lines [][]byte) {
			require.NotEqual(t, honestLines[1], lines[1])
			require.Contains(t, string(lines[2]), strings.Repeat("ab", 32))
		}},
		{scenario.CertificateOtherDocument, func(t *testing.T, lines [][]byte) {
			require.NotContains(t, string(lines[2]), strings.Repeat("ab", 32))
			require.Contains(t, string(lines[2]), edoc(1))
		}},
		{scenario.CertificateExpired, func(t *testing.T, lines [][]byte) {
			require.True(t, bytes.HasSuffix(lines[2], []byte("|certificate-expired")))
		}},
		{scenario.CertificateForeignSigner, func(t *testing.T, lines [][]byte) {
			require.True(t, bytes.HasSuffix(lines[2], []byte("|certificate-foreign-signer")))
		}},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			require.NoError(t, b.scenarios.Put(scenario.Scenario{ID: "c", Kind: tt.kind, Match: scenario.Match{EdocNum: edoc(1)}}))
			_, head, pdf := b.certify(naru, certBody(1, "sender"))
			require.Equal(t, 1, head.ResultCode)
			tt.check(t, bytes.SplitN(pdf, []byte("\n"), 3))
			var shown map[string]any
			b.inspect("/sandbox/certificates/"+head.CertNum, &shown)
			require.Equal(t, string(tt.kind), shown["scenario"])
		})
	}
}

func TestPairIsVerifiedAlsoAgainstWhatWasIssued(t *testing.T) {
	t.Parallel()
	b := setupRegistered(t)
	_, _, pdf := b.certify(naru, certBody(1, "sender"))
	verify := func(pdf, document string, drop int) answer {
		parts := [][3]string{
			{`form-data; name="distribution"`, "application/pdf", pdf},
			{`form-data; name="original"`, "application/octet-stream", "DER"},
			{`form-data; name="document"`, "application/pdf", document},
		}
		contentType, body := mixed(t, parts[:3-drop]...)
		return b.callAs(nil, http.MethodPost, "/api/cert/verify", contentType, body)
	}
	issued := hub.Check{Name: "distribution.issued_by_hub", Passed: true}
	same := hub.Check{Name: "document.hash", Passed: true}

	a := verify(string(pdf), "the document", 0)
	require.Equal(t, 1, a.ResultCode)
	require.True(t, a.Valid)
	require.Equal(t, []hub.Check{same, issued}, a.Checks)

	a = verify(string(pdf), "another", 0)
	require.Equal(t, 1, a.ResultCode)
	require.False(t, a.Valid)
	require.Equal(t, []hub.Check{{Name: "document.hash", Detail: "other_document"}, issued}, a.Checks)

	a = verify(string(pdf)+" ", "the document", 0)
	require.False(t, a.Valid)
	require.Equal(t, hub.Check{Name: "distribution.issued_by_hub", Detail: "not_issued"}, a.Checks[1])

	require.Equal(t, "ERR-01-201", verify(string(pdf), "the document", 1).ErrCode)
}
