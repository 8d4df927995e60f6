package status_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	"github.com/naru-relay/naru/services/status"
)

const unknownNumber = "20200101_NARUTEST01_0000000000001"

// The timeline is in order of occurrence, with the times of recording and acknowledgement, and with details.
func TestTimeline(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.readTimeRegistered(f, 2, 40), o.registered(f, 1, 20), o.noticeGiven(f, 11), o.receivedAtOnce(f, 5, 10), o.read(f, 30), o.accepted(f),
		o.resolved(f, 1, own, 5))
	entries := o.timeline(t, f)
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, e.GetKind())
		require.Equal(t, o.Clock.Now(), e.GetRecordedAt().AsTime())
	}
	require.Equal(t, []string{
		"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.delivery.v1.DocumentReceived",
		"naru.delivery.v1.NoticeGiven", "naru.circulation.v1.CirculationRegistered", "naru.viewing.v1.DocumentRead", "naru.circulation.v1.ReadTimeRegistered",
	}, kinds)
	var actors []string
	for _, e := range entries {
		require.Equal(t, uint32(1), e.GetOrdinal())
		actors = append(actors, e.GetActor())
	}
	require.Equal(t, []string{sender, "unit:address", "unit:delivery", "unit:delivery", "unit:circulation", viewer, "unit:circulation"}, actors)
	require.Equal(t, map[string]string{"repeats": f.GetRepeats()}, entries[0].GetDetails())
	require.Equal(t, map[string]string{"repeats": f.GetRepeats()}, entries[2].GetDetails())
	require.Empty(t, entries[3].GetDetails())
	require.Equal(t, o.at(5), entries[1].GetOccurredAt().AsTime())
	require.Equal(t, o.at(11), entries[3].GetOccurredAt().AsTime())
	require.Equal(t, map[string]string{"viewingSystem": viewer, "logDigest": "digest"}, entries[5].GetDetails())
	require.Equal(t, map[string]string{"result": "2", "exchange": "exchange-2"}, entries[6].GetDetails())
	require.Equal(t, o.at(40), entries[6].GetAcknowledgedAt().AsTime())
	require.Equal(t, o.at(41), entries[6].GetOccurredAt().AsTime())
	require.Equal(t, map[string]string{"resolution": "OWN"}, entries[1].GetDetails())
	require.Nil(t, entries[3].GetAcknowledgedAt())
	require.Equal(t, o.at(20), entries[4].GetAcknowledgedAt().AsTime())
	require.Equal(t, o.at(21), entries[4].GetOccurredAt().AsTime())
	require.Equal(t, map[string]string{"result": "1", "exchange": "exchange-1"}, entries[4].GetDetails())
}

// The first resolution appears in the timeline once, taken from whichever event ends the delivery.
func TestTimelineTellsTheFirstResolution(t *testing.T) {
	t.Parallel()
	o := setup(t)
	failed, expired, cancelled := o.document(), o.document(), o.document()
	fail, expire, cancel := o.failed(failed, 6), o.expired(expired, 6), o.cancelled(cancelled, 6)
	fail.Message.(*deliveryv1.DeliveryFailed).ResolvedAt = o.stamp(5)
	expire.Message.(*deliveryv1.DeliveryExpired).ResolvedAt = o.stamp(5)
	cancel.Message.(*deliveryv1.DocumentCancelled).ResolvedAt = o.stamp(5)
	for f, end := range map[*platformv1.DocumentFacts]journal.Fact{failed: fail, expired: expire, cancelled: cancel} {
		o.tell(t, o.accepted(f), o.resolved(f, 1, own, 5), end, end)
		entries := o.timeline(t, f)
		require.Len(t, entries, 3)
		require.Equal(t, "naru.address.v1.RecipientResolved", entries[1].GetKind())
		require.Equal(t, o.at(5), entries[1].GetOccurredAt().AsTime())
		require.Equal(t, "unit:address", entries[1].GetActor())
		require.Equal(t, map[string]string{"resolution": "OWN"}, entries[1].GetDetails())
	}
}

// An ordinary document costs one insert of its summary, and one update each for receipt, notice and registration, mostly on the
// same page.
func TestRowWrites(t *testing.T) {
	t.Parallel()
	const documents, frame = 500, 100
	o := setup(t)
	for range documents / frame {
		var accepted, resolved, received, noticed, registered []journal.Fact
		for range frame {
			f := o.document()
			accepted, resolved = append(accepted, o.accepted(f)), append(resolved, o.resolved(f, 1, own, 1))
			received, noticed = append(received, o.receivedAtOnce(f, 1, 2)), append(noticed, o.noticeGiven(f, 3))
			registered = append(registered, o.registered(f, 1, 4))
		}
		for _, events := range [][]journal.Fact{accepted, resolved, received, noticed, registered, received} {
			o.Deliver(t, bulk, events...)
		}
	}
	writes := unittest.RowWrites(t, o.Bench, "document_summary", documents, 3*documents)
	t.Logf("row writes: %v", writes)
	require.LessOrEqual(t, writes["document_summary"]+writes["timeline_entry"], 4.1*documents)
	var hot float64
	require.NoError(t, o.App.QueryRow(t.Context(), `
		select sum(n_tup_hot_upd)::float8 from pg_stat_user_tables
		where  schemaname = current_schema() and relname like 'document_summary%'`).Scan(&hot))
	require.GreaterOrEqual(t, hot, 0.8*3*documents)
}

// A later fact that contains the acceptance may come long before the acceptance itself; the timeline still begins with it.
func TestTimelineBeginsWithTheAcceptance(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.received(f, 10))
	entries := o.timeline(t, f)
	require.Len(t, entries, 2)
	require.Equal(t, "naru.intake.v1.DocumentAccepted", entries[0].GetKind())
	require.Equal(t, o.at(0), entries[0].GetOccurredAt().AsTime())
	require.Equal(t, sender, entries[0].GetActor())
	require.Nil(t, entries[0].GetRecordedAt())
	o.tell(t, o.accepted(f))
	entries = o.timeline(t, f)
	require.Len(t, entries, 2)
	require.Equal(t, o.Clock.Now(), entries[0].GetRecordedAt().AsTime())
}

// Certificates that the recipient requests are hidden from the sender: only the sender's own are in its timeline. Older events,
// which do not name the entitlement, are judged by their actor. Entries stored by older versions are not shown.
func TestTimelineHoldsTheSendersCertificatesOnly(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f), o.received(f, 10))
	as := func(right certificatev1.Entitlement, actor string, ordinal uint32, certificate string) journal.Fact {
		e := journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: actor, OccurredAt: o.at(20)}
		e.Message = &certificatev1.CertificateIssued{Certificate: certificate, IssuedAt: o.stamp(20), Entitlement: right}
		if ordinal > 10 {
			e.Message = &certificatev1.CertificateFailed{Certificate: certificate, FailedAt: o.stamp(20), Entitlement: right, Reason: "HUB_REFUSED"}
		}
		return e
	}
	const unsaid, ofSender, ofRecipient = certificatev1.Entitlement_ENTITLEMENT_UNSPECIFIED, certificatev1.Entitlement_ENTITLEMENT_SENDER,
		certificatev1.Entitlement_ENTITLEMENT_RECIPIENT
	o.tell(t,
		as(ofSender, sender, 1, "mine-1"), as(ofRecipient, "recipient-id", 2, "theirs-2"), as(unsaid, sender, 3, "mine-3"), as(unsaid, "recipient-id", 4, "theirs-4"),
		as(ofSender, sender, 11, "mine-11"), as(ofRecipient, "recipient-id", 12, "theirs-12"), as(unsaid, sender, 13, "mine-13"), as(unsaid, "recipient-id", 14, "theirs-14"),
		as(42, "recipient-id", 6, "newer"))
	_, err := o.App.Exec(t.Context(), `
		insert into timeline_entry (edoc_num, kind, ordinal, occurred_at, recorded_at, actor, details, frame_id)
		values ($1, 180, 8, now(), now(), 'recipient-id', '{"certificate": "theirs-8"}', gen_random_uuid())`, f.GetEdocNum())
	require.NoError(t, err)
	var shown []string
	for _, e := range o.timeline(t, f) {
		if given := e.GetDetails()["certificate"]; given != "" {
			shown = append(shown, given)
		}
	}
	require.Equal(t, []string{"mine-1", "mine-3", "mine-11", "mine-13"}, shown)
	var kept, deferred int
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from timeline_entry where actor = 'recipient-id' and ordinal <> 8`).Scan(&kept))
	require.Zero(t, kept)
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from deferred_event`).Scan(&deferred))
	require.Equal(t, 1, deferred, "a right only a newer version knows")
}

// The recipient's address appears in status and timeline only after receipt.
func TestAddressIsToldAfterReceipt(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f), o.resolved(f, 1, noConsent, 1), o.resolved(f, 2, own, 2))
	require.Empty(t, o.status(t, f).GetRecipientAddress())
	require.NotContains(t, fmt.Sprint(o.timeline(t, f)), "recipient-address")
	o.tell(t, o.received(f, 3))
	require.Equal(t, "recipient-address", o.status(t, f).GetRecipientAddress())
}

// If the projection does not know a document, its owner gets intake's facts, which are asked for once. Afterwards the projection
// answers.
func TestMissAsksIntakeOnce(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.intake.known[f.GetEdocNum()] = f
	got := o.status(t, f)
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED, got.GetState())
	require.Equal(t, f.GetOwnKey(), got.GetOwnKey())
	require.Equal(t, o.at(0), got.GetAcceptedAt().AsTime())
	require.Equal(t, []string{f.GetEdocNum()}, o.intake.asked)
	entries := o.timeline(t, f)
	require.Len(t, entries, 1)
	require.Equal(t, "naru.intake.v1.DocumentAccepted", entries[0].GetKind())
	require.Nil(t, entries[0].GetRecordedAt())

	_, err := o.service(t, unittest.NewID()).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: f.GetEdocNum()})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))

	// A later fact came first, so the rest still has to come from intake.
	o.tell(t, o.issued(f, 1, 5))
	got = o.status(t, f)
	require.Equal(t, f.GetOwnKey(), got.GetOwnKey())
	require.Equal(t, o.at(5), got.GetTokenIssuedAt().AsTime())

	o.tell(t, o.accepted(f))
	o.intake.asked = nil
	require.Equal(t, o.at(5), o.status(t, f).GetTokenIssuedAt().AsTime())
	require.Empty(t, o.intake.asked)

	o.intake.down = true
	_, err = o.service(t, sender).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: unknownNumber})
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "that intake is away must not look like a document that does not exist")
}

// A batch is answered in the order of the request. Unknown documents and other senders' documents look alike.
func TestBatch(t *testing.T) {
	t.Parallel()
	o := setup(t)
	first, second, foreign := o.document(), o.document(), o.document()
	foreign.Sender = unittest.NewID()
	o.tell(t, o.accepted(first), o.accepted(foreign))
	o.intake.known[second.GetEdocNum()], o.intake.known[foreign.GetEdocNum()] = second, foreign
	resp, err := o.service(t, sender).BatchGetStatus(t.Context(), &statusv1.BatchGetStatusRequest{EdocNums: []string{
		second.GetEdocNum(), unknownNumber, first.GetEdocNum(), foreign.GetEdocNum(),
	}})
	require.NoError(t, err)
	require.Equal(t, []string{second.GetEdocNum(), first.GetEdocNum()}, numbersOf(resp.GetStatuses()))
	require.Equal(t, []string{unknownNumber, foreign.GetEdocNum()}, resp.GetNotFound())
	_, err = o.service(t, sender).BatchGetStatus(t.Context(), &statusv1.BatchGetStatusRequest{EdocNums: slices.Repeat([]string{unknownNumber}, 101)})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func numbersOf(statuses []*statusv1.DocumentStatus) []string {
	var numbers []string
	for _, s := range statuses {
		numbers = append(numbers, s.GetEdocNum())
	}
	return numbers
}

// walk reads all pages.
func walk(t *testing.T, c statusv1.StatusServiceClient, r *statusv1.ListStatusesRequest) (numbers []string, pages int) {
	t.Helper()
	for {
		resp, err := c.ListStatuses(t.Context(), r)
		require.NoError(t, err)
		require.LessOrEqual(t, len(resp.GetStatuses()), int(r.GetPageSize()))
		numbers = append(numbers, numbersOf(resp.GetStatuses())...)
		pages++
		if r.PageToken = resp.GetNextPageToken(); r.PageToken == "" {
			return numbers, pages
		}
	}
}

// A list covers the window in the order of acceptance, each document once, unaffected by other senders' documents, even if many
// were accepted at the same moment.
func TestListPages(t *testing.T) {
	t.Parallel()
	o := setup(t)
	var events []journal.Fact
	var all, early []string
	for i := range 25 {
		f := o.document()
		f.AcceptedAt = o.stamp(i / 10)
		all = append(all, f.GetEdocNum())
		if i < 10 {
			early = append(early, f.GetEdocNum())
		}
		events = append(events, o.accepted(f))
		foreign := o.document()
		foreign.Sender = viewer
		events = append(events, o.accepted(foreign))
	}
	o.Deliver(t, express, events...)
	c := o.service(t, sender)
	window := func(from, until int) *statusv1.ListStatusesRequest {
		return &statusv1.ListStatusesRequest{AcceptedFrom: o.stamp(from), AcceptedUntil: o.stamp(until), PageSize: 7}
	}
	numbers, pages := walk(t, c, window(0, 60))
	require.Equal(t, all, numbers)
	require.Equal(t, 4, pages)
	numbers, _ = walk(t, c, window(0, 1))
	require.Equal(t, early, numbers, "the window's end is not part of it")
	newest := window(0, 60)
	newest.NewestFirst = true
	numbers, pages = walk(t, c, newest)
	slices.Reverse(numbers)
	require.Equal(t, all, numbers, "the same list against its order")
	require.Equal(t, 4, pages)
	byKey, _ := walk(t, c, &statusv1.ListStatusesRequest{OwnKey: "key-3", PageSize: 7})
	require.Equal(t, []string{all[1]}, byKey)
	byKey, _ = walk(t, c, &statusv1.ListStatusesRequest{OwnKey: "key-2", PageSize: 7})
	require.Empty(t, byKey, "somebody else's key")

	// A token is valid only for its caller and its query.
	first, err := c.ListStatuses(t.Context(), window(0, 60))
	require.NoError(t, err)
	token := first.GetNextPageToken()
	for _, test := range []struct {
		name   string
		caller string
		change func(r *statusv1.ListStatusesRequest)
	}{
		{"another caller", viewer, func(*statusv1.ListStatusesRequest) {}},
		{"another window", sender, func(r *statusv1.ListStatusesRequest) { r.AcceptedUntil = o.stamp(61) }},
		{"another key", sender, func(r *statusv1.ListStatusesRequest) { r.OwnKey = "key-3" }},
		{"a batch", sender, func(r *statusv1.ListStatusesRequest) { r.Batch = "key-3" }},
		{"the other order", sender, func(r *statusv1.ListStatusesRequest) { r.NewestFirst = true }},
		{"other states", sender, func(r *statusv1.ListStatusesRequest) {
			r.States = []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_READ}
		}},
		{"changed", sender, func(r *statusv1.ListStatusesRequest) { r.PageToken = strings.ToUpper(r.GetPageToken()) }},
		{"cut", sender, func(r *statusv1.ListStatusesRequest) { r.PageToken = r.GetPageToken()[:20] }},
		{"made up", sender, func(r *statusv1.ListStatusesRequest) { r.PageToken = "!" }},
	} {
		r := window(0, 60)
		r.PageToken = token
		test.change(r)
		_, err := o.service(t, test.caller).ListStatuses(t.Context(), r)
		require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err), test.name)
	}
	r := window(0, 60)
	r.PageToken, r.PageSize = token, 100
	rest, err := c.ListStatuses(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, all[7:], numbersOf(rest.GetStatuses()), "the size of a page may change on the way")

	_, err = c.ListStatuses(t.Context(), &statusv1.ListStatusesRequest{AcceptedFrom: o.stamp(0), AcceptedUntil: timestamppb.New(o.at(1).Add(31 * 24 * time.Hour))})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

// A filter by state finds every match, however few there are; pages may be short.
func TestListByState(t *testing.T) {
	t.Parallel()
	o := setup(t, unittest.Config(func(c *status.Config) { c.ListScan = 1000 }))
	var events, ends []journal.Fact
	var failed []string
	for i := range 2200 {
		f := o.document()
		f.AcceptedAt = timestamppb.New(o.start.Add(time.Duration(i) * time.Millisecond))
		events = append(events, o.accepted(f))
		if i == 3 || i == 999 || i == 1000 || i == 2199 {
			failed = append(failed, f.GetEdocNum())
			ends = append(ends, o.failed(f, 10))
		}
	}
	o.Deliver(t, bulk, events...)
	o.Deliver(t, bulk, ends...)
	numbers, pages := walk(t, o.service(t, sender), &statusv1.ListStatusesRequest{
		AcceptedFrom: o.stamp(0), AcceptedUntil: o.stamp(60), PageSize: 100, States: []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_FAILED},
	})
	require.Equal(t, failed, numbers)
	require.Equal(t, 3, pages)
	numbers, pages = walk(t, o.service(t, sender), &statusv1.ListStatusesRequest{
		AcceptedFrom: o.stamp(0), AcceptedUntil: o.stamp(60), PageSize: 100, States: []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_FAILED},
		NewestFirst: true,
	})
	slices.Reverse(numbers)
	require.Equal(t, failed, numbers)
	require.Equal(t, 3, pages)
}

// Nothing reveals another sender's document: neither its status, nor its timeline, nor its existence.
func TestIsolation(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f), o.received(f, 1))
	stranger := o.service(t, unittest.NewID())
	for _, number := range []string{f.GetEdocNum(), unknownNumber} {
		_, err := stranger.GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: number})
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
		_, err = stranger.GetTimeline(t.Context(), &statusv1.GetTimelineRequest{EdocNum: number})
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
	}
	for _, kind := range []platformv1.PrincipalKind{
		platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN,
	} {
		_, err := statusv1.NewStatusServiceClient(o.As(t, kind, sender)).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: f.GetEdocNum()})
		require.Equal(t, fault.Denied, fault.KindOf(err), kind)
	}
	// A member that sends asks in its session, for its own documents alone.
	_, err := statusv1.NewStatusServiceClient(o.Recipient(t, unittest.NewID())).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: f.GetEdocNum()})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
}

// While what was handed over is being deposited its sender sees that; the deposit stands in the timeline, and the receipt ends
// it.
func TestDepositing(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	f.ViewingMode = platformv1.ViewingMode_VIEWING_MODE_RELAY
	o.tell(t, o.accepted(f), o.resolved(f, 1, addressv1.Resolution_RESOLUTION_OWN, 1))
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_DEPOSITING, o.status(t, f).GetState())
	o.tell(t, journal.Fact{Subject: f.GetEdocNum(), Ordinal: 1, Sender: f.GetSender(), Actor: "unit:archive", OccurredAt: o.at(2),
		Message: &archivev1.DocumentDeposited{Facts: f, DepositedAt: timestamppb.New(o.at(2)), Archive: "archive"}})
	o.tell(t, o.received(f, 3))
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_RECEIVED, o.status(t, f).GetState())
	timeline, err := o.service(t, sender).GetTimeline(t.Context(), &statusv1.GetTimelineRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	var kinds []string
	for _, e := range timeline.GetEntries() {
		kinds = append(kinds, e.GetKind())
	}
	require.Equal(t, []string{
		"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.archive.v1.DocumentDeposited", "naru.delivery.v1.DocumentReceived",
	}, kinds)
}

// Facts that cannot be recorded are parked or deferred; they do not affect others.
func TestUnusableEvents(t *testing.T) {
	t.Parallel()
	o := setup(t)
	good, nameless, keyless, newer := o.document(), o.document(), o.document(), o.document()
	nameless.Sender = "nobody"
	keyless.OwnKey = ""
	o.Deliver(t, express, o.accepted(nameless), o.accepted(good), o.accepted(keyless))
	o.Deliver(t, express, o.resolved(newer, 1, 42, 1), o.resolved(good, 1, none, 1))
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP, o.status(t, good).GetState())
	var parked, deferred int
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from parked_event`).Scan(&parked))
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from deferred_event`).Scan(&deferred))
	require.Equal(t, 2, parked)
	require.Equal(t, 1, deferred)
}

// The kinds in the database have the names of the events.
func TestKindsHaveTheirNames(t *testing.T) {
	t.Parallel()
	o := setup(t)
	rows, err := o.App.Query(t.Context(), `select name from timeline_kind`)
	require.NoError(t, err)
	defer rows.Close()
	var named []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		named = append(named, name)
	}
	require.NoError(t, rows.Err())
	var read []string
	for _, spec := range status.Unit.Reads {
		for _, kind := range spec.Kinds {
			read = append(read, string(kind))
		}
	}
	require.ElementsMatch(t, read, named)
}

// The default is valid, and all problems are reported at once.
func TestConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, status.Default().Validate())
	c := status.Default()
	c.Lookup.Timeout, c.Lookup.Concurrency, c.ListScan = 0, 0, 999
	var paths []string
	for _, p := range config.List(c.Validate()) {
		paths = append(paths, p.Path)
	}
	require.Equal(t, []string{"lookup.timeout", "lookup.concurrency", "list_scan"}, paths)
}
