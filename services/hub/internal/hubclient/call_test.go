package hubclient_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

const platform = "naru-01-relay"

func client(t testing.TB, change func(*hubclient.Config)) *hubclient.Client {
	t.Helper()
	c := hubclient.Default()
	require.Empty(t, c.Paths.Search, "no personal data goes where no source shows that it belongs")
	c.BaseURL, c.Paths.Search = "https://hub.example", "/api/eaddr/search"
	if change != nil {
		change(&c)
	}
	made, err := hubclient.New(c, platform)
	require.NoError(t, err)
	t.Cleanup(made.Close)
	return made
}

// ci contains the base64 characters that an unescaped query would corrupt.
const ci = "AAAA+BBBB/CCCC+DDDD/EEEEaaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmmnnnnooooppqg=="

func TestDateIsTruncatedToKSTSeconds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"whole second", time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC), "2026-03-02 12:04:05"},
		{"the last microsecond is not rounded up", time.Date(2026, 3, 2, 3, 4, 5, 999_999_000, time.UTC), "2026-03-02 12:04:05"},
		{"the day is KST's", time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC), "2027-01-01 00:00:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, hubclient.Date(tt.at))
		})
	}
}

func TestQueriesArePercentEncoded(t *testing.T) {
	t.Parallel()
	c := client(t, nil)
	require.Equal(t, "/api/eaddr?idn=AAAA%2BBBBB%2FCCCC%2BDDDD%2FEEEE"+ci[24:len(ci)-2]+"%3D%3D", c.LookUp(ci).Target)
	owner := c.Owner("홍 길#epost")
	require.Equal(t, "/api/eaddr/user?eaddr=%ED%99%8D%20%EA%B8%B8%23epost", owner.Target)
	require.Equal(t, http.MethodGet, owner.Method)
	require.Empty(t, owner.Body)
}

func TestCallsAreWrittenAsTheInterfaceSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 3, 0, 0, 500_000_000, time.UTC)
	circulation := hubclient.Circulation{
		EdocNum: "20260302_NARU000001_0000000000001", Title: "고지서 <3월> & 안내",
		From: hubclient.Party{PlatformID: platform, Address: "office", SubAddress: "tax"}, To: hubclient.Party{PlatformID: "peer-01", Address: "kim#epost"},
		SentAt: at, ReceivedAt: at.Add(time.Second), DocType: 0, Hash: "ab12", AttachmentHashes: []string{"cd34"},
	}
	old := func(c *hubclient.Config) { c.Dialect = hubclient.Dialect2021 }
	noSearch := func(c *hubclient.Config) { c.Paths.Search = "" }
	for _, tt := range []struct {
		name                 string
		change               func(*hubclient.Config)
		write                func(c *hubclient.Client) (hubclient.Call, error)
		method, target, body string
	}{
		{
			"first token", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.IssueToken(hubclient.Credentials{ClientID: "ID", ClientSecret: "SECRET"})
			},
			"POST", "/auth/token", `{"grantType":0,"clientId":"ID","clientSecret":"SECRET"}`,
		},
		{
			"renewed token", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.IssueToken(hubclient.Credentials{ClientID: "ID", ClientSecret: "SECRET", RefreshToken: "R"})
			},
			"POST", "/auth/token", `{"grantType":1,"clientId":"ID","clientSecret":"SECRET","refreshToken":"R"}`,
		},
		{
			"person with the search's facts", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.Register(hubclient.Registration{Identifier: ci, Address: "a", Name: "강나루", RegisteredAt: at, BirthDate: "19900102", Phone: "01000000001"})
			},
			"POST", "/api/eaddr", `{"idn":"` + ci + `","eaddr":"a","name":"강나루","type":0,"regDate":"2026-03-02 12:00:00","birthDate":"19900102","phone":"01000000001"}`,
		},
		{
			"person at a hub without search", noSearch,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.Register(hubclient.Registration{Identifier: ci, Address: "a", Name: "강나루", RegisteredAt: at, BirthDate: "19900102", Phone: "01000000001"})
			},
			"POST", "/api/eaddr", `{"idn":"` + ci + `","eaddr":"a","name":"강나루","type":0,"regDate":"2026-03-02 12:00:00"}`,
		},
		{
			"withdrawal", nil,
			func(c *hubclient.Client) (hubclient.Call, error) { return c.Withdraw("a", at) },
			"PATCH", "/api/eaddr", `{"eaddr":"a","delDate":"2026-03-02 12:00:00"}`,
		},
		{
			"another name of a person", nil,
			func(c *hubclient.Client) (hubclient.Call, error) { return c.ChangePerson("a", "강새벽", at) },
			"PATCH", "/api/eaddr/user/individual", `{"eaddr":"a","name":"강새벽","updDate":"2026-03-02 12:00:00"}`,
		},
		{
			"another type of an organisation, without documents", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				kind := 3
				return c.ChangeOrganisation(hubclient.Change{Address: "office", Name: "나루상사", Type: &kind, ChangedAt: at})
			},
			"POST", "/api/eaddr/user/company", `{"eaddr":"office","name":"나루상사","type":3,"updDate":"2026-03-02 12:00:00"}`,
		},
		{
			"circulation", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.RegisterCirculations([]hubclient.Circulation{circulation})
			},
			"POST", "/api/circulation", `{"circulations":[{"edocNum":"20260302_NARU000001_0000000000001","subject":"고지서 <3월> & 안내",` +
				`"sendEaddr":"office","sendSubEaddr":"tax","recvEaddr":"kim#epost","sendPlatformId":"naru-01-relay","recvPlatformId":"peer-01",` +
				`"sendDate":"2026-03-02 12:00:00","recvDate":"2026-03-02 12:00:01","docType":0,"contentHash":"ab12","fileHashes":["cd34"]}]}`,
		},
		{
			"circulation in the dialect of 2021", old,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.RegisterCirculations([]hubclient.Circulation{circulation})
			},
			"POST", "/api/circulation", `{"circulations":[{"edocNum":"20260302_NARU000001_0000000000001","subject":"고지서 <3월> & 안내",` +
				`"sendEaddr":"office","recvEaddr":"kim#epost","sendPlatformId":"naru-01-relay","recvPlatformId":"peer-01",` +
				`"sendDate":"2026-03-02 12:00:00","recvDate":"2026-03-02 12:00:01","contentHash":"ab12","fileHashes":["cd34"]}]}`,
		},
		{
			"read time", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.RegisterReadTimes([]hubclient.ReadTime{{EdocNum: "20260302_NARU000001_0000000000001", ReadAt: at}})
			},
			"PATCH", "/api/circulation", `{"circulations":[{"edocNum":"20260302_NARU000001_0000000000001","readDate":"2026-03-02 12:00:00"}]}`,
		},
		{
			"certificate", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.IssueCertificate("20260302_NARU000001_0000000000001", "office", "제출용")
			},
			"POST", "/api/cert", `{"edocNum":"20260302_NARU000001_0000000000001","eaddr":"office","reason":"제출용"}`,
		},
		{
			"search", nil,
			func(c *hubclient.Client) (hubclient.Call, error) {
				return c.Search(hubclient.Query{Name: "강나루", BirthDate: "19900102", Phone: "01000000001"})
			},
			"POST", "/api/eaddr/search", `{"name":"강나루","birthDate":"19900102","phone":"01000000001"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			call, err := tt.write(client(t, tt.change))
			require.NoError(t, err)
			require.Equal(t, tt.method, call.Method)
			require.Equal(t, tt.target, call.Target)
			require.Equal(t, "application/json; charset=utf-8", call.ContentType)
			require.Equal(t, tt.body, string(call.Body))
		})
	}
}

func TestOrganisationIsWrittenWithItsDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, dialect, wantType string
	}{
		{"sole trader", hubclient.DialectCurrent, `"type":5`},
		{"sole trader in the dialect of 2021 is other", hubclient.Dialect2021, `"type":9`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			call, err := client(t, func(c *hubclient.Config) { c.Dialect = tt.dialect }).Register(hubclient.Registration{
				Identifier: "1234567891", Address: "office", Name: "나루상사", Type: hubclient.TypeSoleTrader,
				RegisteredAt: time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC), BusinessDocument: []byte("biz"), RegistrationDocument: []byte("reg"),
			})
			require.NoError(t, err)
			mediaType, params, err := mime.ParseMediaType(call.ContentType)
			require.NoError(t, err)
			require.Equal(t, "multipart/mixed", mediaType)
			parts := multipart.NewReader(bytes.NewReader(call.Body), params["boundary"])
			got := map[string]string{}
			for {
				part, err := parts.NextRawPart()
				if err == io.EOF { //nolint:errorlint // the reader's own value
					break
				}
				require.NoError(t, err)
				content, err := io.ReadAll(part)
				require.NoError(t, err)
				got[part.Header.Get("Content-Disposition")+"|"+part.Header.Get("Content-Type")] = string(content)
			}
			require.Len(t, got, 3)
			require.Equal(t, "biz", got[`form-data; name="file"; filename="biz-doc.jpg"|image/jpeg`])
			require.Equal(t, "reg", got[`form-data; name="file"; filename="reg-doc.jpg"|image/jpeg`])
			message := got[`form-data; name="msg"|application/json`]
			require.Contains(t, message, `"idn":"1234567891"`)
			require.Contains(t, message, tt.wantType)
		})
	}
}

func TestAnotherNameOfAnOrganisationIsWrittenWithItsDocuments(t *testing.T) {
	t.Parallel()
	call, err := client(t, nil).ChangeOrganisation(hubclient.Change{
		Address: "office", Name: "새나루상사", ChangedAt: time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC), BusinessDocument: []byte("biz"), RegistrationDocument: []byte("reg"),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"POST", "/api/eaddr/user/company"}, []string{call.Method, call.Target})
	_, params, err := mime.ParseMediaType(call.ContentType)
	require.NoError(t, err)
	form, err := multipart.NewReader(bytes.NewReader(call.Body), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	require.Equal(t, []string{`{"eaddr":"office","name":"새나루상사","updDate":"2026-03-02 12:00:00"}`}, form.Value["msg"])
	require.Len(t, form.File["file"], 2)
}

func TestBatchesThatMayNotBeSent(t *testing.T) {
	t.Parallel()
	item := func(n string) hubclient.ReadTime { return hubclient.ReadTime{EdocNum: n} }
	for _, tt := range []struct {
		name  string
		items []hubclient.ReadTime
	}{
		{"none", nil},
		{"more than the limit", []hubclient.ReadTime{item("a"), item("b"), item("c")}},
		{"one number twice", []hubclient.ReadTime{item("a"), item("a")}},
		{"no number", []hubclient.ReadTime{item("")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, func(c *hubclient.Config) { c.BatchLimit = 2 }).RegisterReadTimes(tt.items)
			require.ErrorIs(t, err, hubclient.ErrBatch)
		})
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*hubclient.Config)
		want   string
	}{
		{"plain http to another machine", func(c *hubclient.Config) { c.BaseURL = "http://hub.example" }, "base_url"},
		{"a user in the address", func(c *hubclient.Config) { c.BaseURL = "https://u:p@hub.example" }, "base_url"},
		{"no address", func(c *hubclient.Config) { c.BaseURL = "" }, "base_url"},
		{"unknown dialect", func(c *hubclient.Config) { c.Dialect = "v1999" }, "dialect"},
		{"a path without slash", func(c *hubclient.Config) { c.Paths.Token = "auth" }, "paths.token"},
		{"a batch over the interface's limit", func(c *hubclient.Config) { c.BatchLimit = 501 }, "batch_limit"},
		{"an error code with a space", func(c *hubclient.Config) { c.ErrorCodes.Token = []string{"ERR 1"} }, "error_codes.token"},
		{"a code to retry of another form", func(c *hubclient.Config) { c.RetryCodes = []string{"ERR-02-001", "ERR-2-001"} }, "retry_codes[1]"},
		{"a code to retry in small letters", func(c *hubclient.Config) { c.RetryCodes = []string{"err-02-001"} }, "retry_codes[0]"},
		{"a code to retry twice", func(c *hubclient.Config) { c.RetryCodes = []string{"ERR-02-001", "ERR-02-002", "ERR-02-001"} }, "retry_codes[2]"},
		{"a code to retry that means a token", func(c *hubclient.Config) { c.RetryCodes = []string{"ERR-01-104"} }, "retry_codes[0]"},
		{"a code to retry that means an address", func(c *hubclient.Config) { c.RetryCodes = []string{"ERR-02-001", "ERR-01-303"} }, "retry_codes[1]"},
		{"a code to retry that was given a meaning", func(c *hubclient.Config) {
			c.ErrorCodes.NoCirculation, c.RetryCodes = []string{"ERR-05-777"}, []string{"ERR-05-777"}
		}, "retry_codes[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hubclient.Default()
			c.BaseURL = "https://hub.example"
			require.NoError(t, c.Validate())
			tt.change(&c)
			err := c.Validate()
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), tt.want+":"), err.Error())
		})
	}
	loopback := hubclient.Default()
	loopback.BaseURL, loopback.RetryCodes = "http://127.0.0.1:8080", []string{"ERR-09-001", "ERR-01-301"}
	require.NoError(t, loopback.Validate())
}
