package delivery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// chose states that a recipient changed consent or refusals for the nth time.
func (o *office) chose(recipient string, n uint32) journal.Fact {
	var message proto.Message = &addressv1.ConsentChanged{Recipient: recipient}
	if n%2 == 0 {
		message = &addressv1.RefusalChanged{Refused: true}
	}
	return journal.Fact{Subject: recipient, Ordinal: n, Actor: recipient, OccurredAt: o.Clock.Now(), Message: message}
}

// outdated are the resolutions that were given back to address, as number and ordinal.
func (o *office) outdated(t *testing.T) (given []string) {
	t.Helper()
	for _, e := range o.Stated(t, &deliveryv1.ResolutionOutdated{}) {
		given = append(given, fmt.Sprintf("%s %d", e.GetSubject(), e.GetOrdinal()))
	}
	return given
}

// Consent and refusals count when the document is delivered: a resolution from before the recipient's last change delivers
// nothing, whichever comes first, and is given back once. The next resolution delivers.
func TestChoicesSinceTheResolution(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient, other := unittest.NewID(), unittest.NewID()
	o.Deliver(t, express, o.chose(recipient, 2), o.chose(recipient, 1))
	d, waiting, unaffected := o.document(t, recipient, own), o.document(t, recipient, none), o.document(t, other, own)
	d.Choices = 1
	o.Deliver(t, express, resolved(1, d), resolved(1, waiting), resolved(1, unaffected))
	number := d.GetFacts().GetEdocNum()
	require.Equal(t, []string{number + " 1"}, o.outdated(t))
	facts := unittest.Facts[*deliveryv1.ResolutionOutdated](t, o.Bench)[0].GetFacts()
	require.True(t, proto.Equal(d.GetFacts(), facts), "%v", facts)
	require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 1)
	o.Deliver(t, express, resolved(1, d))
	require.Len(t, o.outdated(t), 1, "what is known already is not given back again")

	// A document that waits already is given back, too, and a later resolution counts before an earlier one.
	waiting.Resolution, waiting.Choices = own, 1
	o.Deliver(t, express, resolved(2, waiting))
	require.Equal(t, []string{number + " 1", waiting.GetFacts().GetEdocNum() + " 2"}, o.outdated(t))
	newer, _ := proto.Clone(d).(*addressv1.RecipientResolved)
	newer.Choices = 2
	o.Deliver(t, express, resolved(1, d), resolved(2, newer))
	require.Len(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench), 2)
	require.Len(t, o.outdated(t), 2)
}

// A document that is to be cancelled is not sought anew, and one that waits for address to decide anew ends at its deadline.
func TestOutdatedDocumentsEnd(t *testing.T) {
	t.Parallel()
	o := setup(t)
	recipient := unittest.NewID()
	o.Deliver(t, express, o.chose(recipient, 1))
	before, after, late := o.document(t, recipient, own), o.document(t, recipient, own), o.document(t, recipient, own)
	o.cancel(t, before.GetFacts().GetEdocNum())
	o.Deliver(t, express, resolved(1, before), resolved(1, after), resolved(1, late))
	require.Len(t, o.outdated(t), 2)
	require.Equal(t, before.GetFacts().GetEdocNum(), unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench)[0].GetEdocNum())
	o.cancel(t, after.GetFacts().GetEdocNum())
	after.Choices = 1
	o.Deliver(t, express, resolved(2, after))
	require.Len(t, unittest.Facts[*deliveryv1.DocumentCancelled](t, o.Bench), 2)
	o.Advance(t, 25*time.Hour)
	require.Equal(t, late.GetFacts().GetEdocNum(), unittest.AwaitFacts[*deliveryv1.DeliveryExpired](t, o.Bench, 1)[0].GetEdocNum())
	require.Empty(t, unittest.Facts[*deliveryv1.DocumentReceived](t, o.Bench))
}
