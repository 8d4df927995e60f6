package unittest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// As is a channel to the unit on which every call carries a real token of that principal, by way of the gateway's identity.
func (b *Bench) As(t testing.TB, kind platformv1.PrincipalKind, principal string) grpc.ClientConnInterface {
	t.Helper()
	grant := authn.Grant{Subject: principal, Kind: kind, Client: "client-of-" + principal, Life: time.Hour}
	if authn.BySession(kind) {
		grant.Client, grant.Session = "", uuid.NewString()
	}
	token, _, err := b.minters[authn.MintedBy(kind)].Mint(grant)
	require.NoError(t, err)
	return b.Bearing(t, token)
}

// Bearing is a channel on which every call carries a token, whatever it is.
func (b *Bench) Bearing(t testing.TB, token string) grpc.ClientConnInterface {
	t.Helper()
	return bearer{b.Unit(t, "gateway"), token}
}

// Sender, ViewingSystem, Recipient and Admin are As for their kinds.
func (b *Bench) Sender(t testing.TB, principal string) grpc.ClientConnInterface {
	return b.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, principal)
}

// ViewingSystem calls as a viewing system.
func (b *Bench) ViewingSystem(t testing.TB, principal string) grpc.ClientConnInterface {
	return b.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, principal)
}

// Recipient calls as a recipient's session.
func (b *Bench) Recipient(t testing.TB, recipient string) grpc.ClientConnInterface {
	return b.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, recipient)
}

// SessionToken is the token of a recipient's session.
func (b *Bench) SessionToken(t testing.TB, recipient string) string {
	t.Helper()
	kind := platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT
	token, _, err := b.minters[authn.MintedBy(kind)].Mint(authn.Grant{Subject: recipient, Kind: kind, Session: uuid.NewString(), Life: 10 * time.Minute})
	require.NoError(t, err)
	return token
}

// ActingFor calls with the session of an organisation that a person took.
func (b *Bench) ActingFor(t testing.TB, organisation, person string) grpc.ClientConnInterface {
	t.Helper()
	return b.Bearing(t, b.ActingToken(t, organisation, person))
}

// ActingToken is the token of such a session, with these scopes, or with all.
func (b *Bench) ActingToken(t testing.TB, organisation, person string, scopes ...string) string {
	t.Helper()
	kind := platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT
	if len(scopes) == 0 {
		scopes = authn.Scopes(kind)
	}
	token, _, err := b.minters[authn.MintedBy(kind)].Mint(authn.Grant{
		Subject: organisation, Kind: kind, Scopes: scopes, Session: uuid.NewString(), Actor: person, Life: time.Hour,
	})
	require.NoError(t, err)
	return token
}

// Admin calls as the operator.
func (b *Bench) Admin(t testing.TB) grpc.ClientConnInterface {
	return b.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN, NewID())
}

// Unit is a channel on which another unit calls.
func (b *Bench) Unit(t testing.TB, caller string) grpc.ClientConnInterface {
	t.Helper()
	conn, err := b.network.Dial(caller, b.unit.Name)
	require.NoError(t, err)
	return conn
}

// bearer adds a token to every call.
type bearer struct {
	grpc.ClientConnInterface
	token string
}

func (c bearer) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token), method, args, reply, opts...)
}

func (c bearer) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token), desc, method, opts...)
}

// Frames encodes events of one kind as the frames another unit would publish.
func Frames(t testing.TB, lane platformv1.Lane, events ...journal.Fact) []frame.Frame {
	t.Helper()
	encoded := make([][]byte, len(events))
	for i, e := range events {
		one, err := journal.Encode(t.Context(), "test/1", e)
		require.NoError(t, err)
		encoded[i] = one
	}
	kind := frame.KindOf(events[0].Message)
	cut, err := frame.Cut(kind, lane, encoded)
	require.NoError(t, err)
	made, err := producers.of(t, kind.Unit()).Seal(t.Context(), kind.Unit(), frame.NewCommit(), cut)
	require.NoError(t, err)
	frames := make([]frame.Frame, len(made))
	for i := range made {
		frames[i] = made[i].Frame
	}
	return frames
}

// Deliver publishes events of one kind and waits until every consumer of the unit that reads the kind has committed their effect.
func (b *Bench) Deliver(t testing.TB, lane platformv1.Lane, events ...journal.Fact) {
	t.Helper()
	b.DeliverFrames(t, Frames(t, lane, events...)...)
}

// DeliverFrames publishes frames, e.g. the same ones again.
func (b *Bench) DeliverFrames(t testing.TB, frames ...frame.Frame) {
	t.Helper()
	readers := 0
	for _, spec := range b.unit.Reads {
		for _, kind := range spec.Kinds {
			if kind == frames[0].Kind {
				readers++
			}
		}
	}
	require.Positive(t, readers, "%s reads no %s", b.unit.Name, frames[0].Kind)
	var ids []uuid.UUID
	for _, f := range frames {
		ids = append(ids, f.ID)
		b.Offer(t, f, Tags(t, f, b.unit.Name))
	}
	await.Require(t, Patience, func() bool {
		var consumed int
		err := b.App.QueryRow(context.WithoutCancel(t.Context()), `select count(*) from consumed_frame where frame_id = any($1)`, ids).Scan(&consumed)
		return err == nil && consumed == readers*len(ids)
	})
}

// Tags are what a frame's producer gives it for readers.
func Tags(t testing.TB, f frame.Frame, readers ...string) map[string][]byte {
	t.Helper()
	tags, err := producers.of(t, f.Unit).Tags(t.Context(), f.Header, readers)
	require.NoError(t, err)
	return tags
}

// Offer puts a frame on the bus with these tags, whoever made them, as somebody with the broker's own rights can.
func (b *Bench) Offer(t testing.TB, f frame.Frame, tags map[string][]byte) {
	t.Helper()
	acknowledged, err := b.admin.Publish(t.Context(), f, tags)
	require.NoError(t, err)
	require.NoError(t, (<-acknowledged).Err)
}

// Metric sums a metric of the unit over its labels, by its name at /metrics; 0 where there is none.
func (b *Bench) Metric(t testing.TB, name string) float64 {
	t.Helper()
	families, err := b.Env.Gatherer.Gather()
	require.NoError(t, err)
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// Facts lists the events of M's kind the unit has stated so far, in the order of their frames.
func Facts[M proto.Message](t testing.TB, b *Bench) []M {
	t.Helper()
	var zero M
	var messages []M
	for _, e := range b.Stated(t, zero) {
		message := zero.ProtoReflect().New().Interface().(M)
		require.NoError(t, proto.Unmarshal(e.GetPayload(), message))
		messages = append(messages, message)
	}
	return messages
}

// Stated is Facts with the envelopes.
func (b *Bench) Stated(t testing.TB, kind proto.Message) []*platformv1.Event {
	t.Helper()
	var events []*platformv1.Event
	for _, f := range journaltest.OfKind(t, b.App, b.unit.Name, frame.KindOf(kind)) {
		opened, err := f.Events()
		require.NoError(t, err)
		events = append(events, opened...)
	}
	return events
}

// AwaitFacts waits until the unit has stated at least n events of M's kind, and lists them.
func AwaitFacts[M proto.Message](t testing.TB, b *Bench, n int) []M {
	t.Helper()
	var found []M
	await.Require(t, Patience, func() bool {
		found = Facts[M](t, b)
		return len(found) >= n
	})
	return found
}
