package circulation_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/circulation"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	express = platformv1.Lane_LANE_EXPRESS
	bulk    = platformv1.Lane_LANE_BULK
	sender  = "0192f0c0-0000-7000-8000-00000000000a"
	// canary must not appear in any table or log.
	canary = "비밀 제목 카나리아"
)

// lost is a scripted result: the hub does its work, but the answer is lost.
const lost = -1

// hub plays the hub unit and the hub behind it.
type hub struct {
	hubv1.UnimplementedHubServiceServer
	mu   sync.Mutex
	down bool
	// refuses is what the hub says to every call: its errCode.
	refuses     string
	poison      map[string]bool
	scripts     map[string][]int32
	registered  map[string]*hubv1.CirculationItem
	read        map[string]time.Time
	calls       int
	batches     []int
	items       []*hubv1.CirculationItem
	readItems   []*hubv1.ReadTimeItem
	exchangeNow string
	// hold blocks the answer to the next call with a number, after the call took effect.
	hold map[string]chan struct{}
}

func newHub() *hub {
	return &hub{poison: map[string]bool{}, scripts: map[string][]int32{}, registered: map[string]*hubv1.CirculationItem{}, read: map[string]time.Time{}, hold: map[string]chan struct{}{}}
}

// do runs f under the hub's lock.
func (h *hub) do(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// begin counts a call and returns an error if it is refused or unavailable as a whole.
func (h *hub) begin(numbers []string) error {
	h.calls++
	h.batches = append(h.batches, len(numbers))
	h.exchangeNow = fmt.Sprintf("exchange-%d", h.calls)
	if h.down {
		return fault.New(fault.Unavailable, "hub", hubv1.Reason_REASON_HUB_UNAVAILABLE, "")
	}
	if h.refuses != "" {
		return refusal(h.refuses)
	}
	if slices.ContainsFunc(numbers, func(n string) bool { return h.poison[n] }) {
		return refusal("ERR-02-001")
	}
	return nil
}

func refusal(code string) error {
	return fault.New(fault.Conflict, "hub", hubv1.Reason_REASON_HUB_REFUSED, "", fault.WithMetadata("errCode", code))
}

// next is the scripted result of a number, or what the hub would say by itself.
func (h *hub) next(number string, already bool) int32 {
	if script := h.scripts[number]; len(script) > 0 {
		h.scripts[number] = script[1:]
		return script[0]
	}
	if already {
		return 2
	}
	return 1
}

func (h *hub) answers(numbers []string, one func(i int) int32) ([]*hubv1.ItemResult, error) {
	if err := h.begin(numbers); err != nil {
		return nil, err
	}
	var results []*hubv1.ItemResult
	gone := false
	for i, n := range numbers {
		result := one(i)
		gone = gone || result == lost
		results = append(results, &hubv1.ItemResult{EdocNum: n, Result: max(result, 0)})
	}
	if gone {
		return nil, fault.New(fault.Unavailable, "hub", hubv1.Reason_REASON_HUB_UNAVAILABLE, "")
	}
	slices.Reverse(results) // results are matched by number, not by position
	return results, nil
}

func (h *hub) RegisterCirculations(ctx context.Context, r *hubv1.RegisterCirculationsRequest) (*hubv1.RegisterCirculationsResponse, error) {
	resp, err := h.register(r)
	h.mu.Lock()
	held := h.hold[r.GetItems()[0].GetEdocNum()]
	delete(h.hold, r.GetItems()[0].GetEdocNum())
	h.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	return resp, err
}

func (h *hub) register(r *hubv1.RegisterCirculationsRequest) (*hubv1.RegisterCirculationsResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	numbers := make([]string, len(r.GetItems()))
	for i, item := range r.GetItems() {
		numbers[i] = item.GetEdocNum()
	}
	h.items = append(h.items, r.GetItems()...)
	results, err := h.answers(numbers, func(i int) int32 {
		result := h.next(numbers[i], h.registered[numbers[i]] != nil)
		if result == 1 || result == lost {
			h.registered[numbers[i]] = r.GetItems()[i]
		}
		return result
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterCirculationsResponse{Results: results, Exchange: h.exchangeNow, AnsweredAt: timestamppb.New(answeredAt)}, nil
}

func (h *hub) RegisterReadTimes(_ context.Context, r *hubv1.RegisterReadTimesRequest) (*hubv1.RegisterReadTimesResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	numbers := make([]string, len(r.GetItems()))
	for i, item := range r.GetItems() {
		numbers[i] = item.GetEdocNum()
	}
	h.readItems = append(h.readItems, r.GetItems()...)
	results, err := h.answers(numbers, func(i int) int32 {
		_, already := h.read[numbers[i]]
		result := h.next(numbers[i]+"/read", already)
		if h.registered[numbers[i]] == nil && result == 1 {
			result = 4
		}
		if result == 1 || result == lost {
			h.read[numbers[i]] = r.GetItems()[i].GetReadAt().AsTime()
		}
		return result
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterReadTimesResponse{Results: results, Exchange: h.exchangeNow, AnsweredAt: timestamppb.New(answeredAt)}, nil
}

// answeredAt is the time of every answer of the hub.
var answeredAt = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// addresses plays the address unit.
type addresses struct {
	addressv1.UnimplementedAddressServiceServer
	mu        sync.Mutex
	down      bool
	confirmed []string
}

func (a *addresses) ConfirmAddress(_ context.Context, r *addressv1.ConfirmAddressRequest) (*addressv1.ConfirmAddressResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return nil, fault.New(fault.Unavailable, "address", nil, "")
	}
	a.confirmed = append(a.confirmed, r.GetAddress())
	return &addressv1.ConfirmAddressResponse{Registered: true}, nil
}

// office is a running circulation unit with its neighbours.
type office struct {
	*unittest.Bench
	hub       *hub
	addresses *addresses
	intake    *unittest.Maker
	// database is the database's clock for what ends by time.
	database *clock.Fake
	serial   int
}

func setup(t *testing.T, change ...func(*circulation.Config)) *office {
	t.Helper()
	o := &office{hub: newHub(), addresses: &addresses{}, intake: unittest.NewMaker(t, "intake.title", "circulation"), database: clock.NewFake(clock.System().Now())}
	o.Bench = unittest.New(t, circulation.Unit,
		unittest.WithDatabaseClock(o.database),
		unittest.Neighbour("intake", o.intake.Register),
		unittest.Neighbour("hub", func(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, o.hub) }),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) { addressv1.RegisterAddressServiceServer(r, o.addresses) }),
		unittest.Config(func(c *circulation.Config) {
			c.Calls.FirstWait, c.Calls.MaxWait, c.Calls.Pause = config.Duration(5*time.Millisecond), config.Duration(20*time.Millisecond), config.Duration(5*time.Millisecond)
			c.Calls.Interval = config.Duration(50 * time.Millisecond)
			for _, f := range change {
				f(c)
			}
		}))
	return o
}

// facts returns the facts of a new received document.
func (o *office) facts(t *testing.T) *platformv1.DocumentFacts {
	t.Helper()
	o.serial++
	now := o.Clock.Now()
	number := fmt.Sprintf("%s_NARUTEST01_%013d", now.In(id.KST).Format("20060102"), o.serial)
	return &platformv1.DocumentFacts{
		EdocNum: number, Sender: sender, Actor: sender, OwnKey: fmt.Sprintf("key-%d", o.serial), Lane: express,
		From:         &platformv1.Party{PlatformId: unittest.Platform, Address: "sender-address", SubAddress: "desk", ValidFrom: timestamppb.New(now.Add(-time.Hour))},
		To:           &platformv1.Party{PlatformId: unittest.Platform, Address: fmt.Sprintf("recipient-%d", o.serial), ValidFrom: timestamppb.New(now.Add(-time.Hour))},
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Circulation: true, Registrar: unittest.Platform, Recipient: unittest.NewID(),
		DocumentHash:     &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)},
		AttachmentHashes: []*platformv1.Digest{{Algorithm: "SHA-256", Value: strings.Repeat("cd", 32)}, {Algorithm: "SHA-256", Value: strings.Repeat("ef", 32)}},
		SealedTitle:      o.intake.Seal(t, number, []byte(canary)),
		AcceptedAt:       timestamppb.New(now), SentAt: timestamppb.New(now), ReceivedAt: timestamppb.New(now),
	}
}

func received(f *platformv1.DocumentFacts) journal.Fact {
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "unit:delivery", OccurredAt: f.GetReceivedAt().AsTime(), Message: &deliveryv1.DocumentReceived{Facts: f}}
}

// read returns a read report ten seconds after receipt.
func read(f *platformv1.DocumentFacts) journal.Fact {
	at := f.GetReceivedAt().AsTime().Add(10 * time.Second)
	return journal.Fact{Subject: f.GetEdocNum(), Sender: f.GetSender(), Actor: "viewer", OccurredAt: at, Message: &viewingv1.DocumentRead{
		EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Lane: f.GetLane(), Recipient: f.GetRecipient(), ReadAt: timestamppb.New(at)}}
}

// record reads a record as its sender.
func (o *office) record(t *testing.T, number string) *circulationv1.CirculationRecord {
	t.Helper()
	resp, err := circulationv1.NewCirculationServiceClient(o.Sender(t, sender)).GetCirculation(t.Context(), &circulationv1.GetCirculationRequest{EdocNum: number})
	require.NoError(t, err)
	return resp.GetRecord()
}

// awaitCalls waits until both calls of a record have these states.
func (o *office) awaitCalls(t *testing.T, number string, registration, readTime circulationv1.CallState) *circulationv1.CirculationRecord {
	t.Helper()
	var r *circulationv1.CirculationRecord
	await.Require(t, unittest.Patience, func(context.Context) error {
		r = o.record(t, number)
		if r.GetRegistration().GetState() != registration || r.GetReadTime().GetState() != readTime {
			return fmt.Errorf("registration is %s and read time %s", r.GetRegistration(), r.GetReadTime())
		}
		return nil
	})
	return r
}

const (
	isWaiting   = circulationv1.CallState_CALL_STATE_WAITING
	isDue       = circulationv1.CallState_CALL_STATE_DUE
	isDone      = circulationv1.CallState_CALL_STATE_DONE
	isQueued    = circulationv1.CallState_CALL_STATE_QUEUED
	isNotNeeded = circulationv1.CallState_CALL_STATE_NOT_NEEDED
)

// attemptRow is a stored attempt.
type attemptRow struct {
	attempt  int
	outcome  string
	result   int
	exchange string
	digest   []byte
}

func (o *office) attempts(t *testing.T, number string, kind int) []attemptRow {
	t.Helper()
	rows, err := o.App.Query(t.Context(), `
		select a.attempt, a.outcome, a.result, a.exchange, a.digest
		from   hub_call c, unnest(c.numbers, c.attempts, c.outcomes, c.results, c.exchanges, c.digests) a(edoc_num, attempt, outcome, result, exchange, digest)
		where  a.edoc_num = $1 and c.kind = $2 and a.outcome is not null
		order  by a.attempt`, number, kind)
	require.NoError(t, err)
	defer rows.Close()
	var all []attemptRow
	for rows.Next() {
		var a attemptRow
		require.NoError(t, rows.Scan(&a.attempt, &a.outcome, &a.result, &a.exchange, &a.digest))
		all = append(all, a)
	}
	require.NoError(t, rows.Err())
	return all
}

// proofs returns what is stated about a document's calls of one kind, in the order of the attempts.
func (o *office) proofs(t *testing.T, number string, readTime bool) []*circulationv1.HubCallItem {
	t.Helper()
	var found []*circulationv1.HubCallItem
	for _, settled := range unittest.Facts[*circulationv1.HubCallSettled](t, o.Bench) {
		for _, item := range settled.GetItems() {
			if settled.GetReadTime() == readTime && item.GetEdocNum() == number {
				found = append(found, item)
			}
		}
	}
	slices.SortFunc(found, func(a, b *circulationv1.HubCallItem) int { return cmp.Compare(a.GetAttempt(), b.GetAttempt()) })
	return found
}
