package status_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/status"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	express = platformv1.Lane_LANE_EXPRESS
	bulk    = platformv1.Lane_LANE_BULK
	sender  = "0192f0c0-0000-7000-8000-00000000000a"
	viewer  = "0192f0c0-0000-7000-8000-00000000000b"
)

// intake plays the intake unit.
type intake struct {
	intakev1.UnimplementedIntakeLookupServiceServer
	mu    sync.Mutex
	known map[string]*platformv1.DocumentFacts
	asked []string
	down  bool
	// until and sequence are the horizon.
	until    time.Time
	sequence uint64
}

func (i *intake) GetHorizon(context.Context, *intakev1.GetHorizonRequest) (*intakev1.GetHorizonResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down || i.until.IsZero() {
		return nil, fault.New(fault.Unavailable, "intake", nil, "")
	}
	return &intakev1.GetHorizonResponse{Until: timestamppb.New(i.until), Sequence: i.sequence}, nil
}

func (i *intake) GetDocument(_ context.Context, r *intakev1.GetDocumentRequest) (*intakev1.GetDocumentResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, r.GetEdocNum())
	switch f := i.known[r.GetEdocNum()]; {
	case i.down:
		return nil, fault.New(fault.Unavailable, "intake", nil, "")
	case f == nil:
		return nil, fault.New(fault.NotFound, "intake", intakev1.Reason_REASON_DOCUMENT_NOT_FOUND, "")
	default:
		return &intakev1.GetDocumentResponse{Facts: f}, nil
	}
}

// office is a running status unit with an intake.
type office struct {
	*unittest.Bench
	intake *intake
	start  time.Time
	serial int
}

func setup(t *testing.T, opts ...unittest.Option) *office {
	t.Helper()
	o := &office{intake: &intake{known: map[string]*platformv1.DocumentFacts{}}}
	o.Bench = unittest.New(t, status.Unit, append(opts,
		unittest.Neighbour("intake", func(r grpc.ServiceRegistrar) { intakev1.RegisterIntakeLookupServiceServer(r, o.intake) }))...)
	o.start = o.Clock.Now().Add(-time.Hour)
	return o
}

// at returns the time that many seconds after the start of the story.
func (o *office) at(seconds int) time.Time { return o.start.Add(time.Duration(seconds) * time.Second) }

func (o *office) stamp(seconds int) *timestamppb.Timestamp { return timestamppb.New(o.at(seconds)) }

// document returns a new document, accepted at second 0 of the story.
func (o *office) document() *platformv1.DocumentFacts {
	o.serial++
	return &platformv1.DocumentFacts{
		EdocNum: fmt.Sprintf("%s_NARUTEST01_%013d", o.start.In(id.KST).Format("20060102"), o.serial),
		Sender:  sender, Actor: sender, OwnKey: fmt.Sprintf("key-%d", o.serial), Lane: express,
		From:       &platformv1.Party{PlatformId: unittest.Platform, Address: "sender-address"},
		AcceptedAt: o.stamp(0), SendDeadline: o.stamp(100_000), ViewingDeadline: o.stamp(200_000),
		DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)},
		SealedTitle:  []byte("sealed"), Repeats: "20200101_NARUTEST01_0000000000009",
	}
}

// with returns a copy of the facts as a later event carries them.
func (o *office) with(f *platformv1.DocumentFacts, sent, received int) *platformv1.DocumentFacts {
	later := &platformv1.DocumentFacts{
		EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Actor: f.GetActor(), OwnKey: f.GetOwnKey(), Lane: f.GetLane(), From: f.GetFrom(),
		AcceptedAt: f.GetAcceptedAt(), SendDeadline: f.GetSendDeadline(), ViewingDeadline: f.GetViewingDeadline(), DocumentHash: f.GetDocumentHash(),
		SealedTitle: f.GetSealedTitle(), Repeats: f.GetRepeats(), Batch: f.GetBatch(), ViewingMode: f.GetViewingMode(),
		Recipient: "recipient-id", To: &platformv1.Party{PlatformId: unittest.Platform, Address: "recipient-address"},
	}
	if sent > 0 {
		later.SentAt = o.stamp(sent)
	}
	if received > 0 {
		later.ReceivedAt = o.stamp(received)
	}
	return later
}

func (o *office) accepted(f *platformv1.DocumentFacts) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: f.GetActor(), OccurredAt: f.GetAcceptedAt().AsTime(),
		Message: &intakev1.DocumentAccepted{Facts: f, SealedRecipient: []byte("sealed")}}
}

func (o *office) cancelRequested(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: f.GetActor(), OccurredAt: o.at(second), Message: &intakev1.CancelRequested{EdocNum: f.GetEdocNum()}}
}

func (o *office) resolved(f *platformv1.DocumentFacts, ordinal uint32, resolution addressv1.Resolution, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: "unit:address", OccurredAt: o.at(second),
		Message: &addressv1.RecipientResolved{Facts: o.with(f, 0, 0), Resolution: resolution, ResolvedAt: o.stamp(second)}}
}

func (o *office) received(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.DocumentReceived{Facts: o.with(f, second, second)}}
}

// receivedAtOnce returns the receipt of a document whose recipient the first search found.
func (o *office) receivedAtOnce(f *platformv1.DocumentFacts, found, second int) journal.Fact {
	e := o.received(f, second)
	e.Message.(*deliveryv1.DocumentReceived).Facts.ResolvedAt = o.stamp(found)
	return e
}

func (o *office) noticeGiven(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.NoticeGiven{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), GivenAt: o.stamp(second)}}
}

func (o *office) expired(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.DeliveryExpired{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), ExpiredAt: o.stamp(second)}}
}

func (o *office) failed(f *platformv1.DocumentFacts, second int) journal.Fact {
	return o.failedFor(f, "ADDRESS_WITHDRAWN", second)
}

func (o *office) invited(f *platformv1.DocumentFacts, ordinal uint32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.RecipientInvited{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), InvitedAt: o.stamp(second), By: "PHONE"}}
}

func (o *office) unreachable(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.RecipientUnreachable{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), FoundAt: o.stamp(second)}}
}

func (o *office) failedFor(f *platformv1.DocumentFacts, reason string, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.DeliveryFailed{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), FailedAt: o.stamp(second), Reason: reason}}
}

func (o *office) cancelled(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.DocumentCancelled{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), CancelledAt: o.stamp(second)}}
}

func (o *office) cancelledByAddress(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:address", OccurredAt: o.at(second),
		Message: &addressv1.DocumentCancelled{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), CancelledAt: o.stamp(second)}}
}

func (o *office) cancelRefused(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: o.at(second),
		Message: &deliveryv1.CancelRefused{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), RefusedAt: o.stamp(second)}}
}

func (o *office) issued(f *platformv1.DocumentFacts, ordinal uint32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: "recipient-id", OccurredAt: o.at(second),
		Message: &viewingv1.ViewingTokenIssued{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Recipient: "recipient-id", IssuedAt: o.stamp(second)}}
}

func (o *office) verified(f *platformv1.DocumentFacts, ordinal uint32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: viewer, OccurredAt: o.at(second),
		Message: &viewingv1.ViewingTokenVerified{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), ViewingSystem: viewer, VerifiedAt: o.stamp(second)}}
}

func (o *office) read(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: viewer, OccurredAt: o.at(second + 1),
		Message: &viewingv1.DocumentRead{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), ViewingSystem: viewer, LogDigest: "digest", ReadAt: o.stamp(second)}}
}

func (o *office) registered(f *platformv1.DocumentFacts, result int32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:circulation", OccurredAt: o.at(second + 1),
		Message: &circulationv1.CirculationRegistered{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Result: result, Exchange: "exchange-1", AcknowledgedAt: o.stamp(second)}}
}

func (o *office) readTimeRegistered(f *platformv1.DocumentFacts, result int32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:circulation", OccurredAt: o.at(second + 1),
		Message: &circulationv1.ReadTimeRegistered{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Result: result, Exchange: "exchange-2", AcknowledgedAt: o.stamp(second)}}
}

func (o *office) refused(f *platformv1.DocumentFacts, ordinal uint32, readTime bool, result int32, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: ordinal, Sender: f.GetSender(), Actor: "unit:circulation", OccurredAt: o.at(second),
		Message: &circulationv1.CirculationRefused{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), ReadTime: readTime, Result: result, Exchange: "exchange-0", RefusedAt: o.stamp(second), Refusal: fmt.Sprintf("HUB_RESULT_%d", result)}}
}

func (o *office) certificateIssued(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: f.GetSender(), OccurredAt: o.at(second),
		Message: &certificatev1.CertificateIssued{Entitlement: certificatev1.Entitlement_ENTITLEMENT_SENDER, EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Certificate: "certificate-1", CertNum: "2026-0101-0000-0001", IssuedAt: o.stamp(second)}}
}

func (o *office) certificateFailed(f *platformv1.DocumentFacts, second int) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Ordinal: 3, Sender: f.GetSender(), Actor: f.GetSender(), OccurredAt: o.at(second),
		Message: &certificatev1.CertificateFailed{Entitlement: certificatev1.Entitlement_ENTITLEMENT_SENDER, EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Certificate: "certificate-2", Reason: "HASH_DIFFERS", FailedAt: o.stamp(second)}}
}

// service returns a client for a sender.
func (o *office) service(t *testing.T, principal string) statusv1.StatusServiceClient {
	t.Helper()
	return statusv1.NewStatusServiceClient(o.Sender(t, principal))
}

// status reads the status of a document of the usual sender.
func (o *office) status(t *testing.T, f *platformv1.DocumentFacts) *statusv1.DocumentStatus {
	t.Helper()
	resp, err := o.service(t, f.GetSender()).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	return resp.GetStatus()
}

func (o *office) timeline(t *testing.T, f *platformv1.DocumentFacts) []*statusv1.TimelineEntry {
	t.Helper()
	resp, err := o.service(t, f.GetSender()).GetTimeline(t.Context(), &statusv1.GetTimelineRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	return resp.GetEntries()
}

// tell delivers events one after the other.
func (o *office) tell(t *testing.T, events ...journal.Fact) {
	t.Helper()
	for _, e := range events {
		o.Deliver(t, express, e)
	}
}
