package status

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// consumers: each kind that changes many summaries has its own consumer, so a transaction handles one kind. If a transaction
// locked rows in order for one kind and then again from the start for another, two such transactions would deadlock.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "accepted", From: "intake", Handlers: []inbox.Handler{
			on(s, accepted, mergeAccepted, func(e inbox.Event[*intakev1.DocumentAccepted]) (fact, inbox.Verdict) {
				return ofDocument(e.Message.GetFacts(), e.Message.GetFacts().GetAcceptedAt())
			}),
			on(s, cancelRequested, insertEntries, func(inbox.Event[*intakev1.CancelRequested]) (fact, inbox.Verdict) {
				return fact{silent: true}, inbox.Done
			}),
		}},
		{Purpose: "resolved", From: "address", Handlers: []inbox.Handler{
			on(s, recipientResolved, mergeResolutions, ofResolution),
			on(s, cancelledByAddress, mergeEnds, func(e inbox.Event[*addressv1.DocumentCancelled]) (fact, inbox.Verdict) {
				return at(e.Message.GetCancelledAt()), inbox.Done
			}),
		}},
		{Purpose: "deposited", From: "archive", Handlers: []inbox.Handler{
			on(s, documentDeposited, insertEntries, func(e inbox.Event[*archivev1.DocumentDeposited]) (fact, inbox.Verdict) {
				return silent(at(e.Message.GetDepositedAt(), "archive", e.Message.GetArchive(),
					"registrationCertificateDigest", e.Message.GetFacts().GetRegistrationCertificateDigest())), inbox.Done
			}),
		}},
		{Purpose: "delivered", From: "delivery", Handlers: s.deliveryHandlers()},
		{Purpose: "invited", From: "delivery", Handlers: []inbox.Handler{
			on(s, recipientInvited, mergeInvitations, func(e inbox.Event[*deliveryv1.RecipientInvited]) (fact, inbox.Verdict) {
				return at(e.Message.GetInvitedAt(), "by", e.Message.GetBy()), inbox.Done
			}),
		}},
		{Purpose: "unreachable", From: "delivery", Handlers: []inbox.Handler{
			on(s, recipientUnreachable, mergeInvitations, func(e inbox.Event[*deliveryv1.RecipientUnreachable]) (fact, inbox.Verdict) {
				return at(e.Message.GetFoundAt()), inbox.Done
			}),
		}},
		{Purpose: "notices", From: "delivery", Handlers: []inbox.Handler{
			on(s, noticeGiven, mergeNotices, func(e inbox.Event[*deliveryv1.NoticeGiven]) (fact, inbox.Verdict) {
				return at(e.Message.GetGivenAt()), inbox.Done
			}),
		}},
		{Purpose: "tokens-issued", From: "viewing", Handlers: []inbox.Handler{
			on(s, tokenIssued, mergeTokens, func(e inbox.Event[*viewingv1.ViewingTokenIssued]) (fact, inbox.Verdict) {
				return at(e.Message.GetIssuedAt()), inbox.Done
			}),
		}},
		{Purpose: "tokens-verified", From: "viewing", Handlers: []inbox.Handler{
			on(s, tokenVerified, mergeTokens, func(e inbox.Event[*viewingv1.ViewingTokenVerified]) (fact, inbox.Verdict) {
				return at(e.Message.GetVerifiedAt(), "viewingSystem", e.Message.GetViewingSystem()), inbox.Done
			}),
		}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{
			on(s, documentRead, mergeReadings, func(e inbox.Event[*viewingv1.DocumentRead]) (fact, inbox.Verdict) {
				return at(e.Message.GetReadAt(), "viewingSystem", e.Message.GetViewingSystem(), "logDigest", e.Message.GetLogDigest()), inbox.Done
			}),
		}},
		{Purpose: "registered", From: "circulation", Handlers: []inbox.Handler{
			on(s, circulationRegistered, mergeRegistrations, func(e inbox.Event[*circulationv1.CirculationRegistered]) (fact, inbox.Verdict) {
				return ofHub(e.OccurredAt, e.Message.GetAcknowledgedAt(), e.Message.GetResult(), e.Message.GetExchange(), false), inbox.Done
			}),
		}},
		{Purpose: "read-times", From: "circulation", Handlers: []inbox.Handler{
			on(s, readTimeRegistered, mergeReadTimes, func(e inbox.Event[*circulationv1.ReadTimeRegistered]) (fact, inbox.Verdict) {
				return ofHub(e.OccurredAt, e.Message.GetAcknowledgedAt(), e.Message.GetResult(), e.Message.GetExchange(), true), inbox.Done
			}),
			on(s, circulationRefused, mergeRefusals, func(e inbox.Event[*circulationv1.CirculationRefused]) (fact, inbox.Verdict) {
				f := ofHub(e.Message.GetRefusedAt().AsTime(), nil, e.Message.GetResult(), e.Message.GetExchange(), e.Message.GetReadTime())
				f.reason, f.retried = e.Message.GetRefusal(), e.Message.GetRetried()
				f.details["call"], f.details["refusal"] = callName(e.Message.GetReadTime()), f.reason
				f.details["retried"] = strconv.FormatBool(f.retried)
				return f, inbox.Done
			}),
			on(s, circulationGivenUp, mergeGivenUp, func(e inbox.Event[*circulationv1.CirculationGivenUp]) (fact, inbox.Verdict) {
				f := at(e.Message.GetGivenUpAt(), "call", callName(e.Message.GetReadTime()), "refusal", e.Message.GetRefusal())
				f.readTime = e.Message.GetReadTime()
				return f, inbox.Done
			}),
		}},
		{Purpose: "certificates", From: "certificate", Handlers: []inbox.Handler{
			on(s, certificateIssued, insertEntries, func(e inbox.Event[*certificatev1.CertificateIssued]) (fact, inbox.Verdict) {
				return silent(at(e.Message.GetIssuedAt(), "certificate", e.Message.GetCertificate(), "certNum", e.Message.GetCertNum())),
					ofSender(e.Message.GetEntitlement(), e.Sender, e.Actor)
			}),
			on(s, certificateFailed, insertEntries, func(e inbox.Event[*certificatev1.CertificateFailed]) (fact, inbox.Verdict) {
				return silent(at(e.Message.GetFailedAt(), "certificate", e.Message.GetCertificate(), "reason", e.Message.GetReason())),
					ofSender(e.Message.GetEntitlement(), e.Sender, e.Actor)
			}),
			on(s, bundleIssued, insertEntries, func(e inbox.Event[*certificatev1.BundleIssued]) (fact, inbox.Verdict) {
				return silent(at(e.Message.GetStampedAt(), "bundle", e.Message.GetBundle(), "certNum", e.Message.GetCertNum())),
					ofSender(e.Message.GetEntitlement(), e.Sender, e.Actor)
			}),
			on(s, bundleFailed, insertEntries, func(e inbox.Event[*certificatev1.BundleFailed]) (fact, inbox.Verdict) {
				return silent(at(e.Message.GetFailedAt(), "bundle", e.Message.GetBundle(), "reason", e.Message.GetReason())),
					ofSender(e.Message.GetEntitlement(), e.Sender, e.Actor)
			}),
		}},
	}
}

func (s *service) deliveryHandlers() []inbox.Handler {
	return []inbox.Handler{
		on(s, documentReceived, mergeReceived, func(e inbox.Event[*deliveryv1.DocumentReceived]) (fact, inbox.Verdict) {
			d := e.Message.GetFacts()
			if !d.GetReceivedAt().IsValid() || !d.GetSentAt().IsValid() {
				return fact{}, inbox.Park("received_time_missing")
			}
			f, verdict := ofDocument(d, d.GetReceivedAt())
			return f.answering(d.GetResolvedAt()), verdict
		}),
		on(s, deliveryExpired, mergeEnds, func(e inbox.Event[*deliveryv1.DeliveryExpired]) (fact, inbox.Verdict) {
			return at(e.Message.GetExpiredAt()).answering(e.Message.GetResolvedAt()), inbox.Done
		}),
		on(s, deliveryFailed, mergeEnds, func(e inbox.Event[*deliveryv1.DeliveryFailed]) (fact, inbox.Verdict) {
			f := at(e.Message.GetFailedAt(), "reason", e.Message.GetReason())
			f.reason = e.Message.GetReason()
			return f.answering(e.Message.GetResolvedAt()), inbox.Done
		}),
		on(s, cancelledByDelivery, mergeEnds, func(e inbox.Event[*deliveryv1.DocumentCancelled]) (fact, inbox.Verdict) {
			return at(e.Message.GetCancelledAt()).answering(e.Message.GetResolvedAt()), inbox.Done
		}),
		on(s, cancelRefused, mergeEnds, func(e inbox.Event[*deliveryv1.CancelRefused]) (fact, inbox.Verdict) {
			return at(e.Message.GetRefusedAt()), inbox.Done
		}),
	}
}

// mergeFunc writes facts of one kind and returns how many of them were new. They are sorted, and each number comes once.
type mergeFunc func(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error)

// on makes the handler of one kind.
func on[M proto.Message](s *service, k kind, merge mergeFunc, of func(inbox.Event[M]) (fact, inbox.Verdict)) inbox.Handler {
	return inbox.On(func(ctx context.Context, tx *journal.Tx, events []inbox.Event[M]) ([]inbox.Verdict, error) {
		now := s.clock.Now()
		verdicts := make([]inbox.Verdict, len(events))
		facts := make([]fact, 0, len(events))
		oldest := now
		for i, e := range events {
			f, verdict := of(e)
			f.frame = e.FrameID
			if verdict == inbox.Done {
				verdict = f.complete(k, e.Subject, e.Ordinal, e.Sender, e.Actor, e.OccurredAt)
			}
			if verdicts[i] = verdict; verdict == inbox.Done {
				facts = append(facts, f)
			}
			if e.OccurredAt.Before(oldest) {
				oldest = e.OccurredAt
			}
		}
		if err := s.record(ctx, tx, k, merge, now, facts); err != nil {
			return nil, err
		}
		s.metrics.lagged(ctx, k, now.Sub(oldest))
		return verdicts, nil
	})
}

// complete adds what every event has.
func (f *fact) complete(k kind, number string, ordinal uint32, sender, actor string, occurredAt time.Time) inbox.Verdict {
	f.kind, f.number, f.ordinal, f.actor = k, number, int32(ordinal&0x7fffffff), actor
	if f.occurredAt.IsZero() {
		f.occurredAt = occurredAt
	}
	if ordinal != uint32(f.ordinal) { //nolint:gosec // masked to 31 bits above
		return inbox.Park("ordinal_out_of_bounds")
	}
	if k.ordinary() && f.ordinal != 1 {
		return inbox.Park("ordinal_out_of_bounds") // there is one column, not two
	}
	if by := f.by(); by != "" && actor != by {
		return inbox.Park("actor_unexpected") // the summary does not keep it
	}
	var err error
	if f.sender, err = uuid.Parse(sender); err != nil && !f.silent {
		return inbox.Park("sender_malformed")
	}
	return inbox.Done
}

// by is the only actor allowed for an ordinary fact, which the timeline will show; empty if the fact's actor is stored.
func (f *fact) by() string {
	switch f.kind {
	case accepted:
		return f.document.GetActor()
	case documentReceived, noticeGiven:
		return ofUnit("delivery")
	case circulationRegistered, readTimeRegistered:
		return ofUnit("circulation")
	default:
		return ""
	}
}

// record writes facts of one kind.
func (s *service) record(ctx context.Context, tx *journal.Tx, k kind, merge mergeFunc, now time.Time, facts []fact) error {
	var fresh int64
	for _, round := range rounds(facts) {
		n, err := merge(ctx, tx, k, now, round)
		if err != nil {
			return err
		}
		fresh += n
	}
	s.metrics.recorded(ctx, k, fresh, int64(len(facts))-fresh)
	return nil
}

// at is a fact with its own time and named details; empty ones are left out.
func at(t *timestamppb.Timestamp, details ...string) fact {
	f := fact{}
	if t.IsValid() {
		f.occurredAt = t.AsTime()
	}
	for i := 0; i+1 < len(details); i += 2 {
		if details[i+1] == "" {
			continue
		}
		if f.details == nil {
			f.details = make(map[string]string, len(details)/2)
		}
		f.details[details[i]] = details[i+1]
	}
	return f
}

// answering adds the resolution that a fact answers.
func (f fact) answering(resolvedAt *timestamppb.Timestamp) fact {
	if resolvedAt.IsValid() {
		f.resolvedAt = resolvedAt.AsTime()
	}
	return f
}

func silent(f fact) fact {
	f.silent = true
	return f
}

// ofDocument is a fact that tells of the document itself.
func ofDocument(d *platformv1.DocumentFacts, occurredAt *timestamppb.Timestamp) (fact, inbox.Verdict) {
	if d.GetOwnKey() == "" || !d.GetAcceptedAt().IsValid() {
		return fact{}, inbox.Park("facts_incomplete")
	}
	f := at(occurredAt, "repeats", d.GetRepeats())
	f.document = d
	return f, inbox.Done
}

// ofResolution: the first outcome "own" is the usual one. Delivery answers it at once and includes it in its own fact, so the
// usual document needs no write for it. A document that was handed over is deposited first, and its sender sees that meanwhile.
func ofResolution(e inbox.Event[*addressv1.RecipientResolved]) (fact, inbox.Verdict) {
	r := e.Message.GetResolution()
	name, known := resolutionName(r)
	if !known {
		return fact{}, inbox.Defer("resolution_unknown")
	}
	found := r == addressv1.Resolution_RESOLUTION_OWN
	deposited := e.Message.GetFacts().GetViewingMode() == platformv1.ViewingMode_VIEWING_MODE_RELAY
	if found && e.Ordinal <= 1 && !deposited {
		return fact{}, inbox.Ignore
	}
	f := at(e.Message.GetResolvedAt(), "resolution", name)
	f.resolution, f.depositing = int16(r), found && deposited //nolint:gosec // an enum of seven
	return f, inbox.Done
}

// resolutionName is the outcome's name in the timeline; false for one that only a newer version knows.
func resolutionName(r addressv1.Resolution) (string, bool) {
	switch r {
	case addressv1.Resolution_RESOLUTION_OWN, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, addressv1.Resolution_RESOLUTION_REFUSED,
		addressv1.Resolution_RESOLUTION_PEER, addressv1.Resolution_RESOLUTION_NONE, addressv1.Resolution_RESOLUTION_AMBIGUOUS,
		addressv1.Resolution_RESOLUTION_UNKNOWN:
		return strings.TrimPrefix(r.String(), "RESOLUTION_"), true
	case addressv1.Resolution_RESOLUTION_UNSPECIFIED:
		return "", false
	default:
		return "", false
	}
}

// ofSender puts into the sender's timeline only certificates that the sender requested; those of the recipient concern the
// recipient alone. For an older event without the right, the requester decides.
func ofSender(right certificatev1.Entitlement, sender, actor string) inbox.Verdict {
	switch right {
	case certificatev1.Entitlement_ENTITLEMENT_SENDER:
		return inbox.Done
	case certificatev1.Entitlement_ENTITLEMENT_RECIPIENT:
		return inbox.Ignore
	case certificatev1.Entitlement_ENTITLEMENT_UNSPECIFIED:
		if actor == sender {
			return inbox.Done
		}
		return inbox.Ignore
	default:
		return inbox.Defer("entitlement_unknown")
	}
}

// ofHub is an answer of the hub.
func ofHub(occurredAt time.Time, acknowledgedAt *timestamppb.Timestamp, result int32, exchange string, readTime bool) fact {
	f := at(nil, "result", strconv.Itoa(int(result)), "exchange", exchange)
	f.occurredAt, f.result, f.readTime = occurredAt, int16(result), readTime //nolint:gosec // a code of one digit
	if acknowledgedAt.IsValid() {
		f.acknowledgedAt = acknowledgedAt.AsTime()
	}
	return f
}

func callName(readTime bool) string {
	if readTime {
		return "READ_TIME"
	}
	return "REGISTRATION"
}
