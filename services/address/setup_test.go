package address

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// world is a running unit with its hub, and a maker that seals like intake.
type world struct {
	*unittest.Bench
	hub    *fakeHub
	intake *fakeIntake
	units  addressv1.AddressServiceClient
	serial atomic.Int64
}

func setup(t *testing.T, opts ...unittest.Option) *world {
	t.Helper()
	now := clock.NewFake(clock.System().Now())
	w := &world{hub: newFakeHub(), intake: &fakeIntake{Maker: unittest.NewMaker(t, sealedDescription, domain)}}
	opts = append([]unittest.Option{
		unittest.WithClock(now),
		unittest.Neighbour("hub", w.hub.register),
		unittest.Neighbour("intake", w.intake.register),
		unittest.Config(func(c *Config) {
			c.RefusalMaxBackoff = config.Duration(100 * time.Millisecond)
			for _, call := range []*work.Calls{&c.Lookup, &c.Registration} {
				call.Interval, call.FirstBackoff, call.MaxBackoff = config.Duration(10*time.Millisecond), config.Duration(20*time.Millisecond), config.Duration(100*time.Millisecond)
			}
		}),
	}, opts...)
	w.Bench = unittest.New(t, Unit, opts...)
	w.units = addressv1.NewAddressServiceClient(w.Unit(t, "viewing"))
	return w
}

// someone returns an invented person, different from all others.
func someone() person {
	ci := make([]byte, 64)
	_, _ = rand.Read(ci)
	return person{
		CI: base64.StdEncoding.EncodeToString(ci), Name: fmt.Sprintf("가온별%d", mathrand.IntN(1e9)), //nolint:gosec // invented
		BirthDate: "19910203", Phone: fmt.Sprintf("010%08d", mathrand.IntN(1e8)), //nolint:gosec // invented
	}
}

// heldUp returns a proved person. The hub does not answer about the person's address until hold is closed.
func (w *world) heldUp(t testing.TB) (p person, recipient string, hold chan struct{}) {
	t.Helper()
	hold = make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold = hold })
	p = someone()
	return p, w.prove(t, p), hold
}

func byCI(p person) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{Ci: &p.CI}
}

func byFacts(p person) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone}}
}

func byBusiness(number string) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{BusinessNumber: &number}
}

func byAddress(platform, address, sub string) *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{PlatformAddress: &platformv1.PlatformAddress{PlatformId: platform, Address: address, SubAddress: sub}}
}

// prove makes an identity proof and returns the recipient id.
func (w *world) prove(t testing.TB, p person) string {
	t.Helper()
	answer, err := w.units.ResolveIdentity(t.Context(), proofOf(w, p))
	require.NoError(t, err)
	return answer.GetRecipient()
}

func proofOf(w *world, p person) *addressv1.ResolveIdentityRequest {
	return &addressv1.ResolveIdentityRequest{
		Ci: p.CI, Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone, Issuer: "https://idp.test",
		ProvedAt: timestamppb.New(w.Clock.Now()), AssertionDigest: "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184",
	}
}

// session returns a client with a recipient's session.
func (w *world) session(t testing.TB, recipient string) addressv1.MembershipServiceClient {
	t.Helper()
	return addressv1.NewMembershipServiceClient(w.Recipient(t, recipient))
}

func (w *world) ask(t testing.TB, recipient string) *addressv1.Membership {
	t.Helper()
	answer, err := w.session(t, recipient).Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "2026-01", Consent: true, DesignateInbox: true})
	require.NoError(t, err)
	return answer.GetMembership()
}

func (w *world) membership(t testing.TB, recipient string) *addressv1.Membership {
	t.Helper()
	answer, err := w.session(t, recipient).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.NoError(t, err)
	return answer.GetMembership()
}

// member makes an identity proof, joins and waits for the hub.
func (w *world) member(t testing.TB, p person) (recipient, address string) {
	t.Helper()
	recipient = w.prove(t, p)
	address = w.ask(t, recipient).GetAddress()
	w.awaitState(t, recipient, addressv1.MemberState_MEMBER_STATE_ACTIVE)
	return recipient, address
}

func (w *world) awaitState(t testing.TB, recipient string, state addressv1.MemberState) {
	t.Helper()
	await.Require(t, unittest.Patience, func() bool { return w.membership(t, recipient).GetState() == state })
}

// send describes a document to deliver.
type send struct {
	to       *platformv1.RecipientIdentifier
	sender   string
	lane     platformv1.Lane
	deadline time.Duration
}

// accepted returns the event of a document's acceptance.
func (w *world) accepted(t testing.TB, s send) journal.Fact {
	t.Helper()
	if s.sender == "" {
		s.sender = uuid.NewString()
	}
	if s.deadline == 0 {
		s.deadline = 72 * time.Hour
	}
	now := w.Clock.Now()
	edoc, err := id.NewEdocNumber(now, "TEST000001", w.serial.Add(1))
	require.NoError(t, err)
	described, err := proto.Marshal(s.to)
	require.NoError(t, err)
	return journal.Fact{
		Subject: edoc.String(), Sender: s.sender, Actor: s.sender, OccurredAt: now,
		Message: &intakev1.DocumentAccepted{
			SealedRecipient: w.intake.seal(t, edoc.String(), described),
			Facts: &platformv1.DocumentFacts{
				EdocNum: edoc.String(), Sender: s.sender, Actor: s.sender, OwnKey: "key-" + edoc.String(), Lane: max(s.lane, platformv1.Lane_LANE_EXPRESS),
				From:         &platformv1.Party{PlatformId: unittest.Platform, Address: "office"},
				SendDeadline: timestamppb.New(now.Add(s.deadline)), AcceptedAt: timestamppb.New(now), SealedViewingIdentifier: []byte("sealed for viewing"),
			},
		},
	}
}

// send delivers the event of a document and returns the document's number.
func (w *world) send(t testing.TB, s send) string {
	t.Helper()
	event := w.accepted(t, s)
	w.Deliver(t, max(s.lane, platformv1.Lane_LANE_EXPRESS), event)
	return event.Subject
}

// told returns the stated outcomes of a document in the order of their ordinals, which must be 1, 2, 3, …
func (w *world) told(t testing.TB, edoc string) []*addressv1.RecipientResolved {
	t.Helper()
	byOrdinal := map[uint32]*addressv1.RecipientResolved{}
	for _, e := range w.Stated(t, &addressv1.RecipientResolved{}) {
		if e.GetSubject() != edoc {
			continue
		}
		m := &addressv1.RecipientResolved{}
		require.NoError(t, proto.Unmarshal(e.GetPayload(), m))
		require.NotContains(t, byOrdinal, e.GetOrdinal(), "an ordinal is told once")
		byOrdinal[e.GetOrdinal()] = m
	}
	var all []*addressv1.RecipientResolved
	for n := uint32(1); int(n) <= len(byOrdinal); n++ {
		require.Contains(t, byOrdinal, n)
		all = append(all, byOrdinal[n])
	}
	return all
}

// awaitTold waits until this is the latest outcome of a document.
func (w *world) awaitTold(t testing.TB, edoc string, want addressv1.Resolution) *addressv1.RecipientResolved {
	t.Helper()
	var latest *addressv1.RecipientResolved
	await.Require(t, unittest.Patience, func(context.Context) error {
		all := w.told(t, edoc)
		if len(all) == 0 {
			return fmt.Errorf("nothing told yet")
		}
		if latest = all[len(all)-1]; latest.GetResolution() != want {
			return fmt.Errorf("told %s, want %s", latest.GetResolution(), want)
		}
		return nil
	})
	return latest
}

// hurry makes all waiting work due now.
func (w *world) hurry(t testing.TB) {
	t.Helper()
	for _, table := range []string{"due_document", "due_address", "due_name_change"} {
		_, err := w.App.Exec(t.Context(), `update `+table+` set due_at = now() where due_at > now()`)
		require.NoError(t, err)
	}
}

// count returns the result of a counting query.
func (w *world) count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, w.App.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func (w *world) stateOf(t testing.TB, edoc string) string {
	t.Helper()
	var state string
	require.NoError(t, w.App.QueryRow(t.Context(), `select state from open_document where edoc_num = $1`, edoc).Scan(&state))
	return state
}
