package delivery_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/delivery"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	express = platformv1.Lane_LANE_EXPRESS
	sender  = "0192f0c0-0000-7000-8000-00000000000a"
)

// office is a running delivery unit, with a maker that seals titles like intake.
type office struct {
	*unittest.Bench
	intake *unittest.Maker
	serial int
}

func setup(t *testing.T, opts ...unittest.Option) *office {
	t.Helper()
	readers := []string{"delivery"}
	maker := unittest.NewMakerOf(t, sealed.Rule{Purpose: "intake.title", Readers: readers}, sealed.Rule{Purpose: "intake.contact", Readers: readers})
	return &office{Bench: unittest.New(t, delivery.Unit, append(opts, unittest.Neighbour("intake", maker.Register),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) { addressv1.RegisterAddressServiceServer(r, owners{}) }))...), intake: maker}
}

// document returns an accepted document for a recipient, with the given resolution.
func (o *office) document(t *testing.T, recipient string, resolution addressv1.Resolution) *addressv1.RecipientResolved {
	t.Helper()
	o.serial++
	now := o.Clock.Now()
	number := fmt.Sprintf("%s_NARUTEST01_%013d", now.In(time.FixedZone("KST", 9*3600)).Format("20060102"), o.serial)
	facts := &platformv1.DocumentFacts{
		EdocNum: number, Sender: sender, Actor: sender, OwnKey: fmt.Sprintf("key-%d", o.serial), Lane: express,
		From: &platformv1.Party{PlatformId: unittest.Platform, Address: "sender", ValidFrom: timestamppb.New(now.Add(-time.Hour))},
		To:   &platformv1.Party{PlatformId: unittest.Platform, Address: "to-" + recipient, ValidFrom: timestamppb.New(now.Add(-time.Hour))}, Recipient: recipient,
		AcceptedAt: timestamppb.New(now), RegisteredAt: timestamppb.New(now.Add(-time.Minute)),
		SendDeadline: timestamppb.New(now.Add(24 * time.Hour)), ViewingDeadline: timestamppb.New(now.Add(48 * time.Hour)),
		DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: "00"}, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_BILL,
		SealedTitle: o.intake.Seal(t, number, []byte("시험 고지서")),
	}
	return &addressv1.RecipientResolved{Facts: facts, Resolution: resolution, ResolvedAt: timestamppb.New(now)}
}

func resolved(ordinal uint32, m *addressv1.RecipientResolved) journal.Fact {
	return journal.Fact{Subject: m.GetFacts().GetEdocNum(), Ordinal: ordinal, Sender: sender, Actor: "unit:address", OccurredAt: m.GetResolvedAt().AsTime(), Message: m}
}

// An untrusted clock stamps nothing.
func TestUntrustedClockDeliversNothing(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d := o.document(t, unittest.NewID(), own)
	o.Clock.Advance(time.Hour) // makes the last measurement an hour old
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		o.Deliver(t, express, resolved(1, d))
	}()
	await.Require(t, unittest.Patience, func() bool { return containsRetry(o.Logs.String()) })
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
	o.Advance(t, time.Second)
	<-delivered
	require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1)
}

func (o *office) cancel(t *testing.T, number string) {
	t.Helper()
	o.Deliver(t, express, journal.Fact{Subject: number, Sender: sender, Actor: sender, OccurredAt: o.Clock.Now(), Message: &intakev1.CancelRequested{EdocNum: number}})
}

const (
	own       = addressv1.Resolution_RESOLUTION_OWN
	none      = addressv1.Resolution_RESOLUTION_NONE
	noConsent = addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT
	peer      = addressv1.Resolution_RESOLUTION_PEER
	refused   = addressv1.Resolution_RESOLUTION_REFUSED
	ambiguous = addressv1.Resolution_RESOLUTION_AMBIGUOUS
	notKnown  = addressv1.Resolution_RESOLUTION_UNKNOWN
)

// A member of this relay with consent finds the document in the inbox; sent and received time are one clock reading.
func TestOwnMemberReceives(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d := o.document(t, recipient, own)
	o.Deliver(t, express, resolved(1, d))

	received := unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
	require.Len(t, received, 1)
	facts := received[0].GetFacts()
	require.Equal(t, facts.GetSentAt().AsTime(), facts.GetReceivedAt().AsTime())
	require.False(t, facts.GetSentAt().AsTime().Before(d.GetResolvedAt().AsTime()))
	require.Equal(t, d.GetResolvedAt().AsTime(), facts.GetResolvedAt().AsTime())

	listed, err := deliveryv1.NewInboxServiceClient(o.Recipient(t, recipient)).ListInbox(t.Context(), &deliveryv1.ListInboxRequest{})
	require.NoError(t, err)
	require.Len(t, listed.GetItems(), 1)
	require.Equal(t, "시험 고지서", listed.GetItems()[0].GetTitle())
	require.Equal(t, "sender", listed.GetItems()[0].GetSenderAddress())
}

// A row names the facts behind it: the commit of the receipt, even after later events, the commit of a refused cancel, and the
// frame of the reading.
func TestRowsNameTheirFacts(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d := o.document(t, unittest.NewID(), own)
	number := d.GetFacts().GetEdocNum()
	o.Deliver(t, express, resolved(1, d))
	o.cancel(t, number)
	o.read(t, number, o.Clock.Now())
	var commit, cancel uuid.UUID
	var told bool
	require.NoError(t, o.App.QueryRow(t.Context(), `select commit_id, cancel_commit_id, frame_id <> read_frame_id from delivery where edoc_num = $1`, number).
		Scan(&commit, &cancel, &told))
	require.True(t, told)
	require.NoError(t, journal.Find(t.Context(), o.App, "delivery", commit, number, &deliveryv1.DocumentReceived{}))
	require.NoError(t, journal.Find(t.Context(), o.App, "delivery", cancel, number, &deliveryv1.CancelRefused{}))
}

// However often and in however many frames a resolution comes, there is one inbox item with one pair of times.
func TestRepeatedResolutionDeliversOnce(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d := o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, d), resolved(1, d))
	first := unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
	o.Advance(t, time.Minute)
	o.Deliver(t, express, resolved(2, d))
	require.Len(t, first, 1)
	again := unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
	require.Len(t, again, 1)
	require.Equal(t, first[0].GetFacts().GetReceivedAt().AsTime(), again[0].GetFacts().GetReceivedAt().AsTime())
}

// ended asks as the certificate unit does whether a document has ended without being received.
func (o *office) ended(t *testing.T, number string) bool {
	t.Helper()
	answer, err := deliveryv1.NewDeliveryLookupServiceClient(o.Unit(t, "certificate")).GetEnd(t.Context(), &deliveryv1.GetEndRequest{EdocNum: number})
	require.NoError(t, err)
	return answer.GetEnded()
}

// Whoever is no consented member here waits, is delivered to when that changes, and expires at the deadline.
func TestWaitingDocuments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		resolution addressv1.Resolution
	}{{"member nowhere", none}, {"member without consent", noConsent}, {"member of another relay", peer}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := setup(t)
			later, never := o.document(t, unittest.NewID(), test.resolution), o.document(t, unittest.NewID(), test.resolution)
			o.Deliver(t, express, resolved(1, later), resolved(1, never))
			require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
			later.Resolution = own
			o.Deliver(t, express, resolved(2, later))
			require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1)

			require.False(t, o.ended(t, never.GetFacts().GetEdocNum()))
			o.Advance(t, 25*time.Hour)
			expired := unittest.AwaitFacts[*deliveryv1.DeliveryExpired](t, o.Bench, 1)
			require.True(t, o.ended(t, never.GetFacts().GetEdocNum()))
			require.False(t, o.ended(t, later.GetFacts().GetEdocNum()))
			require.Equal(t, never.GetFacts().GetEdocNum(), expired[0].GetEdocNum())
			never.Resolution = own
			o.Deliver(t, express, resolved(2, never))
			require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1, "an expired document is never delivered")
			require.Len(t, unittest.Facts[*deliveryv1.DeliveryExpired](t, o.Bench), 1)
		})
	}
}

// Refused and ambiguous are final.
func TestFinalResolutionsNeverDeliver(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, resolution := range []addressv1.Resolution{refused, ambiguous} {
		d := o.document(t, unittest.NewID(), resolution)
		o.Deliver(t, express, resolved(1, d))
		d.Resolution = own
		o.Deliver(t, express, resolved(2, d))
	}
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
}

// A document whose recipient is still unknown at the deadline expires at once. If a cancel was requested, it is cancelled
// instead.
func TestUnknownRecipientExpires(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d, asked := o.document(t, "", notKnown), o.document(t, "", notKnown)
	o.cancel(t, asked.GetFacts().GetEdocNum())
	o.Advance(t, 24*time.Hour)
	d.ResolvedAt, asked.ResolvedAt = d.GetFacts().GetSendDeadline(), d.GetFacts().GetSendDeadline()
	o.Deliver(t, express, resolved(1, d), resolved(1, asked))
	o.Deliver(t, express, resolved(1, d))
	expired := unittest.Facts[*deliveryv1.DeliveryExpired](t, o.Bench)
	require.Len(t, expired, 1)
	require.Equal(t, d.GetFacts().GetEdocNum(), expired[0].GetEdocNum())
	require.False(t, expired[0].GetExpiredAt().AsTime().Before(d.GetFacts().GetSendDeadline().AsTime()))
	cancelled := unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench)
	require.Len(t, cancelled, 1)
	require.Equal(t, asked.GetFacts().GetEdocNum(), cancelled[0].GetEdocNum())
	d.Resolution = own
	o.Deliver(t, express, resolved(2, d))
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
}

// The step that would come next decides a cancel.
func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("before the resolution arrives: cancelled, not delivered", func(t *testing.T) {
		t.Parallel()
		o := setup(t)
		d := o.document(t, unittest.NewID(), own)
		o.cancel(t, d.GetFacts().GetEdocNum())
		o.Deliver(t, express, resolved(1, d))
		require.Len(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench), 1)
		require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
	})
	t.Run("while waiting: address decides, nothing is delivered or expires afterwards", func(t *testing.T) {
		t.Parallel()
		o := setup(t)
		d := o.document(t, unittest.NewID(), none)
		number := d.GetFacts().GetEdocNum()
		o.Deliver(t, express, resolved(1, d))
		o.cancel(t, number)
		o.Deliver(t, express, journal.Fact{Subject: number, Sender: sender, Actor: "unit:address", OccurredAt: o.Clock.Now(), Message: &addressv1.DocumentCancelled{EdocNum: number}})
		o.Advance(t, 25*time.Hour)
		d.Resolution = own
		o.Deliver(t, express, resolved(2, d))
		require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
		require.Empty(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench))
		require.Empty(t, unittest.Facts[*deliveryv1.DeliveryExpired](t, o.Bench))
	})
	t.Run("while waiting, and address had ended the search: cancelled at the deadline", func(t *testing.T) {
		t.Parallel()
		o := setup(t)
		d := o.document(t, unittest.NewID(), none)
		o.Deliver(t, express, resolved(1, d))
		o.cancel(t, d.GetFacts().GetEdocNum())
		o.Advance(t, 25*time.Hour)
		unittest.AwaitFacts[*deliveryv1.DocumentCancelled](t, o.Bench, 1)
		d.Resolution = own
		o.Deliver(t, express, resolved(2, d))
		require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
		require.Empty(t, unittest.Facts[*deliveryv1.DeliveryExpired](t, o.Bench))
		require.Len(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench), 1)
	})
	t.Run("after receipt: refused, once", func(t *testing.T) {
		t.Parallel()
		o := setup(t)
		d := o.document(t, unittest.NewID(), own)
		o.Deliver(t, express, resolved(1, d))
		o.cancel(t, d.GetFacts().GetEdocNum())
		o.cancel(t, d.GetFacts().GetEdocNum())
		require.Len(t, unittest.Facts[*deliveryv1.CancelRefused](t, o.Bench), 1)
	})
	t.Run("after reading: refused, once", func(t *testing.T) {
		t.Parallel()
		o := setup(t)
		d := o.document(t, unittest.NewID(), own)
		o.Deliver(t, express, resolved(1, d))
		o.read(t, d.GetFacts().GetEdocNum(), o.Clock.Now())
		o.cancel(t, d.GetFacts().GetEdocNum())
		o.cancel(t, d.GetFacts().GetEdocNum())
		require.Len(t, unittest.Facts[*deliveryv1.CancelRefused](t, o.Bench), 1)
	})
}

func (o *office) read(t *testing.T, number string, at time.Time) {
	t.Helper()
	o.Deliver(t, express, journal.Fact{Subject: number, Sender: sender, Actor: "vs", OccurredAt: at, Message: &viewingv1.DocumentRead{EdocNum: number, ReadAt: timestamppb.New(at)}})
}

// Nothing enters the inbox of a recipient who has left.
func TestWithdrawnAddressFails(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	o.Deliver(t, express, journal.Fact{Subject: "to-" + recipient, Actor: "unit:address", OccurredAt: o.Clock.Now(),
		Message: &addressv1.AddressWithdrawn{Address: "to-" + recipient, ValidUntil: timestamppb.New(o.Clock.Now()), Recipient: recipient}})
	o.Deliver(t, express, resolved(1, o.document(t, recipient, own)))
	failed := unittest.Facts[*deliveryv1.DeliveryFailed](t, o.Bench)
	require.Len(t, failed, 1)
	require.Equal(t, "ADDRESS_WITHDRAWN", failed[0].GetReason())
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
}

// A document accepted by a clock ahead of ours is not stamped before its acceptance: the event is given back until our clock has
// reached that time.
func TestClockBehindTheFactsWaits(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d := o.document(t, unittest.NewID(), own)
	ahead := o.Clock.Now().Add(3 * time.Second)
	d.Facts.AcceptedAt = timestamppb.New(ahead)
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		o.Deliver(t, express, resolved(1, d))
	}()
	await.Require(t, unittest.Patience, func() bool { return len(o.Logs.String()) > 0 && containsRetry(o.Logs.String()) })
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
	o.Advance(t, 4*time.Second)
	<-delivered
	received := unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
	require.Len(t, received, 1)
	require.False(t, received[0].GetFacts().GetSentAt().AsTime().Before(ahead))
}

// A cancel requested by a clock ahead of ours is not answered with a time before the request.
func TestCancelIsNotAnsweredBeforeItWasAsked(t *testing.T) {
	t.Parallel()
	o := setup(t)
	d := o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, d))
	number, asked := d.GetFacts().GetEdocNum(), o.Clock.Now().Add(3*time.Second)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		o.Deliver(t, express, journal.Fact{Subject: number, Sender: sender, Actor: sender, OccurredAt: asked, Message: &intakev1.CancelRequested{EdocNum: number}})
	}()
	await.Require(t, unittest.Patience, func() bool {
		return containsRetry(o.Logs.String()) || len(unittest.Facts[*deliveryv1.CancelRefused](t, o.Bench)) > 0
	})
	o.Advance(t, 3*time.Second)
	<-answered
	refused := unittest.Facts[*deliveryv1.CancelRefused](t, o.Bench)
	require.Len(t, refused, 1)
	require.False(t, refused[0].GetRefusedAt().AsTime().Before(asked))
}

func containsRetry(logs string) bool {
	for _, line := range splitLines(logs) {
		var entry struct {
			Msg string `json:"msg"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "batch given back for later" {
			return true
		}
	}
	return false
}

func splitLines(s string) []string {
	var lines []string
	for start, i := 0, 0; i < len(s); i++ {
		if s[i] == '\n' {
			lines, start = append(lines, s[start:i]), i+1
		}
	}
	return lines
}

// A recipient never sees another's documents.
func TestInboxIsItsRecipientsAlone(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d := o.document(t, recipient, own)
	o.Deliver(t, express, resolved(1, d))
	stranger := deliveryv1.NewInboxServiceClient(o.Recipient(t, unittest.NewID()))
	_, err := stranger.GetInboxItem(t.Context(), &deliveryv1.GetInboxItemRequest{EdocNum: d.GetFacts().GetEdocNum()})
	require.ErrorIs(t, err, fault.NotFound)
	listed, err := stranger.ListInbox(t.Context(), &deliveryv1.ListInboxRequest{})
	require.NoError(t, err)
	require.Empty(t, listed.GetItems())
	_, err = deliveryv1.NewInboxServiceClient(o.Sender(t, sender)).ListInbox(t.Context(), &deliveryv1.ListInboxRequest{})
	require.ErrorIs(t, err, fault.Denied)
}

// viewing and certificate can look up a received document and get the facts of its event. A waiting document is not found.
func TestReceivedIsLookedUpByTheUnitsThatMiss(t *testing.T) {
	t.Parallel()
	o := setup(t)
	received, waiting := o.document(t, unittest.NewID(), own), o.document(t, unittest.NewID(), none)
	o.Deliver(t, express, resolved(1, received), resolved(1, waiting))
	stated := unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
	require.Len(t, stated, 1)
	for _, caller := range []string{"viewing", "certificate"} {
		lookup := deliveryv1.NewDeliveryLookupServiceClient(o.Unit(t, caller))
		got, err := lookup.GetReceived(t.Context(), &deliveryv1.GetReceivedRequest{EdocNum: received.GetFacts().GetEdocNum()})
		require.NoError(t, err, caller)
		require.True(t, proto.Equal(stated[0].GetFacts(), got.GetFacts()), caller)
		_, err = lookup.GetReceived(t.Context(), &deliveryv1.GetReceivedRequest{EdocNum: waiting.GetFacts().GetEdocNum()})
		require.ErrorIs(t, err, fault.NotFound, caller)
	}
	_, err := deliveryv1.NewDeliveryLookupServiceClient(o.Unit(t, "status")).GetReceived(t.Context(), &deliveryv1.GetReceivedRequest{EdocNum: received.GetFacts().GetEdocNum()})
	require.ErrorIs(t, err, fault.Denied)
}

// Pages contain every document once, newest first; an invented token is refused.
func TestInboxPages(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	var want []string
	for range 5 {
		d := o.document(t, recipient, own)
		o.Deliver(t, express, resolved(1, d))
		want = append([]string{d.GetFacts().GetEdocNum()}, want...)
		o.Advance(t, time.Second)
	}
	client := deliveryv1.NewInboxServiceClient(o.Recipient(t, recipient))
	var got []string
	for token, first := "", true; first || token != ""; first = false {
		page, err := client.ListInbox(t.Context(), &deliveryv1.ListInboxRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.GetItems()), 2)
		for _, item := range page.GetItems() {
			got = append(got, item.GetEdocNum())
		}
		token = page.GetNextPageToken()
	}
	require.Equal(t, want, got)
	_, err := client.ListInbox(t.Context(), &deliveryv1.ListInboxRequest{PageToken: "bm90IG91cnM"})
	require.ErrorIs(t, err, fault.Invalid)
}

// A document whose title cannot be opened, or of which nothing can be read any more, is shown with what is known of it, and
// hides none of the others.
func TestUnreadableItemsHideNoOthers(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	numbers := make([]string, 3)
	for i := range numbers {
		d := o.document(t, recipient, own)
		o.Deliver(t, express, resolved(1, d))
		numbers[i] = d.GetFacts().GetEdocNum()
		o.Advance(t, time.Second)
	}
	var facts platformv1.DocumentFacts
	var raw []byte
	require.NoError(t, o.App.QueryRow(t.Context(), `select facts from delivery where edoc_num = $1`, numbers[0]).Scan(&raw))
	require.NoError(t, proto.Unmarshal(raw, &facts))
	facts.SealedTitle[len(facts.SealedTitle)-1] ^= 1
	raw, err := proto.Marshal(&facts)
	require.NoError(t, err)
	for number, broken := range map[string][]byte{numbers[0]: raw, numbers[1]: {0xff}} {
		_, err := o.App.Exec(t.Context(), `update delivery set facts = $2 where edoc_num = $1`, number, broken)
		require.NoError(t, err)
	}
	client := deliveryv1.NewInboxServiceClient(o.Recipient(t, recipient))
	listed, err := client.ListInbox(t.Context(), &deliveryv1.ListInboxRequest{})
	require.NoError(t, err)
	var got []string
	for _, item := range listed.GetItems() {
		require.True(t, item.GetReceivedAt().IsValid())
		got = append(got, fmt.Sprint(item.GetEdocNum(), item.GetTitle(), item.GetSenderAddress(), item.GetUnreadable()))
	}
	require.Equal(t, []string{
		fmt.Sprint(numbers[2], "시험 고지서", "sender", false), fmt.Sprint(numbers[1], "", "", true), fmt.Sprint(numbers[0], "", "sender", true),
	}, got)
	one, err := client.GetInboxItem(t.Context(), &deliveryv1.GetInboxItemRequest{EdocNum: numbers[0]})
	require.NoError(t, err)
	require.True(t, one.GetItem().GetUnreadable())
	require.InDelta(t, 3, o.Metric(t, "naru_delivery_unreadable_items_total"), 0)
}

// A read document shows its read time; a read event that comes before the delivery waits for it.
func TestReadTimeShowsInTheInbox(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d := o.document(t, recipient, own)
	number, readAt := d.GetFacts().GetEdocNum(), o.Clock.Now().Add(time.Minute)
	o.Deliver(t, express, journal.Fact{Subject: number, Sender: sender, Actor: "vs", OccurredAt: readAt, Message: &viewingv1.DocumentRead{EdocNum: number, ReadAt: timestamppb.New(readAt)}})
	o.Deliver(t, express, resolved(1, d))
	client := deliveryv1.NewInboxServiceClient(o.Recipient(t, recipient))
	await.Require(t, unittest.Patience, func() bool {
		got, err := client.GetInboxItem(t.Context(), &deliveryv1.GetInboxItemRequest{EdocNum: number})
		return err == nil && got.GetItem().GetReadAt().AsTime().Equal(readAt)
	})
	unread, err := client.ListInbox(t.Context(), &deliveryv1.ListInboxRequest{UnreadOnly: true})
	require.NoError(t, err)
	require.Empty(t, unread.GetItems())
}
