package delivery_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/delivery"
)

// A redirect is a failed attempt, wherever it leads: nobody follows it, and nobody was told.
func TestRedirectIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			var followed atomic.Int32
			elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				followed.Add(1)
				w.WriteHeader(http.StatusOK)
			}))
			t.Cleanup(elsewhere.Close)
			o, p := withPhone(t, 1, always(status))
			p.header = func() (string, string) { return "Location", elsewhere.URL }
			o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
			givenUp := unittest.AwaitFacts[*deliveryv1.RoundGivenUp](t, o.Bench, 1)
			require.Equal(t, "answered with status "+strconv.Itoa(status), givenUp[0].GetReason())
			require.Empty(t, unittest.Facts[*deliveryv1.NoticeGiven](t, o.Bench))
			require.Zero(t, followed.Load())
			require.Equal(t, 1, p.attempts())
		})
	}
}

// A hook that asks to be left alone is, for as long as it asks and at most a day: the attempt comes again then, and what arrives
// meanwhile waits without using up an attempt.
func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	const hour = "3600"
	for _, test := range []struct {
		name   string
		status int
		after  func(now time.Time) string
		want   time.Duration
	}{
		{"seconds", http.StatusTooManyRequests, func(time.Time) string { return hour }, time.Hour},
		{"a date", http.StatusServiceUnavailable, func(now time.Time) string { return now.Add(2 * time.Hour).UTC().Format(http.TimeFormat) }, 2 * time.Hour},
		{"seconds of more than a day", http.StatusServiceUnavailable, func(time.Time) string { return "31536000" }, 24 * time.Hour},
		{"more seconds than can be counted", http.StatusServiceUnavailable, func(time.Time) string { return strings.Repeat("9", 30) }, 24 * time.Hour},
		{"a date of more than a day", http.StatusTooManyRequests, func(now time.Time) string { return now.Add(1000 * time.Hour).UTC().Format(http.TimeFormat) }, 24 * time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, p := withPhone(t, 300, always(test.status))
			after := test.after(o.Clock.Now())
			p.header = func() (string, string) { return "Retry-After", after }
			o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
			await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from notice_round where last_error is not null`) == 1 })
			require.WithinDuration(t, o.databaseTime(t).Add(test.want), o.moment(t, `select due_at from notice_round`), 30*time.Second)
			require.WithinDuration(t, o.databaseTime(t).Add(test.want), o.moment(t, `select paused_until from notice_pause`), 30*time.Second)

			o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
			o.claims(t)
			require.Equal(t, 1, p.attempts())
			require.Equal(t, 1, o.count(t, `select count(*) from notice_arrival`))
			require.Contains(t, o.Logs.String(), "answered with status "+strconv.Itoa(test.status))
		})
	}
}

// A wait that is over, or not to be understood, is none: the attempt comes again with the usual backoff. Afterwards all is given.
func TestRetryAfterThatIsOver(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"0", "-5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT", "1"} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Bool
			o, p := withPhone(t, 300, func(call) int {
				if asked.CompareAndSwap(false, true) {
					return http.StatusServiceUnavailable
				}
				return http.StatusOK
			})
			p.header = func() (string, string) { return "Retry-After", after }
			o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)), resolved(1, o.document(t, unittest.NewID(), own)))
			unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 2)
			require.Zero(t, o.noticesLeft(t))
		})
	}
}

// A hook that is gone ends the round, which says so; nothing more is posted there for a day, and nothing of it is lost.
func TestGoneHookIsLeftAlone(t *testing.T) {
	t.Parallel()
	o, p := withPhone(t, 300, always(http.StatusGone))
	o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)), resolved(1, o.document(t, unittest.NewID(), own)))
	givenUp := unittest.AwaitFacts[*deliveryv1.RoundGivenUp](t, o.Bench, 1)
	require.Equal(t, "answered with status 410", givenUp[0].GetReason())
	require.Equal(t, uint32(1), givenUp[0].GetAttempt())
	require.Len(t, givenUp[0].GetRecipients(), 2)
	require.WithinDuration(t, o.databaseTime(t).Add(24*time.Hour), o.moment(t, `select paused_until from notice_pause`), 30*time.Second)
	o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
	o.claims(t)
	require.Equal(t, 1, p.attempts())
	require.Equal(t, 1, o.count(t, `select count(*) from notice_arrival`))
	require.Empty(t, unittest.Facts[*deliveryv1.NoticeGiven](t, o.Bench))
}

// A URL written with an address that is not public is refused with the settings, unless that is allowed.
func TestPrivateTargetIsConfigured(t *testing.T) {
	t.Parallel()
	for host, private := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "hook.localhost": true, "127.0.0.1": true, "[::1]": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true, "169.254.169.254": true,
		"100.64.0.1": true, "0.0.0.0": true, "[::ffff:127.0.0.1]": true, "[fe80::1]": true, "[fd00::1]": true, "[64:ff9b::7f00:1]": true,
		"messaging.example": false, "8.8.8.8": false, "[2001:4860:4860::8888]": false,
	} {
		c := delivery.Default()
		c.Notice.URL, c.Notice.SecretFile = "https://"+host+":8443/naru", secretFile(t, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
		if private {
			require.ErrorContains(t, c.Validate(), "notice.allow_private", host)
			c.Notice.AllowPrivate = true
		}
		require.NoError(t, c.Validate(), host)
	}
}

// databaseTime is the time by which rounds are due.
func (o *office) databaseTime(t *testing.T) time.Time {
	t.Helper()
	return o.moment(t, `select now()`)
}

func (o *office) moment(t *testing.T, sql string) time.Time {
	t.Helper()
	var at time.Time
	require.NoError(t, o.App.QueryRow(t.Context(), sql).Scan(&at))
	return at
}

// claims waits until rounds were looked for at least twice.
func (o *office) claims(t *testing.T) {
	t.Helper()
	before := o.scans(t)
	await.Require(t, unittest.Patience, func() bool { return o.scans(t) >= before+2 })
}

// scans are the times that the pause was read.
func (o *office) scans(t *testing.T) int {
	t.Helper()
	return o.count(t, `select seq_scan + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'notice_pause'`)
}
