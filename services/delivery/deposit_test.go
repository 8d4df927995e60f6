package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// handedOver is an accepted document that its sender handed over, found to be for a consenting member here.
func (o *office) handedOver(t *testing.T, recipient string) *addressv1.RecipientResolved {
	t.Helper()
	d := o.document(t, recipient, own)
	f := d.GetFacts()
	f.ViewingMode, f.DocumentContent, f.RegisteredAt = platformv1.ViewingMode_VIEWING_MODE_RELAY, unittest.NewID(), nil
	return d
}

// deposited is the archive unit's answer to a resolution.
func (o *office) deposited(ordinal uint32, d *addressv1.RecipientResolved) journal.Fact {
	now := o.Clock.Now()
	facts, _ := proto.Clone(d.GetFacts()).(*platformv1.DocumentFacts)
	facts.RegisteredAt, facts.RegistrationCertificateDigest, facts.RegisteredHash = timestamppb.New(now), "cd", facts.GetDocumentHash()
	return journal.Fact{Subject: facts.GetEdocNum(), Ordinal: ordinal, Sender: sender, Actor: "unit:archive", OccurredAt: now,
		Message: &archivev1.DocumentDeposited{Facts: facts, DepositedAt: timestamppb.New(now), ResolvedAt: d.GetResolvedAt(), Choices: d.GetChoices()}}
}

func (o *office) received(t *testing.T) []*deliveryv1.DocumentReceived {
	t.Helper()
	return unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench)
}

// What was handed over enters the inbox once the archive keeps it, never before its registration there, and whichever fact comes
// first.
func TestReceivedOnceDeposited(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d, early := o.handedOver(t, recipient), o.handedOver(t, recipient)
	o.Deliver(t, express, resolved(1, d))
	require.Empty(t, o.received(t))
	awaited := unittest.Facts[*deliveryv1.DepositAwaited](t, o.Bench)
	require.Len(t, awaited, 1)
	require.True(t, proto.Equal(d.GetFacts(), awaited[0].GetFacts()))
	o.Clock.Advance(time.Millisecond)
	o.Deliver(t, express, o.deposited(1, d), o.deposited(1, early))
	o.Deliver(t, express, resolved(1, early), resolved(1, d))
	require.Len(t, o.received(t), 2)
	facts := o.received(t)[0].GetFacts()
	require.False(t, facts.GetSentAt().AsTime().Before(facts.GetRegisteredAt().AsTime()))
	require.Equal(t, "cd", facts.GetRegistrationCertificateDigest())

	listed, err := deliveryv1.NewInboxServiceClient(o.Recipient(t, recipient)).ListInbox(t.Context(), &deliveryv1.ListInboxRequest{})
	require.NoError(t, err)
	require.Len(t, listed.GetItems(), 2)
	require.Equal(t, platformv1.ViewingMode_VIEWING_MODE_RELAY, listed.GetItems()[0].GetViewingMode())
}

// While the archive is away nobody but delivery decides about the document: a cancel ends it at once, and so does its deadline.
func TestEndsBeforeTheDeposit(t *testing.T) {
	t.Parallel()
	o := setup(t)
	cancelled, early, expired, failed := o.handedOver(t, unittest.NewID()), o.handedOver(t, unittest.NewID()), o.handedOver(t, unittest.NewID()), o.handedOver(t, unittest.NewID())
	o.cancel(t, early.GetFacts().GetEdocNum())
	o.Deliver(t, express, resolved(1, cancelled), resolved(1, early), resolved(1, expired), resolved(1, failed))
	require.Len(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench), 1, "a cancel that came before the resolution")
	o.cancel(t, cancelled.GetFacts().GetEdocNum())
	require.Len(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench), 2)
	require.Empty(t, unittest.Facts[*deliveryv1.CancelRefused](t, o.Bench))

	number := failed.GetFacts().GetEdocNum()
	o.Deliver(t, express, journal.Fact{Subject: number, Ordinal: 1, Sender: sender, Actor: "unit:archive", OccurredAt: o.Clock.Now(),
		Message: &archivev1.DepositFailed{Facts: failed.GetFacts(), FailedAt: timestamppb.New(o.Clock.Now()), Reason: "DEPOSIT_REFUSED"}})
	told := unittest.Facts[*deliveryv1.DeliveryFailed](t, o.Bench)
	require.Len(t, told, 1)
	require.Equal(t, number, told[0].GetEdocNum())
	require.Equal(t, "DEPOSIT_REFUSED", told[0].GetReason())

	o.Advance(t, 25*time.Hour)
	require.Equal(t, expired.GetFacts().GetEdocNum(), unittest.AwaitFacts[*deliveryv1.DeliveryExpired](t, o.Bench, 1)[0].GetEdocNum())
	// What has ended is not received, though the archive was quicker than it knew.
	o.Deliver(t, express, o.deposited(1, cancelled), o.deposited(1, early), o.deposited(1, expired), o.deposited(1, failed))
	require.Empty(t, o.received(t))
}

// A recipient who changed its mind while the document was deposited is sought anew, once, and the next resolution goes through
// the archive unit again, which answers with the certificate it has.
func TestChoicesSinceTheDeposit(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d := o.handedOver(t, recipient)
	number := d.GetFacts().GetEdocNum()
	o.Deliver(t, express, resolved(1, d))
	o.Deliver(t, express, o.chose(recipient, 1))
	o.Deliver(t, express, o.deposited(1, d))
	require.Equal(t, []string{number + " 1"}, o.outdated(t))
	o.Deliver(t, express, o.deposited(1, d), resolved(1, d))
	require.Len(t, o.outdated(t), 1)
	require.Empty(t, o.received(t))

	newer, _ := proto.Clone(d).(*addressv1.RecipientResolved)
	newer.Choices = 1
	o.Deliver(t, express, resolved(2, newer))
	require.Empty(t, o.received(t))
	o.Deliver(t, express, o.deposited(2, newer))
	require.Len(t, o.received(t), 1)
}

// A recipient who refuses since is not delivered to: the document that waits for its deposit is closed.
func TestRefusedSinceTheDeposit(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	d := o.handedOver(t, recipient)
	o.Deliver(t, express, resolved(1, d))
	o.Deliver(t, express, o.chose(recipient, 1))
	o.Deliver(t, express, o.deposited(1, d))
	final, _ := proto.Clone(d).(*addressv1.RecipientResolved)
	final.Resolution = refused
	o.Deliver(t, express, resolved(2, final))
	require.True(t, o.ended(t, d.GetFacts().GetEdocNum()))
	require.Empty(t, o.received(t))
}
