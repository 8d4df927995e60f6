package hubclient_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/korean"

	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

func answer(body string) hubclient.Answer {
	return hubclient.Answer{Status: 200, ContentType: "application/json", Body: []byte(body)}
}

// cp949 is a text as a Korean Windows system writes it.
func cp949(t *testing.T, s string) string {
	t.Helper()
	encoded, err := korean.EUCKR.NewEncoder().String(s)
	require.NoError(t, err)
	return encoded
}

// verdict names what an error says.
func verdict(err error) string {
	var refused *hubclient.Refused
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &refused):
		return "refused " + refused.Code
	case errors.Is(err, hubclient.ErrUnknown):
		return "unknown"
	default:
		return err.Error()
	}
}

func TestReadResult(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer hubclient.Answer
		want   string
	}{
		{"success", answer(`{"resultCode":1}`), "success"},
		{"success with members nobody knows", answer(`{"resultCode":1,"more":{"a":[1]},"errCode":null}`), "success"},
		{"failure with 200", answer(`{"resultCode":0,"errCode":"ERR-01-304","errMsg":"없음"}`), "refused ERR-01-304"},
		{"failure without a code", answer(`{"resultCode":0}`), "refused "},
		{"failure as text/plain", hubclient.Answer{Status: 200, ContentType: "text/plain;charset=UTF-8", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-501"}`)}, "refused ERR-01-501"},
		{"failure with 400 in the hub's form", hubclient.Answer{Status: 400, ContentType: "application/json", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-201"}`)}, "refused ERR-01-201"},
		{"400 in another form", hubclient.Answer{Status: 400, ContentType: "application/json", Body: []byte(`{"error":"bad"}`)}, "unknown"},
		{"400 that says success", hubclient.Answer{Status: 404, ContentType: "application/json", Body: []byte(`{"resultCode":1}`)}, "unknown"},
		{"500 in the hub's form", hubclient.Answer{Status: 500, ContentType: "application/json", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-304"}`)}, "unknown"},
		{"redirect", hubclient.Answer{Status: 302, ContentType: "application/json", Body: []byte(`{"resultCode":1}`)}, "unknown"},
		{"HTML", hubclient.Answer{Status: 200, ContentType: "text/html", Body: []byte(`{"resultCode":1}`)}, "unknown"},
		{"no content type", hubclient.Answer{Status: 200, Body: []byte(`{"resultCode":1}`)}, "unknown"},
		{"empty", answer(``), "unknown"},
		{"cut", answer(`{"resultCode":1`), "unknown"},
		{"two values", answer(`{"resultCode":1}{"resultCode":0}`), "unknown"},
		{"no resultCode", answer(`{"errCode":"ERR-01-304"}`), "unknown"},
		{"resultCode 2", answer(`{"resultCode":2}`), "unknown"},
		{"resultCode as text", answer(`{"resultCode":"1"}`), "unknown"},
		{"an error code that is none", answer(`{"resultCode":0,"errCode":"<script>"}`), "unknown"},
		{"an array", answer(`[1]`), "unknown"},
		{"in no encoding", answer("{\"resultCode\":1,\"errMsg\":\"\xff\"}"), "unknown"},
		{"success in CP949", answer("{\"resultCode\":1,\"errMsg\":\"" + cp949(t, "정상 똠방각하") + "\"}"), "success"},
		{"refusal in CP949 with 400", hubclient.Answer{Status: 400, ContentType: "text/plain; charset=MS949", Body: []byte("{\"resultCode\":0,\"errCode\":\"ERR-01-201\",\"errMsg\":\"" + cp949(t, "잘못된 요청") + "\"}")}, "refused ERR-01-201"},
		{"declared as UTF-8 and is CP949", hubclient.Answer{Status: 200, ContentType: "application/json; charset=utf-8", Body: []byte("{\"resultCode\":0,\"errCode\":\"ERR-09-001\",\"errMsg\":\"" + cp949(t, "점검") + "\"}")}, "refused ERR-09-001"},
		{"UTF-8 with a byte order mark", answer("\ufeff" + `{"resultCode":0,"errCode":"ERR-09-001","errMsg":"점검"}`), "refused ERR-09-001"},
		{"UTF-16 with a byte order mark", answer("\xff\xfe" + strings.Join(strings.Split(`{"resultCode":1}`, ""), "\x00") + "\x00"), "success"},
		{"a code nobody knows", answer(`{"resultCode":0,"errCode":"E9999"}`), "refused E9999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, verdict(hubclient.ReadResult(tt.answer)))
		})
	}
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	item := func(n string, result int) string { return fmt.Sprintf(`{"edocNum":%q,"result":%d}`, n, result) }
	batch := func(items ...string) string {
		return `{"resultCode":1,"circulations":[` + strings.Join(items, ",") + `]}`
	}
	for _, tt := range []struct {
		name string
		body string
		want string
		res  []int
	}{
		{"in order", batch(item("a", 1), item("b", 2), item("c", 5)), "success", []int{1, 2, 5}},
		{"in another order", batch(item("c", 5), item("a", 1), item("b", 2)), "success", []int{1, 2, 5}},
		{"one missing", batch(item("c", 5), item("a", 1)), "success", []int{1, 0, 5}},
		{"none", batch(), "success", []int{0, 0, 0}},
		{"no list", `{"resultCode":1}`, "success", []int{0, 0, 0}},
		{"one nobody asked for", batch(item("a", 1), item("b", 1), item("c", 1), item("d", 1)), "unknown", nil},
		{"one twice", batch(item("a", 1), item("a", 3), item("b", 1)), "unknown", nil},
		{"result 0", batch(item("a", 0), item("b", 1), item("c", 1)), "success", []int{0, 1, 1}},
		{"no result", batch(`{"edocNum":"a"}`, item("b", 1)), "success", []int{0, 1, 0}},
		{"a result with 3 digits", batch(item("a", 100)), "success", []int{100, 0, 0}},
		{"a result that is none", batch(item("a", 1), item("b", -1), item("c", 70000)), "success", []int{1, 0, 0}},
		{"one twice, without a result", batch(`{"edocNum":"a"}`, item("a", 1)), "unknown", nil},
		{"refused as a whole", `{"resultCode":0,"errCode":"ERR-01-201"}`, "refused ERR-01-201", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			results, err := hubclient.ReadBatch(answer(tt.body), []string{"a", "b", "c"})
			require.Equal(t, tt.want, verdict(err))
			require.Equal(t, tt.res, results)
		})
	}
}

func mixed(parts ...string) hubclient.Answer {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("--cut\r\n" + part + "\r\n")
	}
	b.WriteString("--cut--\r\n")
	return hubclient.Answer{Status: 200, ContentType: `multipart/mixed; boundary="cut"`, Body: []byte(b.String())}
}

func TestReadCertificate(t *testing.T) {
	t.Parallel()
	const (
		message = "Content-Type: application/json\r\n\r\n" + `{"resultCode":1,"certNum":"2026-0302-0000-0001"}`
		pdf     = "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"x.pdf\"\r\n\r\n%PDF-1.7\n\xff\x00"
	)
	for _, tt := range []struct {
		name   string
		answer hubclient.Answer
		want   string
	}{
		{"message and file", mixed(message, pdf), "success"},
		{"file first", mixed(pdf, message), "success"},
		{"loose part types", mixed("Content-Type: text/plain\r\n\r\n"+`{"resultCode":1,"certNum":"2026-0302-0000-0001"}`, "Content-Type: application/octet-stream\r\n\r\n%PDF-1.7\n\xff\x00"), "success"},
		{"failure as text/plain", hubclient.Answer{Status: 200, ContentType: "text/plain", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-501"}`)}, "refused ERR-01-501"},
		{"failure as multipart", mixed("Content-Type: application/json\r\n\r\n" + `{"resultCode":0,"errCode":"ERR-01-501"}`), "refused ERR-01-501"},
		{"success without a file", mixed(message), "unknown"},
		{"success as JSON", answer(`{"resultCode":1,"certNum":"2026-0302-0000-0001"}`), "unknown"},
		{"file alone", mixed(pdf), "unknown"},
		{"two files", mixed(message, pdf, pdf), "unknown"},
		{"two messages", mixed(message, message, pdf), "unknown"},
		{"a file that is no PDF", mixed(message, "Content-Type: application/pdf\r\n\r\nGIF89a"), "unknown"},
		{"a number of another form", mixed(strings.Replace(message, "2026-0302", "20260302", 1), pdf), "unknown"},
		{"cut", hubclient.Answer{Status: 200, ContentType: `multipart/mixed; boundary=cut`, Body: []byte("--cut\r\n" + message)}, "unknown"},
		{"no boundary", hubclient.Answer{Status: 200, ContentType: `multipart/mixed`, Body: mixed(message, pdf).Body}, "unknown"},
		{"500", hubclient.Answer{Status: 503, ContentType: `multipart/mixed; boundary=cut`, Body: mixed(message, pdf).Body}, "unknown"},
		{"too many parts", mixed(message, pdf, "", "", "", "", "", "", ""), "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := hubclient.ReadCertificate(tt.answer)
			require.Equal(t, tt.want, verdict(err))
			if err == nil {
				require.Equal(t, hubclient.Certificate{Number: "2026-0302-0000-0001", PDF: []byte("%PDF-1.7\n\xff\x00")}, got)
			}
		})
	}
}

func TestReadToken(t *testing.T) {
	t.Parallel()
	got, err := hubclient.ReadToken(answer(`{"resultCode":1,"accessToken":"A","accessExpiresIn":43200,"refreshToken":"R","refreshExpiresIn":86400}`))
	require.NoError(t, err)
	require.Equal(t, hubclient.Token{Access: "A", Refresh: "R", AccessLifetime: 30 * 24 * time.Hour, RefreshLifetime: 60 * 24 * time.Hour}, got)
	for _, tt := range []struct{ name, body string }{
		{"no token", `{"resultCode":1}`},
		{"a token with a line break", `{"resultCode":1,"accessToken":"A\r\nX: y"}`},
		{"a negative life", `{"resultCode":1,"accessToken":"A","accessExpiresIn":-1}`},
		{"a life nobody can compute with", `{"resultCode":1,"accessToken":"A","accessExpiresIn":9223372036854775807}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := hubclient.ReadToken(answer(tt.body))
			require.ErrorIs(t, err, hubclient.ErrUnknown)
		})
	}
}

func TestReadAddresses(t *testing.T) {
	t.Parallel()
	held, err := hubclient.ReadAddresses(answer(`{"resultCode":1,"name":"강나루","eaddrs":["Kim.Office","other"]}`))
	require.NoError(t, err)
	require.True(t, hubclient.HoldsAddress(held, "kim.office"))
	require.False(t, hubclient.HoldsAddress(held, "kim"))
	owner, err := hubclient.ReadOwner(answer(`{"resultCode":1,"name":"강나루","type":0,"regDate":"2026-03-02 12:00:00"}`))
	require.NoError(t, err)
	require.Equal(t, hubclient.AddressOwner{Name: "강나루", RegisteredAt: time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)}, owner)
	_, err = hubclient.ReadOwner(answer(`{"resultCode":1,"name":"강나루","type":0,"regDate":"2026-03-02T12:00:00"}`))
	require.ErrorIs(t, err, hubclient.ErrUnknown)
	_, err = hubclient.ReadFound(answer(`{"resultCode":1,"addresses":[{"platformId":"","eaddr":"a"}]}`))
	require.ErrorIs(t, err, hubclient.ErrUnknown)
}

func TestWithoutSecrets(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, `{"clientId":"ID","clientSecret":"[redacted]","refreshToken":"[redacted]"}`,
		string(hubclient.WithoutSecrets([]byte(`{"clientId":"ID","clientSecret":"S3","refreshToken":"R3"}`))))
	for _, body := range []string{`token=S3`, `["S3"]`, `null`, `{"accessToken":"S3"`, ``} {
		require.NotContains(t, string(hubclient.WithoutSecrets([]byte(body))), "S3")
	}
}

// fuzzed checks what must be true for every answer: no panic, and one of the three outcomes.
func fuzzed(f *testing.F, seeds []hubclient.Answer, read func(hubclient.Answer) error) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s.Status, s.ContentType, s.Body)
	}
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		err := read(hubclient.Answer{Status: status, ContentType: contentType, Body: body})
		var refused *hubclient.Refused
		if err != nil && !errors.As(err, &refused) && !errors.Is(err, hubclient.ErrUnknown) {
			t.Fatalf("neither refused nor unknown: %v", err)
		}
	})
}

func FuzzReadBatch(f *testing.F) {
	fuzzed(f, []hubclient.Answer{
		answer(`{"resultCode":1,"circulations":[{"edocNum":"a","result":1},{"edocNum":"b","result":2}]}`),
		answer(`{"resultCode":0,"errCode":"ERR-01-103"}`),
	}, func(a hubclient.Answer) error {
		results, err := hubclient.ReadBatch(a, []string{"a", "b"})
		if err == nil && len(results) != 2 {
			return fmt.Errorf("%d results", len(results))
		}
		return err
	})
}

func FuzzReadCertificate(f *testing.F) {
	fuzzed(f, []hubclient.Answer{
		mixed("Content-Type: application/json\r\n\r\n"+`{"resultCode":1,"certNum":"2026-0302-0000-0001"}`, "Content-Type: application/pdf\r\n\r\n%PDF-1.7"),
		{Status: 200, ContentType: "text/plain", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-501"}`)},
	}, func(a hubclient.Answer) error {
		_, err := hubclient.ReadCertificate(a)
		return err
	})
}

func TestReadFigures(t *testing.T) {
	t.Parallel()
	const whole = `{"resultCode":1,"eaddr":"office","name":"나루상사","period":"2026-03","recvCountFromSent":3,"readCountFromSent":1,"recvCount":2,"readCount":0}`
	pdf := "Content-Type: application/pdf\r\n\r\n%PDF-1.7"
	got, err := hubclient.ReadFigures(mixed("Content-Type: application/json\r\n\r\n"+whole, pdf))
	require.NoError(t, err)
	require.Equal(t, []int64{3, 1, 2, 0}, []int64{*got.ReceivedOfSent, *got.ReadOfSent, *got.Received, *got.Read})
	require.Equal(t, []string{"office", "2026-03", whole, "%PDF-1.7"}, []string{got.Address, got.Period, string(got.Statement), string(got.PDF)})
	for name, a := range map[string]hubclient.Answer{
		"a figure is missing":  mixed("Content-Type: application/json\r\n\r\n"+strings.Replace(whole, `"readCount":0`, `"other":0`, 1), pdf),
		"a figure is negative": mixed("Content-Type: application/json\r\n\r\n"+strings.Replace(whole, `"readCount":0`, `"readCount":-1`, 1), pdf),
		"no address":           mixed("Content-Type: application/json\r\n\r\n"+strings.Replace(whole, `"office"`, `""`, 1), pdf),
		"no PDF":               mixed("Content-Type: application/json\r\n\r\n" + whole),
		"only JSON":            answer(whole),
	} {
		_, err := hubclient.ReadFigures(a)
		require.ErrorIs(t, err, hubclient.ErrUnknown, name)
	}
	var refused *hubclient.Refused
	_, err = hubclient.ReadFigures(hubclient.Answer{Status: 200, ContentType: "text/plain", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-501"}`)})
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "ERR-01-501", refused.Code)
}

func FuzzReadFigures(f *testing.F) {
	fuzzed(f, []hubclient.Answer{
		mixed("Content-Type: application/json\r\n\r\n"+`{"resultCode":1,"eaddr":"a","period":"2026-03","recvCountFromSent":1,"readCountFromSent":1,"recvCount":1,"readCount":1}`,
			"Content-Type: application/pdf\r\n\r\n%PDF-1.7"),
		{Status: 200, ContentType: "text/plain", Body: []byte(`{"resultCode":0,"errCode":"ERR-01-501"}`)},
	}, func(a hubclient.Answer) error {
		_, err := hubclient.ReadFigures(a)
		return err
	})
}

func TestReadPush(t *testing.T) {
	t.Parallel()
	const head = "Content-Type: application/json\r\n\r\n"
	const whole = `{"certNum":"2026-0302-0000-0001","edocNum":"20260302_NARU000001_0000000000001","eaddr":"office"}`
	pdf := "Content-Type: application/pdf\r\n\r\n%PDF-1.7"
	good := mixed(head+whole, pdf)
	got, err := hubclient.ReadPush(good.ContentType, good.Body)
	require.NoError(t, err)
	require.Equal(t, hubclient.Pushed{Number: "2026-0302-0000-0001", EdocNum: "20260302_NARU000001_0000000000001", Address: "office", PDF: []byte("%PDF-1.7")}, got)
	for name, a := range map[string]hubclient.Answer{
		"no number":      mixed(head+strings.Replace(whole, "certNum", "other", 1), pdf),
		"no edoc number": mixed(head+strings.Replace(whole, "20260302_NARU", "20260302-NARU", 1), pdf),
		"no address":     mixed(head+strings.Replace(whole, `"office"`, `""`, 1), pdf),
		"no PDF":         mixed(head + whole),
		"no JSON":        mixed(pdf),
		"two values":     mixed(head+whole+whole, pdf),
		"not multipart":  answer(whole),
	} {
		_, err := hubclient.ReadPush(a.ContentType, a.Body)
		require.ErrorIs(t, err, hubclient.ErrUnknown, name)
	}
}

func FuzzReadPush(f *testing.F) {
	fuzzed(f, []hubclient.Answer{
		mixed("Content-Type: application/json\r\n\r\n"+`{"certNum":"2026-0302-0000-0001","edocNum":"20260302_NARU000001_0000000000001","eaddr":"a"}`,
			"Content-Type: application/pdf\r\n\r\n%PDF-1.7"),
	}, func(a hubclient.Answer) error {
		_, err := hubclient.ReadPush(a.ContentType, a.Body)
		return err
	})
}

func FuzzReadToken(f *testing.F) {
	fuzzed(f, []hubclient.Answer{
		answer(`{"resultCode":1,"accessToken":"A","accessExpiresIn":1,"refreshToken":"R","refreshExpiresIn":2}`),
	}, func(a hubclient.Answer) error {
		_, err := hubclient.ReadToken(a)
		return err
	})
}
