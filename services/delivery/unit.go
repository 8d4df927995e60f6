package delivery

import (
	"context"
	"embed"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// Unit is the delivery unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     "delivery",
	Duty:     "수신함 전달, notices, deadlines",
	Defaults: Default, Settings: settings,
	Requires:   []string{"address"},
	Migrations: migrations,
	Partitions: []pg.Partition{journal.Kept("delivery", pg.ByYearText, "", "e.edoc_num")},
	States: []proto.Message{
		&deliveryv1.DocumentReceived{}, &deliveryv1.DepositAwaited{}, &deliveryv1.ResolutionOutdated{}, &deliveryv1.DeliveryExpired{}, &deliveryv1.DeliveryFailed{},
		&deliveryv1.DocumentCancelled{}, &deliveryv1.CancelRefused{}, &deliveryv1.NoticeGiven{},
		&deliveryv1.RecipientInvited{}, &deliveryv1.RecipientUnreachable{},
		&deliveryv1.RoundGiven{}, &deliveryv1.RoundGivenUp{}, &deliveryv1.RoundRetried{},
		&deliveryv1.InvitationGiven{}, &deliveryv1.InvitationRefused{}, &deliveryv1.InvitationGivenUp{}, &deliveryv1.InvitationRetried{},
	},
	Opens:   opens(),
	Policy:  "delivery/1",
	Follows: follows(), Witness: "status",
	Proves: proves(),
	Waits: func(*Config) []work.Wait {
		return append(slices.Concat(work.ClaimedWaits("notice_round", "given_up_at is null", maxWait, noticeLease),
			work.ClaimedWaits("invitation", "state = 'DUE'", maxWait, inviteLease)),
			work.Wait{Table: "notice_pause", Column: "paused_until", Longest: maxWait})
	},
	Doors: []unit.Door{
		unit.Offer(&deliveryv1.InboxService_ServiceDesc, deliveryv1.RegisterInboxServiceHandlerClient, deliveryv1.NewInboxServiceClient),
		unit.Offer(&deliveryv1.NoticeService_ServiceDesc, deliveryv1.RegisterNoticeServiceHandlerClient, deliveryv1.NewNoticeServiceClient),
		unit.Offer(&deliveryv1.NoticeAdminService_ServiceDesc, deliveryv1.RegisterNoticeAdminServiceHandlerClient, deliveryv1.NewNoticeAdminServiceClient),
		unit.Offer(&deliveryv1.InvitationService_ServiceDesc, deliveryv1.RegisterInvitationServiceHandlerClient, deliveryv1.NewInvitationServiceClient),
		unit.Offer(&deliveryv1.InvitationAdminService_ServiceDesc, deliveryv1.RegisterInvitationAdminServiceHandlerClient, deliveryv1.NewInvitationAdminServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

type service struct {
	deliveryv1.UnsafeInboxServiceServer
	deliveryv1.UnsafeDeliveryLookupServiceServer
	deliveryv1.UnsafeNoticeServiceServer
	deliveryv1.UnsafeNoticeAdminServiceServer
	deliveryv1.UnsafeInvitationServiceServer
	deliveryv1.UnsafeInvitationAdminServiceServer
	config  *Config
	db      *pgxpool.Pool
	journal *journal.Journal
	sealed  *sealed.Box
	clock   clock.Clock
	watch   *clock.Watch
	// expiry is up to when deadlines have passed.
	expiry  func(ctx context.Context) (time.Time, error)
	log     *slog.Logger
	metrics *metrics
	// hook takes notices; nil without a notice URL.
	hook    *hook
	inviter *inviter
	// replica names this process in leases.
	replica string
}

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	s := &service{config: config, db: env.DB, journal: env.Journal, sealed: env.Sealed, clock: env.Clock, watch: env.ClockWatch, expiry: env.Expiry, log: env.Log,
		replica: uuid.NewString()}
	key, err := env.Keys.MAC(ctx, invitationKey)
	if err != nil {
		return nil, err
	}
	address, err := env.Dial("address")
	if err != nil {
		return nil, err
	}
	if s.inviter, err = newInviter(config.Invitation, key, addressv1.NewAddressServiceClient(address), env.Clock); err != nil {
		return nil, err
	}
	if config.Notice.URL != "" {
		if s.hook, err = newHook(config.Notice.Hook, config.Notice.Workers, config.Notice.Timeout.Std(), env.Clock); err != nil {
			return nil, err
		}
	}
	s.metrics, err = newMetrics(env.Meter, env.DB, s.hook, s.inviter)
	return s, err
}

func (s *service) register(r grpc.ServiceRegistrar) {
	deliveryv1.RegisterInboxServiceServer(r, s)
	deliveryv1.RegisterDeliveryLookupServiceServer(r, s)
	deliveryv1.RegisterNoticeServiceServer(r, s)
	deliveryv1.RegisterNoticeAdminServiceServer(r, s)
	deliveryv1.RegisterInvitationServiceServer(r, s)
	deliveryv1.RegisterInvitationAdminServiceServer(r, s)
}

func (s *service) tasks() ([]lifecycle.Task, error) {
	tasks := []lifecycle.Task{
		lifecycle.Every("send-deadlines", s.config.DeadlineInterval.Std(), s.endDue), lifecycle.Every("ended-invitations", time.Hour, s.forgetInvitations),
	}
	if s.hook != nil {
		notices, err := s.noticeTask()
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, notices)
		if s.config.Notice.RemindBefore > 0 {
			tasks = append(tasks, lifecycle.Every("reminders", remindInterval, s.remind))
		}
	}
	if s.inviter.channel == nil {
		return tasks, nil
	}
	invitations, err := s.inviteTask()
	return append(tasks, invitations), err
}
