package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Limits of streams and consumers. The row of a consumed frame is kept longer than the stream's MaxAge, so a redelivered frame is
// always recognised.
const (
	StreamMaxAge    = journal.StreamAge
	AckWait         = 30 * time.Second
	maxAckPending   = 2000
	duplicateWindow = 2 * time.Minute
	// maxMessageHeader is for the frame's header and a tag for each reader.
	maxMessageHeader = 8 << 10
)

// StreamName is the stream of a producing unit.
func StreamName(unit string) string { return "NARU_" + strings.ToUpper(unit) }

// ConsumerSpec is a durable consumer as data: unit and purpose name it, From and Kinds say what it reads.
type ConsumerSpec struct {
	Unit, Purpose string
	// From is the producing unit.
	From  string
	Kinds []frame.Kind
}

// Name of the durable consumer of a lane: <unit>--<purpose>--<lane>.
func (s ConsumerSpec) Name(lane platformv1.Lane) string {
	return s.Unit + "--" + s.Purpose + "--" + frame.LaneName(lane)
}

// Topology is every stream and consumer of a set of units.
type Topology struct {
	// Units that produce events.
	Producers []string
	Consumers []ConsumerSpec
	// Replicas of each stream: 1 on one server, 3 on a cluster.
	Replicas int
}

// Ensure makes what is missing and brings what is there to the declared form. It waits, within ctx, for a cluster that has no
// leader yet or lacks servers.
func Ensure(ctx context.Context, c *Conn, t Topology) error {
	for {
		err := ensure(ctx, c, t)
		if err == nil || !electing(err) {
			return err
		}
		if lifecycle.Wait(ctx, ensureAgain) != nil {
			return err
		}
	}
}

// ensureAgain is the pause before a cluster is asked again.
const ensureAgain = 500 * time.Millisecond

// electing recognises a cluster that cannot decide now, but will once its servers have found each other.
func electing(err error) bool {
	var answer *jetstream.APIError
	if errors.As(err, &answer) {
		switch answer.ErrorCode {
		case clusterNotAvailable, clusterNoPeers, clusterNotLeader, clusterIncomplete:
			return true
		default:
			return false
		}
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders)
}

// Codes of JetStream's API that nats.go has no names for.
const (
	clusterIncomplete   jetstream.ErrorCode = 10004
	clusterNoPeers      jetstream.ErrorCode = 10005
	clusterNotAvailable jetstream.ErrorCode = 10008
	clusterNotLeader    jetstream.ErrorCode = 10009
)

func ensure(ctx context.Context, c *Conn, t Topology) error {
	for _, unit := range t.Producers {
		if _, err := c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: StreamName(unit), Subjects: []string{"naru." + unit + ".>"},
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxAge: StreamMaxAge,
			Storage: jetstream.FileStorage, Replicas: max(t.Replicas, 1), Duplicates: duplicateWindow,
			MaxMsgSize: frame.MaxBytes + maxMessageHeader, DenyDelete: true, DenyPurge: true, AllowDirect: true,
		}); err != nil {
			return fmt.Errorf("ensure stream of %s: %w", unit, err)
		}
	}
	if err := ensureAdvisories(ctx, c, max(t.Replicas, 1)); err != nil {
		return err
	}
	for _, spec := range t.Consumers {
		for _, lane := range frame.Lanes() {
			if err := ensureConsumer(ctx, c, spec, lane); err != nil {
				return err
			}
		}
	}
	return nil
}

// AdvisoryStream keeps what JetStream reports about itself (a consumer that lost its leader, a terminated message, a changed
// stream), for an operator who has to investigate afterwards.
const AdvisoryStream = "NARU_ADVISORIES"

const maxAdvisoryBytes = 64 << 20

func ensureAdvisories(ctx context.Context, c *Conn, replicas int) error {
	if _, err := c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: AdvisoryStream, Subjects: []string{"$JS.EVENT.ADVISORY.>"}, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: StreamMaxAge, MaxBytes: maxAdvisoryBytes, Storage: jetstream.FileStorage, Replicas: replicas,
	}); err != nil {
		return fmt.Errorf("ensure stream of advisories: %w", err)
	}
	return nil
}

func ensureConsumer(ctx context.Context, c *Conn, spec ConsumerSpec, lane platformv1.Lane) error {
	subjects := make([]string, len(spec.Kinds))
	for i, kind := range spec.Kinds {
		subjects[i] = kind.Subject(lane)
	}
	slices.Sort(subjects)
	// MaxDeliver is unlimited: only the unit may decide to give up (parked_event), never the server.
	config := jetstream.ConsumerConfig{
		Durable: spec.Name(lane), FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: AckWait, MaxDeliver: -1, MaxAckPending: maxAckPending,
	}
	if _, err := c.js.CreateOrUpdateConsumer(ctx, StreamName(spec.From), config); err != nil {
		return fmt.Errorf("ensure consumer %s: %w", config.Durable, err)
	}
	return nil
}

// Permissions of a unit's user: publish its public kinds, look at its own stream, read its own consumers, nothing else.
type Permissions struct {
	Publish, Subscribe []string
}

// PermissionsOf returns what the user of a unit may do.
func PermissionsOf(unit string, states []frame.Kind, consumers []ConsumerSpec) Permissions {
	p := Permissions{Subscribe: []string{InboxPrefix(unit) + ".>"}}
	for _, kind := range states {
		for _, lane := range frame.Lanes() {
			p.Publish = append(p.Publish, kind.Subject(lane))
		}
	}
	slices.Sort(p.Publish)
	if len(states) > 0 {
		p.Publish = append(p.Publish, "$JS.API.STREAM.INFO."+StreamName(unit))
	}
	for _, spec := range consumers {
		if spec.Unit != unit {
			continue
		}
		for _, lane := range frame.Lanes() {
			stream, name := StreamName(spec.From), spec.Name(lane)
			p.Publish = append(p.Publish,
				"$JS.API.CONSUMER.INFO."+stream+"."+name,
				"$JS.API.CONSUMER.MSG.NEXT."+stream+"."+name,
				"$JS.ACK."+stream+"."+name+".>")
		}
	}
	return p
}

// Lag is how many messages a consumer has not been given yet, and how many it holds without acknowledgement.
func (c *Conn) Lag(ctx context.Context, spec ConsumerSpec, lane platformv1.Lane) (pending, unacknowledged int, err error) {
	info, err := c.consumerInfo(ctx, spec, lane)
	if err != nil {
		return 0, 0, err
	}
	return int(info.NumPending), info.NumAckPending, nil
}

// Reached reports whether a consumer has acknowledged everything for it that is in its stream up to a sequence.
func (c *Conn) Reached(ctx context.Context, spec ConsumerSpec, lane platformv1.Lane, sequence uint64) (bool, error) {
	info, err := c.consumerInfo(ctx, spec, lane)
	if err != nil {
		return false, err
	}
	return info.AckFloor.Stream >= sequence || info.NumPending == 0 && info.NumAckPending == 0, nil
}

func (c *Conn) consumerInfo(ctx context.Context, spec ConsumerSpec, lane platformv1.Lane) (*jetstream.ConsumerInfo, error) {
	consumer, err := c.js.Consumer(ctx, StreamName(spec.From), spec.Name(lane))
	if err != nil {
		return nil, fmt.Errorf("look at consumer %s: %w", spec.Name(lane), err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at consumer %s: %w", spec.Name(lane), err)
	}
	return info, nil
}

// ErrNoConsumer says that a consumer does not exist: Ensure has not made it yet.
var ErrNoConsumer = errors.New("consumer does not exist")
