package delivery_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/delivery"
)

const (
	otherSender = "0192f0c0-0000-7000-8000-00000000000b"
	canaryPhone = "01099998888"
	canaryEmail = "Canary.Person@mail.example"
)

// owners plays the address unit, which knows how senders are called.
type owners struct {
	addressv1.UnimplementedAddressServiceServer
}

func (owners) GetOwnerName(_ context.Context, r *addressv1.GetOwnerNameRequest) (*addressv1.GetOwnerNameResponse, error) {
	return &addressv1.GetOwnerNameResponse{Name: "시험기관 " + r.GetOwner()[len(r.GetOwner())-1:]}, nil
}

// message is an invitation as the operator's messaging gets it.
type message struct {
	webhook, raw string
	Type         string
	Contact      struct{ Phone, Email string }
	Relay        string
	Sender       string
	Code         string
	Join         string
}

// messaging plays the operator's messaging, which takes invitations; answer decides each answer.
type messaging struct {
	mu     sync.Mutex
	took   []message
	asked  int
	answer func(w http.ResponseWriter, m message)
}

func (m *messaging) messages() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.took)
}

func (m *messaging) attempts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *messaging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	got := message{webhook: r.Header.Get("Webhook-Id"), raw: string(raw)}
	_ = json.Unmarshal(raw, &got)
	m.mu.Lock()
	m.asked++
	m.took = append(m.took, got)
	answer := m.answer
	m.mu.Unlock()
	if answer != nil {
		answer(w, got)
	}
}

// inviting runs an office that invites by a webhook.
func inviting(t *testing.T, answer func(http.ResponseWriter, message), changes ...func(*delivery.Config)) (*office, *messaging) {
	t.Helper()
	m := &messaging{answer: answer}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return setup(t, unittest.Config(func(c *delivery.Config) {
		byWebhook(t, c, server.URL)
		for _, change := range changes {
			change(c)
		}
	})), m
}

func byWebhook(t *testing.T, c *delivery.Config, url string) {
	t.Helper()
	c.Invitation.Channel, c.Invitation.Relay, c.Invitation.Join = "webhook", "나루", "https://naru.example/join#"
	c.Invitation.Webhook.URL, c.Invitation.Webhook.AllowPrivate = url, true
	c.Invitation.Webhook.SecretFile = secretFile(t, "whsec_"+base64.StdEncoding.EncodeToString(noticeSecret))
}

// stranger is a document whose recipient is a member nowhere, with a contact.
func (o *office) stranger(t *testing.T, contact *platformv1.Contact) *addressv1.RecipientResolved {
	t.Helper()
	d := o.document(t, "", none)
	d.Facts.To, d.Facts.Recipient = nil, ""
	if contact != nil {
		raw, err := proto.Marshal(contact)
		require.NoError(t, err)
		d.Facts.SealedContact = o.intake.SealFor(t, "intake.contact", d.GetFacts().GetEdocNum(), raw)
	}
	return d
}

func phoned() *platformv1.Contact { return &platformv1.Contact{Phone: canaryPhone} }

// of lets another send the document.
func of(who string, d *addressv1.RecipientResolved) *addressv1.RecipientResolved {
	d.Facts.Sender, d.Facts.Actor = who, who
	return d
}

func found(ordinal uint32, d *addressv1.RecipientResolved) journal.Fact {
	fact := resolved(ordinal, d)
	fact.Sender = d.GetFacts().GetSender()
	return fact
}

func noSuchPerson(w http.ResponseWriter, _ message) {
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"reason":"NO_SUCH_PERSON"}`))
}

func broken(w http.ResponseWriter, _ message) { w.WriteHeader(http.StatusBadGateway) }

func (o *office) invitations(t *testing.T) deliveryv1.InvitationServiceClient {
	t.Helper()
	return deliveryv1.NewInvitationServiceClient(o.Unit(t, "gateway"))
}

func failures(t *testing.T, o *office, n int) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, f := range unittest.AwaitFacts[*deliveryv1.DeliveryFailed](t, o.Bench, n) {
		reasons[f.GetEdocNum()] = f.GetReason()
	}
	require.Len(t, reasons, n)
	return reasons
}

// Somebody unknown who can be reached is invited once, by the sender's and the relay's name and a code that this relay confirms,
// and receives when they have joined. Then nothing of the contact is left.
func TestUnknownRecipientIsInvitedAndJoins(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil)
	d := o.stranger(t, phoned())
	number := d.GetFacts().GetEdocNum()
	o.Deliver(t, express, found(1, d), found(1, d))
	invited := unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)[0]
	require.Equal(t, number, invited.GetEdocNum())
	require.Equal(t, "PHONE", invited.GetBy())
	got := m.messages()[0]
	require.Equal(t, "recipient.invited", got.Type)
	require.Equal(t, canaryPhone, got.Contact.Phone)
	require.Equal(t, "나루", got.Relay)
	require.Equal(t, "시험기관 a", got.Sender)
	require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`, got.Code)
	require.Equal(t, "https://naru.example/join#"+strings.ReplaceAll(got.Code, "-", ""), got.Join)
	require.NotContains(t, got.raw, "시험 고지서")
	require.NotContains(t, got.raw, number)

	for _, typed := range []string{got.Code, strings.ToLower(got.Code), " " + strings.ReplaceAll(got.Code, "-", " ")} {
		confirmed, err := o.invitations(t).GetInvitation(t.Context(), &deliveryv1.GetInvitationRequest{Code: typed})
		require.NoError(t, err, typed)
		require.Equal(t, "나루", confirmed.GetRelay())
		require.Equal(t, "시험기관 a", confirmed.GetSender())
		require.Equal(t, deliveryv1.InvitationState_INVITATION_STATE_OPEN, confirmed.GetState())
		require.Equal(t, invited.GetInvitedAt().AsTime(), confirmed.GetInvitedAt().AsTime())
		require.Equal(t, d.GetFacts().GetSendDeadline().AsTime(), confirmed.GetOpenUntil().AsTime())
	}

	joined := o.document(t, unittest.NewID(), own)
	joined.Facts.EdocNum = number
	o.Deliver(t, express, resolved(2, joined))
	require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1)
	require.Equal(t, 1, o.count(t, `select count(*) from invitation where state = 'ENDED' and sealed_contact is null and sealed_for is null`))
	require.Zero(t, o.count(t, `select count(*) from invitation_document`))
	confirmed, err := o.invitations(t).GetInvitation(t.Context(), &deliveryv1.GetInvitationRequest{Code: got.Code})
	require.NoError(t, err)
	require.Equal(t, deliveryv1.InvitationState_INVITATION_STATE_ENDED, confirmed.GetState())
	require.Len(t, m.messages(), 1)
	given := unittest.Facts[*deliveryv1.InvitationGiven](t, o.Bench)
	require.Len(t, given, 1)
	require.Equal(t, []string{number}, given[0].GetEdocNums())
	require.Equal(t, "webhook", given[0].GetChannel())
}

// A guess is no code, and neither is one of an invitation that was never called.
func TestCodeThatIsNone(t *testing.T) {
	t.Parallel()
	o, _ := inviting(t, nil)
	o.Deliver(t, express, found(1, o.stranger(t, phoned())))
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)
	for _, guess := range []string{"00000-00000", "ZZZZZZZZZZ", strings.Repeat("A", 40)} {
		_, err := o.invitations(t).GetInvitation(t.Context(), &deliveryv1.GetInvitationRequest{Code: guess})
		require.ErrorIs(t, err, fault.NotFound)
		require.Equal(t, "INVITATION_NOT_FOUND", fault.ReasonOf(err))
		_, err = o.invitations(t).RefuseInvitation(t.Context(), &deliveryv1.RefuseInvitationRequest{Code: guess, All: true})
		require.ErrorIs(t, err, fault.NotFound)
	}
	require.Zero(t, o.count(t, `select count(*) from invitation_refusal`))
}

// One message tells of all documents of a sender to a contact; those that come after it are stated as invited with it, until the
// time is over in which it is not repeated. Two senders to one contact are two messages.
func TestOneMessageForManyDocuments(t *testing.T) {
	t.Parallel()
	var m *messaging
	var o *office
	hold := make(chan struct{})
	o, m = inviting(t, func(http.ResponseWriter, message) { <-hold })
	first := make([]journal.Fact, 100)
	for i := range first {
		first[i] = found(1, o.stranger(t, phoned()))
	}
	o.Deliver(t, express, first[:60]...)
	o.Deliver(t, express, first[60:]...)
	await.Require(t, unittest.Patience, func() bool { return m.attempts() == 1 })
	close(hold)
	invited := unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 100)
	require.Len(t, m.messages(), 1)

	later := o.stranger(t, phoned())
	o.Advance(t, time.Hour)
	o.Deliver(t, express, found(1, later))
	all := unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 101)
	require.Equal(t, later.GetFacts().GetEdocNum(), all[100].GetEdocNum())
	require.Equal(t, invited[0].GetInvitedAt().AsTime(), all[100].GetInvitedAt().AsTime())
	require.Len(t, m.messages(), 1)

	o.Deliver(t, express, found(1, of(otherSender, o.stranger(t, phoned()))))
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 102)
	require.Len(t, m.messages(), 2)
	require.Equal(t, "시험기관 b", m.messages()[1].Sender)
	require.NotEqual(t, m.messages()[0].Code, m.messages()[1].Code)

	o.Advance(t, 8*24*time.Hour)
	await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from invitation where state = 'OPEN'`) == 0 }) // all have expired
	o.Deliver(t, express, found(1, o.stranger(t, phoned())))
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 103)
	require.Len(t, m.messages(), 3)
	require.Equal(t, m.messages()[0].Code, m.messages()[2].Code, "a contact has one code for each sender")
	require.NotEqual(t, m.messages()[0].webhook, m.messages()[2].webhook)
}

// Who gives no contact cannot be invited; that is stated once. Joining by itself delivers, and the deadline ends it.
func TestWithoutAContact(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil)
	joins, stays := o.stranger(t, nil), o.stranger(t, nil)
	o.Deliver(t, express, found(1, joins), found(1, stays))
	unreachable := unittest.Facts[*deliveryv1.RecipientUnreachable](t, o.Bench)
	require.Len(t, unreachable, 2)
	elsewhere := proto.Clone(stays).(*addressv1.RecipientResolved)
	elsewhere.Resolution = peer
	o.Deliver(t, express, found(2, elsewhere))
	o.Deliver(t, express, found(3, stays))
	require.Len(t, unittest.Facts[*deliveryv1.RecipientUnreachable](t, o.Bench), 2)
	joined := o.document(t, unittest.NewID(), own)
	joined.Facts.EdocNum = joins.GetFacts().GetEdocNum()
	o.Deliver(t, express, resolved(2, joined))
	require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1)
	o.Advance(t, 25*time.Hour)
	require.Equal(t, stays.GetFacts().GetEdocNum(), unittest.AwaitFacts[*deliveryv1.DeliveryExpired](t, o.Bench, 1)[0].GetEdocNum())
	require.Zero(t, m.attempts())
}

// Without a channel everything waits as before.
func TestWithoutAChannel(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.Deliver(t, express, found(1, o.stranger(t, phoned())), found(1, o.stranger(t, nil)))
	require.Empty(t, unittest.Facts[*deliveryv1.RecipientUnreachable](t, o.Bench))
	require.Zero(t, o.count(t, `select count(*) from invitation`))
}

// What the channel knows nobody at ends all that waits for it; the next document is tried again.
func TestNoSuchPerson(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, noSuchPerson)
	one, two := o.stranger(t, phoned()), o.stranger(t, phoned())
	o.Deliver(t, express, found(1, one), found(1, two))
	for _, reason := range failures(t, o, 2) {
		require.Equal(t, "NO_SUCH_PERSON", reason)
	}
	require.Equal(t, 1, m.attempts())
	require.Equal(t, "NO_SUCH_PERSON", unittest.Facts[*deliveryv1.InvitationGivenUp](t, o.Bench)[0].GetReason())
	require.Zero(t, o.count(t, `select count(*) from invitation where sealed_contact is not null`))
	joined := o.document(t, unittest.NewID(), own)
	joined.Facts.EdocNum = one.GetFacts().GetEdocNum()
	o.Deliver(t, express, resolved(2, joined))
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), "it has ended")
	o.Deliver(t, express, found(1, o.stranger(t, phoned())))
	failures(t, o, 3)
	require.Equal(t, 2, m.attempts())
	require.Empty(t, unittest.Facts[*deliveryv1.RecipientInvited](t, o.Bench))
}

// A refusal ends what waits, of the sender or of all, and what comes later at once. It is one fact, however often it is repeated.
func TestRefusal(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil)
	mine, others := o.stranger(t, phoned()), of(otherSender, o.stranger(t, phoned()))
	o.Deliver(t, express, found(1, mine), found(1, others))
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 2)
	codes := map[string]string{}
	for _, got := range m.messages() {
		codes[got.Sender] = got.Code
	}
	refuse := func(code string, all bool) {
		t.Helper()
		_, err := o.invitations(t).RefuseInvitation(t.Context(), &deliveryv1.RefuseInvitationRequest{Code: code, All: all})
		require.NoError(t, err)
	}
	refuse(codes["시험기관 a"], false)
	refuse(codes["시험기관 a"], false)
	require.Equal(t, map[string]string{mine.GetFacts().GetEdocNum(): "INVITATION_REFUSED"}, failures(t, o, 1))
	require.Len(t, unittest.Facts[*deliveryv1.InvitationRefused](t, o.Bench), 1)
	confirmed, err := o.invitations(t).GetInvitation(t.Context(), &deliveryv1.GetInvitationRequest{Code: codes["시험기관 a"]})
	require.NoError(t, err)
	require.Equal(t, deliveryv1.InvitationState_INVITATION_STATE_REFUSED, confirmed.GetState())

	later, unrefused := o.stranger(t, phoned()), of(otherSender, o.stranger(t, phoned()))
	o.Deliver(t, express, found(1, later), found(1, unrefused))
	require.Contains(t, failures(t, o, 2), later.GetFacts().GetEdocNum())
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 3)

	refuse(codes["시험기관 a"], true)
	require.Len(t, failures(t, o, 4), 4, "what waited for the other sender has ended, too")
	both := o.stranger(t, &platformv1.Contact{Phone: canaryPhone, Email: canaryEmail})
	o.Deliver(t, express, found(1, of("0192f0c0-0000-7000-8000-00000000000c", both)))
	require.Equal(t, "INVITATION_REFUSED", failures(t, o, 5)[both.GetFacts().GetEdocNum()], "of any sender, at any contact")
	require.Len(t, m.messages(), 2)
	require.Zero(t, o.count(t, `select count(*) from invitation where sealed_contact is not null`))
	acts := unittest.Facts[*deliveryv1.InvitationRefused](t, o.Bench)
	require.Len(t, acts, 2)
	require.True(t, acts[1].GetAll())
}

// Documents that have ended before the message are not told of, and where none is left there is no message.
func TestDocumentsThatEndedAreNotToldOf(t *testing.T) {
	t.Parallel()
	var up sync.Once
	repaired := make(chan struct{})
	o, m := inviting(t, func(w http.ResponseWriter, _ message) {
		select {
		case <-repaired:
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	cancelled, elsewhere, stays := o.stranger(t, phoned()), o.stranger(t, phoned()), o.stranger(t, phoned())
	alone := o.stranger(t, &platformv1.Contact{Email: canaryEmail})
	o.Deliver(t, express, found(1, cancelled), found(1, elsewhere), found(1, stays), found(1, alone))
	await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from invitation where last_error is not null`) == 2 })
	o.cancel(t, cancelled.GetFacts().GetEdocNum())
	o.cancel(t, alone.GetFacts().GetEdocNum())
	elsewhere.Resolution = peer
	o.Deliver(t, express, found(2, elsewhere))
	require.Equal(t, 1, o.count(t, `select count(*) from invitation_document`))
	require.Equal(t, 1, o.count(t, `select count(*) from invitation where state = 'ENDED' and sealed_contact is null`))
	up.Do(func() { close(repaired) })
	invited := unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)
	require.Equal(t, stays.GetFacts().GetEdocNum(), invited[0].GetEdocNum())
	require.Equal(t, canaryPhone, m.messages()[len(m.messages())-1].Contact.Phone)
}

// A channel that fails often enough ends what waits, and an operator can end it before.
func TestChannelFails(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, broken, func(c *delivery.Config) { c.Invitation.Attempts = 2 })
	d := o.stranger(t, phoned())
	o.Deliver(t, express, found(1, d))
	require.Equal(t, map[string]string{d.GetFacts().GetEdocNum(): "INVITATION_FAILED"}, failures(t, o, 1))
	require.Equal(t, 2, m.attempts())
	require.Equal(t, m.messages()[0].webhook, m.messages()[1].webhook, "the channel can recognise a repeated message")
	require.Equal(t, "answered with status 502", unittest.Facts[*deliveryv1.InvitationGivenUp](t, o.Bench)[0].GetReason())
}

// Retry-After is heeded for all invitations; an operator sees what waits, retries it and gives it up.
func TestOperatorsQueue(t *testing.T) {
	t.Parallel()
	repaired := make(chan struct{})
	o, m := inviting(t, func(w http.ResponseWriter, _ message) {
		select {
		case <-repaired:
		default:
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	admin := deliveryv1.NewInvitationAdminServiceClient(o.Admin(t))
	one := o.stranger(t, phoned())
	o.Deliver(t, express, found(1, one), found(1, o.stranger(t, phoned())))
	list := func() []*deliveryv1.WaitingInvitation {
		page, err := admin.ListInvitations(t.Context(), &deliveryv1.ListInvitationsRequest{})
		require.NoError(t, err)
		return page.GetInvitations()
	}
	await.Require(t, unittest.Patience, func() bool { return len(list()) == 1 })
	waiting := list()[0]
	require.EqualValues(t, 2, waiting.GetDocuments())
	require.Equal(t, sender, waiting.GetSender())
	require.Equal(t, "answered with status 503", waiting.GetLastError())
	o.Deliver(t, express, found(1, o.stranger(t, &platformv1.Contact{Email: canaryEmail})))
	require.Equal(t, 1, m.attempts(), "the channel asked to be left alone")

	given, err := admin.GiveUpInvitations(t.Context(), &deliveryv1.GiveUpInvitationsRequest{Ids: []string{waiting.GetId(), unittest.NewID()}, Reason: "told by letter"})
	require.NoError(t, err)
	require.EqualValues(t, 1, given.GetGivenUp())
	require.Equal(t, "INVITATION_FAILED", failures(t, o, 2)[one.GetFacts().GetEdocNum()])
	stated := o.Stated(t, &deliveryv1.InvitationGivenUp{})
	require.Len(t, stated, 1)
	require.NotEqual(t, "unit:delivery", stated[0].GetActor())

	close(repaired)
	var other string
	require.NoError(t, o.App.QueryRow(t.Context(), `select id::text from invitation where state = 'DUE'`).Scan(&other))
	retried, err := admin.RetryInvitations(t.Context(), &deliveryv1.RetryInvitationsRequest{Ids: []string{other}})
	require.NoError(t, err)
	require.EqualValues(t, 1, retried.GetRetried())
	require.Equal(t, "EMAIL", unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)[0].GetBy())
	require.Len(t, unittest.Facts[*deliveryv1.InvitationRetried](t, o.Bench), 1)
	_, err = admin.RetryInvitations(t.Context(), &deliveryv1.RetryInvitationsRequest{Ids: []string{"x"}})
	require.ErrorIs(t, err, fault.Invalid)
}

// Nobody is disturbed in quiet hours.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil, func(c *delivery.Config) { c.Invitation.Quiet = "00:00-23:59" })
	o.Deliver(t, express, found(1, o.stranger(t, phoned())))
	require.Zero(t, m.attempts())
	require.Equal(t, 1, o.count(t, `select count(*) from invitation where state = 'DUE' and attempt = 0`))
}

// No contact, and no sender's name, stands in a table, a log or a fact.
func TestContactsAreNowhereInClear(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil)
	o.Deliver(t, express, found(1, o.stranger(t, &platformv1.Contact{Phone: canaryPhone, Email: canaryEmail})))
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)
	code := strings.ReplaceAll(m.messages()[0].Code, "-", "")
	for _, table := range []string{"invitation", "invitation_document", "invitation_refusal", "delivery", "journal", "notice_pause"} {
		var dump string
		require.NoError(t, o.App.QueryRow(t.Context(), `select coalesce(string_agg(t::text, ' '), '') from `+table+` t`).Scan(&dump))
		for _, canary := range []string{canaryPhone, canaryEmail, code, "시험기관"} {
			require.NotContains(t, dump, canary, table)
		}
	}
	for _, canary := range []string{canaryPhone, strings.ToLower(canaryEmail), code, "시험기관"} {
		require.NotContains(t, strings.ToLower(o.Logs.String()), strings.ToLower(canary))
	}
}

// Settings of invitations are judged together.
func TestInvitationConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, delivery.Default().Validate())
	c := delivery.Default()
	c.Invitation.Channel, c.Invitation.Quiet, c.Invitation.Again = "pigeon", "21-08", config.Duration(-1)
	err := c.Validate()
	for _, field := range []string{"invitation.channel", "invitation.relay", "invitation.join", "invitation.again", "invitation.quiet"} {
		require.ErrorContains(t, err, field)
	}
	c = delivery.Default()
	byWebhook(t, c, "https://messaging.example")
	require.NoError(t, c.Validate())
	c.Invitation.Channel = "smtp"
	c.Invitation.SMTP.Host, c.Invitation.SMTP.From, c.Invitation.SMTP.AllowPlain = "mail.example", "나루 <no-reply@naru.example>", true
	require.ErrorContains(t, c.Validate(), "allow_plain")
	c.Invitation.SMTP.AllowPlain = false
	require.NoError(t, c.Validate())
	c.Invitation.SMTP.User = "naru"
	require.ErrorContains(t, c.Validate(), "password_file")
}
