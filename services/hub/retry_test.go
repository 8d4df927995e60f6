package hub

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	sandbox "github.com/naru-relay/naru/services/sandbox/hub" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/scenario"    //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// later is a code that the operator has configured to mean: try again later.
const later = "ERR-09-001"

func taught(c *Config) { c.Interface.RetryCodes = []string{"ERR-09-002", later} }

func refusing(code string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		writeJSON(w, `{"resultCode":0,"errCode":"`+code+`","errMsg":"점검 중"}`)
	}
}

// A configured code postpones every kind of call, in whatever form it comes, and is recorded with the answer. Any other code is
// still a refusal.
func TestRetryCodesPutCallsOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, operation string
		answer          func(http.ResponseWriter, *http.Request, []byte)
		call            func(t *testing.T, b *unittest.Bench) error
		kind            fault.Kind
		reason, code    string
		stored          string
	}{
		{
			"a batch", "register_circulations", refusing(later), func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(2))
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
		{
			"a batch with a code that is not listed", "register_circulations", refusing("ERR-09-003"), func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), circulations(2))
				return err
			}, fault.Conflict, "HUB_REFUSED", "ERR-09-003", "1 refused ERR-09-003",
		},
		{
			"read times, as text", "register_read_times", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "text/plain")
				_, _ = io.WriteString(w, `{"resultCode":0,"errCode":"`+later+`"}`)
			}, func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "circulation").RegisterReadTimes(t.Context(), &hubv1.RegisterReadTimesRequest{
					Items: []*hubv1.ReadTimeItem{{EdocNum: edoc(1), ReadAt: timestamppb.New(at)}},
				})
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
		{
			"an address", "register_person", refusing(later), func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
		{
			"an address whose owner is asked for", "look_up", func(w http.ResponseWriter, r *http.Request, body []byte) {
				if r.Method == http.MethodGet {
					refusing(later)(w, r, body)
					return
				}
				refusing("ERR-01-303")(w, r, body)
			}, func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "address").RegisterPersonAddress(t.Context(), person())
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
		{
			"a search", "search", refusing(later), func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "address").SearchRecipient(t.Context(), &hubv1.SearchRecipientRequest{Recipient: &platformv1.RecipientIdentifier{Ci: &testCI}})
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
		{
			"a certificate, with status 429", "issue_certificate", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, `{"resultCode":0,"errCode":"`+later+`"}`)
			}, func(t *testing.T, b *unittest.Bench) error {
				_, err := as(t, b, "certificate").IssueDistributionCertificate(t.Context(), &hubv1.IssueDistributionCertificateRequest{EdocNum: edoc(1), Address: "office", Reason: "제출용"})
				return err
			}, fault.Unavailable, "HUB_UNAVAILABLE", later, "1 try_later " + later,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHub(t)
			f.answer = tt.answer
			b := bench(t, f, taught)
			err := tt.call(t, b)
			require.ErrorIs(t, err, tt.kind)
			require.Equal(t, tt.reason, fault.ReasonOf(err))
			require.Equal(t, tt.code, fault.As(err).Metadata["errCode"])
			attempts := storedOutcomes(t, b, tt.operation) // connections between units repeat reads after UNAVAILABLE
			require.Equal(t, []string{tt.stored}, slices.Compact(slices.Clone(attempts)))
			require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))

			var stated []string
			for _, m := range unittest.Facts[*hubv1.ExchangeAnswered](t, b) {
				if m.GetOperation() == tt.operation {
					stated = append(stated, "1 "+strings.TrimSpace(m.GetOutcome()+" "+m.GetErrorCode()))
				}
			}
			require.Equal(t, attempts, stated)
			var answers int
			require.NoError(t, b.App.QueryRow(t.Context(), `
				select count(*)
				  from exchange_response r
				  join exchange_request q using (exchange, attempt)
				 where q.operation = $1 and r.response is not null and r.detail = ''`, tt.operation).Scan(&answers))
			require.Equal(t, len(attempts), answers, "the raw answer is kept")
		})
	}
}

// A batch that the hub postponed is registered once when it is sent again.
func TestABatchThatWasPutOffIsRegisteredOnceLater(t *testing.T) {
	t.Parallel()
	o := newOutside(t, sandbox.Dialect2023)
	b := o.bench(t, taught)
	joined(t, b)
	require.NoError(t, o.scenarios.Put(scenario.Scenario{
		ID: "closed", Kind: scenario.FailureOK, ErrCode: later, Match: scenario.Match{Method: http.MethodPost, Path: "/api/circulation"}, Times: 2,
	}))
	c, batch := as(t, b, "circulation"), delivered(b, 3)
	for range 2 {
		_, err := c.RegisterCirculations(t.Context(), batch)
		require.ErrorIs(t, err, fault.Unavailable)
	}
	got, err := c.RegisterCirculations(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, []int32{1, 1, 1}, results(got), "the hub had nothing of the batch before")
	got, err = c.RegisterCirculations(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, []int32{2, 2, 2}, results(got))
	require.Equal(t, []string{"1 try_later " + later, "1 try_later " + later, "1 success", "1 success"}, storedOutcomes(t, b, "register_circulations"))
}

// A hub that postpones calls is reachable: the breaker stays closed, and earlier failures no longer count.
func TestPuttingOffIsNoFailureForTheBreaker(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	b := bench(t, f, func(c *Config) {
		taught(c)
		c.Breaker = BreakerConfig{Failures: 3, OpenFor: config.Duration(time.Hour)}
	})
	c := as(t, b, "circulation")
	await.Require(t, unittest.Patience, func() bool { return len(storedOutcomes(t, b, "issue_token")) == 1 })
	sequence := []func(http.ResponseWriter, *http.Request, []byte){
		refusing(later), refusing(later), refusing(later), refusing(later), dropped, dropped, refusing(later), dropped, dropped,
	}
	for _, answer := range sequence {
		f.answerBy(answer)
		_, err := c.RegisterCirculations(t.Context(), circulations(1))
		require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
	}
	require.Len(t, f.calls("/api/circulation"), len(sequence), "no call was kept back")
	f.answerBy(echo(nil))
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
}

// A postponed token renewal is not tried again with the secret, unlike one whose refresh token is refused.
func TestAPutOffRenewalIsNotMadeAnotherWay(t *testing.T) {
	t.Parallel()
	f := newFakeHub(t)
	f.answer = echo(nil)
	f.onToken = func(w http.ResponseWriter, grant int) bool {
		if grant == 1 {
			writeJSON(w, `{"resultCode":0,"errCode":"`+later+`"}`)
		}
		return grant == 1
	}
	b := bench(t, f, taught)
	c := as(t, b, "circulation")
	_, err := c.RegisterCirculations(t.Context(), circulations(1))
	require.NoError(t, err)
	f.forget()
	_, err = c.RegisterCirculations(t.Context(), circulations(1))
	require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
	require.Equal(t, []string{"1 success", "1 try_later " + later}, storedOutcomes(t, b, "issue_token"))
}
