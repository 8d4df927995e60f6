package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

var (
	at     = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	testCI = strings.Repeat("AbCdEf12", 10) + "AbCdEg=="
)

func person() *hubv1.RegisterPersonAddressRequest {
	return &hubv1.RegisterPersonAddressRequest{
		Ci: testCI, Address: "gang.naru", Name: "강나루", RegisteredAt: timestamppb.New(at), BirthDate: "19900102", Phone: "01000000001",
	}
}

func circulations(n int) *hubv1.RegisterCirculationsRequest {
	var r hubv1.RegisterCirculationsRequest
	for i := range n {
		r.Items = append(r.Items, &hubv1.CirculationItem{
			EdocNum: edoc(i + 1), Title: "고지서", DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL,
			From: &platformv1.Party{PlatformId: unittest.Platform, Address: "office"}, To: &platformv1.Party{PlatformId: unittest.Platform, Address: "gang.naru"},
			SentAt: timestamppb.New(at), ReceivedAt: timestamppb.New(at),
			DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("a", 64)},
		})
	}
	return &r
}

func results(r *hubv1.RegisterCirculationsResponse) []int32 {
	var list []int32
	for _, item := range r.GetResults() {
		list = append(list, item.GetResult())
	}
	return list
}

func TestExchangesAreStoredSealedBeforeTheCallerIsAnswered(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	b := bench(t, f, nil)
	answer, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
	require.NoError(t, err)
	require.False(t, answer.GetAlreadyRegistered())
	require.Equal(t, []string{"1 success"}, storedOutcomes(t, b, "register_person"))
	require.Equal(t, []string{"1 success"}, storedOutcomes(t, b, "issue_token"))
	require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))

	var q stored
	require.NoError(t, b.App.QueryRow(t.Context(), `
		select exchange, attempt, digest, request from exchange_request where exchange = $1`, answer.GetExchange()).
		Scan(&q.exchange, &q.attempt, &q.requestDigest, &q.request))
	raw, err := open(t.Context(), b.Env.Sealed, q.exchange, q.attempt, "request", q.request)
	require.NoError(t, err)
	sent := f.calls("/api/eaddr")
	require.Len(t, sent, 1)
	require.True(t, bytes.HasSuffix(raw, append([]byte("\r\n\r\n"), sent[0].body...)))
	require.Contains(t, string(raw), "req-UUID: "+sent[0].requestID)

	var kept hubv1.ExchangeAnswered
	var commit uuid.UUID
	require.NoError(t, b.App.QueryRow(t.Context(), `select commit_id from exchange_response where exchange = $1`, answer.GetExchange()).Scan(&commit))
	require.NoError(t, journal.Find(t.Context(), b.App, "hub", commit, answer.GetExchange(), &kept))
	require.Equal(t, q.requestDigest, kept.GetRequestDigest())

	for _, secret := range []string{testCI, "강나루", "01000000001", testSecret, "ACCESS-1", "REFRESH-1"} {
		require.NotContains(t, everything(t, b), secret)
		require.NotContains(t, b.Logs.String(), secret)
	}
}

// everything returns the content of all tables of the schema as text.
func everything(t testing.TB, b *unittest.Bench) string {
	t.Helper()
	var all strings.Builder
	for _, e := range b.Stated(t, &hubv1.ExchangeAnswered{}) {
		all.WriteString(e.String() + string(e.GetPayload()))
	}
	for _, sql := range []string{
		`select coalesce(string_agg(encode(p, 'escape'), ' '), '') from exchange_request, unnest(request) p`,
		`select coalesce(string_agg(encode(p, 'escape'), ' '), '') from exchange_response, unnest(response) p`,
		`select coalesce(string_agg(detail || ' ' || error_code, ' '), '') from exchange_response`,
		`select coalesce(string_agg(encode(access, 'escape') || encode(refresh, 'escape'), ' '), '') from hub_token`,
	} {
		var text string
		require.NoError(t, b.Owner.QueryRow(t.Context(), sql).Scan(&text))
		all.WriteString(text)
	}
	return all.String()
}

func TestTokenExchangeIsStoredWithoutSecrets(t *testing.T) {
	t.Parallel()
	b := bench(t, newFakeHub(t), nil)
	_, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
	require.NoError(t, err)
	rows, err := b.App.Query(t.Context(), `
		select q.exchange, q.attempt, q.digest, q.request, r.digest, r.response
		  from exchange_request q join exchange_response r using (exchange, attempt)
		 where q.operation = 'issue_token'`)
	require.NoError(t, err)
	s, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (stored, error) {
		var s stored
		err := row.Scan(&s.exchange, &s.attempt, &s.requestDigest, &s.request, &s.responseDigest, &s.response)
		return s, err
	})
	require.NoError(t, err)
	for side, pieces := range map[string][][]byte{"request": s.request, "response": s.response} {
		raw, err := open(t.Context(), b.Env.Sealed, s.exchange, s.attempt, side, pieces)
		require.NoError(t, err)
		require.Contains(t, string(raw), "[redacted]")
		for _, secret := range []string{testSecret, "ACCESS-1", "REFRESH-1"} {
			require.NotContains(t, string(raw), secret)
		}
	}
}

// dropped ends the connection without an answer.
func dropped(http.ResponseWriter, *http.Request, []byte) {
	panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to drop a connection
}

func TestOutcomesOfACall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, body []byte)
		kind   fault.Kind
		reason string
		code   string
		stored string
	}{
		{"down", dropped, fault.Unavailable, "HUB_UNAVAILABLE", "", "1 unknown"},
		{"503", func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusServiceUnavailable) }, fault.Unavailable, "HUB_UNAVAILABLE", "", "1 unknown"},
		{"slow", func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }, fault.Unavailable, "HUB_UNAVAILABLE", "", "1 unknown"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request, _ []byte) { writeJSON(w, "<html>") }, fault.Unavailable, "HUB_UNAVAILABLE", "", "1 unknown"},
		{"200 with a failure", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			writeJSON(w, `{"resultCode":0,"errCode":"ERR-01-201","errMsg":"형식"}`)
		}, fault.Conflict, "HUB_REFUSED", "ERR-01-201", "1 refused ERR-01-201"},
		{"a failure as text/plain", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, `{"resultCode":0,"errCode":"ERR-01-201"}`)
		}, fault.Conflict, "HUB_REFUSED", "ERR-01-201", "1 refused ERR-01-201"},
		{"the token refused again and again", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			writeJSON(w, `{"resultCode":0,"errCode":"ERR-01-104"}`)
		}, fault.Unavailable, "HUB_UNAVAILABLE", "", "1 token_refused ERR-01-104,2 token_refused ERR-01-104"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHub(t)
			f.answer = tt.answer
			b := bench(t, f, func(c *Config) { c.Interface.AnswerTimeout = config.Duration(300 * time.Millisecond) })
			_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(2))
			require.ErrorIs(t, err, tt.kind)
			require.Equal(t, tt.reason, fault.ReasonOf(err))
			require.Equal(t, tt.code, fault.As(err).Metadata["errCode"])
			stored := storedOutcomes(t, b, "register_circulations")
			require.Equal(t, tt.stored, strings.Join(stored, ","))
			require.Len(t, f.calls("/api/circulation"), len(stored))
			require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))
		})
	}
}

func TestBatchesAreMatchedByNumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		change  func([]map[string]any) []map[string]any
		want    []int32
		garbage bool
	}{
		{"as asked", nil, []int32{1, 1, 1}, false},
		{"another order with a result of its own", func(items []map[string]any) []map[string]any {
			items[0]["result"] = 5
			slices.Reverse(items)
			return items
		}, []int32{5, 1, 1}, false},
		{"missing", func(items []map[string]any) []map[string]any { return items[1:2] }, []int32{0, 1, 0}, false},
		{"extra", func(items []map[string]any) []map[string]any {
			return append(items, map[string]any{"edocNum": edoc(99), "result": 1})
		}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHub(t)
			f.answer = echo(tt.change)
			got, err := as(t, bench(t, f, nil), "circulation").RegisterCirculations(t.Context(), circulations(3))
			if tt.garbage {
				require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, results(got))
		})
	}
}

func TestDocumentTypesAsTheHubCountsThem(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	b := bench(t, f, nil)
	r := circulations(3)
	r.Items[1].DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE
	r.Items[2].DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
	_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), r)
	require.NoError(t, err)
	var sent struct {
		Circulations []struct {
			DocType     *int   `json:"docType"`
			ContentHash string `json:"contentHash"`
		} `json:"circulations"`
	}
	require.NoError(t, json.Unmarshal(f.calls("/api/circulation")[0].body, &sent))
	for i, item := range sent.Circulations {
		require.Equal(t, i, *item.DocType)
		require.Equal(t, strings.Repeat("a", 64), item.ContentHash)
	}

	r.Items[0].DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_UNSPECIFIED
	_, err = as(t, b, "circulation").RegisterCirculations(t.Context(), r)
	require.ErrorIs(t, err, fault.Invalid)
	require.Equal(t, "items[0].documentType", fault.As(err).Violations[0].Field)
	twice := circulations(1)
	twice.Items = append(twice.Items, twice.Items[0])
	_, err = as(t, b, "circulation").RegisterCirculations(t.Context(), twice)
	require.ErrorIs(t, err, fault.Invalid)
	require.Len(t, f.calls("/api/circulation"), 1)
}

func TestAddressAnswers(t *testing.T) {
	t.Parallel()
	refusing := func(code, addresses string) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.Method == http.MethodGet {
				writeJSON(w, addresses)
				return
			}
			writeJSON(w, `{"resultCode":0,"errCode":"`+code+`"}`)
		}
	}
	ctx := t.Context()
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, body []byte)
		call   func(c hubv1.HubServiceClient) (any, error)
		want   any
		reason string
	}{
		{
			"registered already, by the same", refusing("ERR-01-303", `{"resultCode":1,"name":"강나루","eaddrs":["Gang.Naru"]}`),
			func(c hubv1.HubServiceClient) (any, error) {
				r, err := c.RegisterPersonAddress(ctx, person())
				return r.GetAlreadyRegistered(), err
			}, true, "",
		},
		{
			"registered already, by somebody else", refusing("ERR-01-303", `{"resultCode":1,"name":"강나루","eaddrs":["another"]}`),
			func(c hubv1.HubServiceClient) (any, error) { return c.RegisterPersonAddress(ctx, person()) }, nil, "ADDRESS_TAKEN",
		},
		{
			"registered already, owner unknown to the hub", refusing("ERR-01-303", `{"resultCode":0,"errCode":"ERR-01-304"}`),
			func(c hubv1.HubServiceClient) (any, error) { return c.RegisterPersonAddress(ctx, person()) }, nil, "ADDRESS_TAKEN",
		},
		{
			"registered already, owner not to be learnt", refusing("ERR-01-303", `garbage`),
			func(c hubv1.HubServiceClient) (any, error) { return c.RegisterPersonAddress(ctx, person()) }, nil, "HUB_UNAVAILABLE",
		},
		{
			"withdrawal of what is not there is done", refusing("ERR-01-304", ``),
			func(c hubv1.HubServiceClient) (any, error) {
				r, err := c.WithdrawAddress(ctx, &hubv1.WithdrawAddressRequest{Address: "a", WithdrawnAt: timestamppb.New(at)})
				return len(r.GetExchange()), err
			}, 36, "",
		},
		{
			"an owner", refusing("", `{"resultCode":1,"name":"강나루","type":0,"regDate":"2026-03-02 12:00:00"}`),
			func(c hubv1.HubServiceClient) (any, error) {
				r, err := c.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: "a#b"})
				return r.GetRegisteredAt().AsTime(), err
			}, at, "",
		},
		{
			"no owner", refusing("", `{"resultCode":0,"errCode":"ERR-01-304"}`),
			func(c hubv1.HubServiceClient) (any, error) {
				r, err := c.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: "a#b"})
				return r.GetExists(), err
			}, false, "",
		},
		{
			"a search finds nobody", refusing("ERR-01-304", ``),
			func(c hubv1.HubServiceClient) (any, error) {
				r, err := c.SearchRecipient(ctx, &hubv1.SearchRecipientRequest{Recipient: &platformv1.RecipientIdentifier{Ci: &testCI}})
				return len(r.GetAddresses()), err
			}, 0, "",
		},
		{
			"a document that is no picture", refusing("", ""),
			func(c hubv1.HubServiceClient) (any, error) {
				return c.RegisterOrganisationAddress(ctx, &hubv1.RegisterOrganisationAddressRequest{
					BusinessNumber: "1234567891", Address: "office", Name: "나루상사", RegisteredAt: timestamppb.New(at),
					Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, BusinessDocument: []byte("GIF89a"),
				})
			}, nil, "INVALID_REQUEST",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHub(t)
			f.answer = tt.answer
			got, err := tt.call(as(t, bench(t, f, nil), "address"))
			require.Equal(t, tt.reason, fault.ReasonOf(err))
			if tt.reason == "" {
				require.NoError(t, err)
				require.Equal(t, tt.want, got)
			}
		})
	}
}

func TestCertificateFailures(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
		_, _ = io.WriteString(w, `{"resultCode":0,"errCode":"ERR-01-501","errMsg":"없음"}`)
	}
	_, err := as(t, bench(t, f, nil), "certificate").IssueDistributionCertificate(t.Context(),
		&hubv1.IssueDistributionCertificateRequest{EdocNum: edoc(1), Address: "office", Reason: "제출용"})
	require.ErrorIs(t, err, fault.Conflict)
	require.Equal(t, "NO_CIRCULATION", fault.ReasonOf(err))
}

func TestNothingIsAnsweredThatCouldNotBeStored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, table string
		sent        int
	}{
		{"the request", "exchange_request", 0},
		{"the answer", "exchange_response", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHub(t)
			b := bench(t, f, nil)
			await.Require(t, unittest.Patience, func() bool { return len(storedOutcomes(t, b, "issue_token")) == 1 })
			_, err := as(t, b, "address").GetAddressOwner(t.Context(), &hubv1.GetAddressOwnerRequest{Address: "warm"})
			require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err)) // a success without an owner counts as garbage
			_, err = b.Owner.Exec(t.Context(), `revoke insert on `+tt.table+` from hub_app`)
			require.NoError(t, err)
			_, err = as(t, b, "address").RegisterPersonAddress(t.Context(), person())
			require.ErrorIs(t, err, fault.Unavailable)
			require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
			require.Len(t, f.calls("/api/eaddr"), tt.sent)
		})
	}
}

func TestExchangesCannotBeChanged(t *testing.T) {
	t.Parallel()
	b := bench(t, newFakeHub(t), nil)
	_, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
	require.NoError(t, err)
	for _, sql := range []string{
		`update exchange_request set operation = 'other'`, `delete from exchange_request`,
		`update exchange_response set outcome = 'unknown'`, `delete from exchange_response`,
	} {
		_, err := b.App.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "permission denied")
	}
	_, err = b.Owner.Exec(t.Context(), `update exchange_response set response = (select array_agg(p) from unnest(request) p)
		from exchange_request q where q.exchange = exchange_response.exchange`)
	require.NoError(t, err)
	require.ErrorIs(t, Audit(t.Context(), b.App, b.Env.Sealed), fault.Corrupt)
}

func TestBreakerOpensAndTriesAgain(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = dropped
	b := bench(t, f, func(c *Config) {
		c.Breaker = BreakerConfig{Failures: 3, OpenFor: config.Duration(400 * time.Millisecond)}
	})
	c := as(t, b, "circulation")
	for range 6 {
		_, err := c.RegisterCirculations(t.Context(), circulations(1))
		require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
	}
	require.Len(t, f.calls("/api/circulation"), 3)
	require.Len(t, storedOutcomes(t, b, "register_circulations"), 3)
	f.answerBy(echo(nil))
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		_, err := c.RegisterCirculations(ctx, circulations(1))
		return err
	})
	require.Len(t, f.calls("/api/circulation"), 4)
}

func TestBatchesLeaveRoomForOtherCalls(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	release := make(chan struct{})
	f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
		if r.URL.Path == "/api/circulation" {
			<-release
			echo(nil)(w, r, body)
			return
		}
		writeJSON(w, `{"resultCode":1}`)
	}
	b := bench(t, f, func(c *Config) { c.Limits = LimitConfig{Concurrent: 2, ConcurrentBatches: 1} })
	done := make(chan error, 3)
	batches := as(t, b, "circulation")
	for range 3 {
		go func() {
			_, err := batches.RegisterCirculations(t.Context(), circulations(1))
			done <- err
		}()
	}
	await.Require(t, unittest.Patience, func() bool { return len(f.calls("/api/circulation")) == 1 })
	_, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
	require.NoError(t, err)
	require.Len(t, f.calls("/api/circulation"), 1)
	close(release)
	for range 3 {
		require.NoError(t, <-done)
	}
}

func TestOnlyNeighboursMayCall(t *testing.T) {
	t.Parallel()
	b := bench(t, newFakeHub(t), nil)
	_, err := as(t, b, "viewing").RegisterPersonAddress(t.Context(), person())
	require.ErrorIs(t, err, fault.Denied)
	_, err = hubv1.NewHubServiceClient(b.Admin(t)).RegisterCirculations(t.Context(), circulations(1))
	require.Error(t, err)
}

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}
