package delivery_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/delivery"
)

var noticeSecret = []byte("a-secret-of-tests-with-enough-bytes")

// call is what the operator's messaging received.
type call struct {
	webhook, raw string
	Type         string
	Notices      []struct {
		Recipient, To string
		Documents     []struct {
			EdocNum, From, Code, Confirm string
			ReceivedAt                   time.Time
		}
	}
}

// numbers returns the documents of the notices by recipient.
func (c call) numbers() map[string][]string {
	all := map[string][]string{}
	for _, n := range c.Notices {
		for _, d := range n.Documents {
			all[n.Recipient] = append(all[n.Recipient], d.EdocNum)
		}
	}
	return all
}

// phone plays the operator's messaging. It answers with status and keeps what it accepted.
type phone struct {
	mu     sync.Mutex
	status func(c call) int
	// header is what every answer carries besides; it may be nil.
	header func() (name, value string)
	took   []call
	asked  int
}

func (p *phone) calls() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.took)
}

func (p *phone) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// withPhone runs an office that sends its notices to a phone.
func withPhone(t *testing.T, attempts int, status func(call) int, changes ...func(*delivery.Config)) (*office, *phone) {
	t.Helper()
	p := &phone{status: status}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, noticeSecret)
		mac.Write([]byte(r.Header.Get("Webhook-Id") + "." + r.Header.Get("Webhook-Timestamp") + "." + string(raw)))
		c := call{webhook: r.Header.Get("Webhook-Id"), raw: string(raw)}
		if err != nil || json.Unmarshal(raw, &c) != nil || r.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		answer := p.status(c)
		if answer == http.StatusOK {
			p.took = append(p.took, c)
		}
		if p.header != nil {
			w.Header().Set(p.header())
		}
		w.WriteHeader(answer)
	}))
	t.Cleanup(server.Close)
	return setup(t, unittest.Config(func(c *delivery.Config) {
		c.Notice.URL, c.Notice.AllowPrivate, c.Notice.Attempts = server.URL, true, attempts
		c.Notice.SecretFile = secretFile(t, "whsec_"+base64.StdEncoding.EncodeToString(noticeSecret))
		for _, change := range changes {
			change(c)
		}
	})), p
}

func always(status int) func(call) int { return func(call) int { return status } }

func (o *office) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, o.App.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func (o *office) noticesLeft(t *testing.T) int {
	t.Helper()
	return o.count(t, `select (select count(*) from notice_arrival) + (select count(*) from notice_round where given_up_at is null)`)
}

// A notice is signed, contains neither title nor content, and is tried again under the same id. Its success is a fact with a
// proof.
func TestNotice(t *testing.T) {
	t.Parallel()
	var first string
	o, p := withPhone(t, 300, func(c call) int {
		if first == "" {
			first = c.webhook
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	recipient := unittest.NewID()
	d := o.document(t, recipient, own)
	o.Deliver(t, express, resolved(1, d))
	require.Len(t, unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1), 1)
	took := p.calls()
	require.Len(t, took, 1)
	require.Equal(t, first, took[0].webhook)
	require.NotContains(t, took[0].raw, "시험 고지서")
	require.Equal(t, "documents.arrived", took[0].Type)
	require.Equal(t, map[string][]string{recipient: {d.GetFacts().GetEdocNum()}}, took[0].numbers())
	require.Equal(t, "to-"+recipient, took[0].Notices[0].To)
	require.Equal(t, "sender", took[0].Notices[0].Documents[0].From)
	require.Equal(t, o.Clock.Now(), took[0].Notices[0].Documents[0].ReceivedAt)
	require.Zero(t, o.noticesLeft(t))
	given := unittest.Facts[*deliveryv1.RoundGiven](t, o.Bench)
	require.Len(t, given, 1)
	require.Equal(t, uint32(2), given[0].GetAttempt())
	require.Equal(t, o.Clock.Now(), given[0].GetGivenAt().AsTime())
	require.Len(t, given[0].GetRecipients(), 1)
	require.Equal(t, recipient, given[0].GetRecipients()[0].GetRecipient())
	require.Equal(t, "to-"+recipient, given[0].GetRecipients()[0].GetAddress())
	require.Equal(t, []string{d.GetFacts().GetEdocNum()}, given[0].GetRecipients()[0].GetEdocNums())
	require.Equal(t, first, o.Stated(t, &deliveryv1.RoundGiven{})[0].GetSubject())
}

// A recipient gets one notice for all documents that arrived together; a fact is stated for each document.
func TestRoundTellsEachRecipientOfAllThatCame(t *testing.T) {
	t.Parallel()
	o, p := withPhone(t, 300, always(http.StatusOK))
	one, other := unittest.NewID(), unittest.NewID()
	want := map[string][]string{}
	var events []journal.Fact
	for _, recipient := range []string{one, other, one, other, one} {
		d := o.document(t, recipient, own)
		want[recipient] = append(want[recipient], d.GetFacts().GetEdocNum())
		events = append(events, resolved(1, d))
	}
	o.Deliver(t, express, events...)
	require.Len(t, unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 5), 5)
	took := p.calls()
	require.Len(t, took, 1)
	require.Len(t, took[0].Notices, 2)
	require.Equal(t, want, took[0].numbers())
}

// A recipient who has read a document, or whose document is to be cancelled, gets no notice of it; the other documents of the
// round are not affected.
func TestReadingAndCancellingStopTheNotice(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	open := false
	o, p := withPhone(t, 300, func(call) int {
		mu.Lock()
		defer mu.Unlock()
		if open {
			return http.StatusOK
		}
		return http.StatusBadGateway
	})
	recipient := unittest.NewID()
	read, cancelled, told := o.document(t, recipient, own), o.document(t, recipient, own), o.document(t, recipient, own)
	o.Deliver(t, express, resolved(1, read), resolved(1, cancelled), resolved(1, told))
	o.read(t, read.GetFacts().GetEdocNum(), o.Clock.Now())
	o.cancel(t, cancelled.GetFacts().GetEdocNum())
	mu.Lock()
	open = true
	mu.Unlock()
	given := unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1)
	require.Equal(t, told.GetFacts().GetEdocNum(), given[len(given)-1].GetEdocNum())
	require.Len(t, p.calls(), 1)
	require.Equal(t, map[string][]string{recipient: {told.GetFacts().GetEdocNum()}}, p.calls()[0].numbers())
}

// A round with nothing left to tell ends without a call, and states nothing.
func TestRoundWithNothingToTellEnds(t *testing.T) {
	t.Parallel()
	o, _ := withPhone(t, 300, always(http.StatusBadGateway))
	d := o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, d))
	o.read(t, d.GetFacts().GetEdocNum(), o.Clock.Now())
	await.Require(t, unittest.Patience, func() bool { return o.noticesLeft(t) == 0 })
	require.Empty(t, unittest.Facts[*deliveryv1.NoticeGiven](t, o.Bench))
	require.Empty(t, unittest.Facts[*deliveryv1.RoundGiven](t, o.Bench))
	require.Empty(t, unittest.Facts[*deliveryv1.RoundGivenUp](t, o.Bench))
}

// It is stated too that nobody could be told, and the round's documents are kept for a person to see.
func TestNoticeGivenUp(t *testing.T) {
	t.Parallel()
	o, p := withPhone(t, 2, always(http.StatusBadGateway))
	d := o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, d))
	number := d.GetFacts().GetEdocNum()
	await.Require(t, unittest.Patience, func() bool {
		return o.count(t, `select count(*) from notice_round where given_up_at is not null and edoc_nums = array[$1]`, number) == 1
	})
	require.Equal(t, 2, p.attempts())
	givenUp := unittest.Facts[*deliveryv1.RoundGivenUp](t, o.Bench)
	require.Len(t, givenUp, 1)
	require.Equal(t, []string{number}, givenUp[0].GetRecipients()[0].GetEdocNums())
	require.Equal(t, "answered with status 502", givenUp[0].GetReason())
	require.Empty(t, unittest.Facts[*deliveryv1.NoticeGiven](t, o.Bench))
}

// A recipient whose notice is refused because of its content does not delay the others' notices.
func TestRefusedContentHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	bad, good := unittest.NewID(), unittest.NewID()
	o, p := withPhone(t, 1, func(c call) int {
		if len(c.numbers()[bad]) > 0 {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	refused, told := o.document(t, bad, own), o.document(t, good, own)
	o.Deliver(t, express, resolved(1, refused), resolved(1, told))
	given := unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1)
	require.Equal(t, told.GetFacts().GetEdocNum(), given[0].GetEdocNum())
	await.Require(t, unittest.Patience, func() bool { return o.noticesLeft(t) == 0 })
	givenUp := unittest.Facts[*deliveryv1.RoundGivenUp](t, o.Bench)
	require.Len(t, givenUp, 1)
	require.Len(t, givenUp[0].GetRecipients(), 1)
	require.Equal(t, []string{refused.GetFacts().GetEdocNum()}, givenUp[0].GetRecipients()[0].GetEdocNums())
	require.Len(t, p.calls(), 1)
}

// A bulk document to a member of this relay costs one row. Its notice costs a share of the two writes of a round and the two of
// an arrival.
func TestRowWrites(t *testing.T) {
	t.Parallel()
	const documents, rows = 500, 5
	o, p := withPhone(t, 300, always(http.StatusOK))
	for range rows {
		var events []journal.Fact
		for range documents / rows {
			events = append(events, resolved(1, o.document(t, unittest.NewID(), own)))
		}
		o.Deliver(t, platformv1.Lane_LANE_BULK, events...)
	}
	unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, documents)
	require.LessOrEqual(t, len(p.calls()), rows)
	writes := unittest.RowWrites(t, o.Bench, "delivery", documents, 0)
	t.Logf("row writes: %v", writes)
	require.LessOrEqual(t, writes["delivery"], 1.1*documents)
	require.LessOrEqual(t, writes["notice_arrival"]+writes["notice_round"], 0.1*documents)
}

func secretFile(t *testing.T, secret string) config.SecretFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("notice:\n  url: https://messaging.example\n  secret_file: "+path+"\n"), 0o600))
	loaded := delivery.Default()
	require.NoError(t, config.Load(file, loaded))
	return loaded.Notice.SecretFile
}
