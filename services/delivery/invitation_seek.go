package delivery

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// reach finds out, before the transaction, how a recipient who is a member nowhere can be invited. A contact that cannot be read
// any more is none.
func (s *service) reach(ctx context.Context, e resolvedEvent) (reachable, error) {
	value := e.Message.GetFacts().GetSealedContact()
	if s.inviter.channel == nil || e.Message.GetResolution() != addressv1.Resolution_RESOLUTION_NONE || len(value) == 0 {
		return reachable{}, nil
	}
	var c platformv1.Contact
	err := sealed.OpenMessage(ctx, s.sealed, sealedContact, e.Subject, value, &c)
	switch {
	case err == nil:
		return s.inviter.reach(&c), nil
	case sealed.Unreadable(err):
		s.log.LogAttrs(ctx, slog.LevelError, "a contact cannot be read", slog.String("edoc_num", e.Subject), slog.Any("error", err))
		return reachable{}, nil
	default:
		return reachable{}, fmt.Errorf("open the contact of %s: %w", e.Subject, err)
	}
}

// seeker is a document whose recipient is a member nowhere.
type seeker struct {
	document
	reachable
	sought
}

// seek invites the recipients of documents that wait since they are members nowhere, and lets go of the invitations of those that
// wait no more, or for another reason. It runs after the documents' rows are locked; rows are locked in the order documents,
// invitations.
func (s *service) seek(ctx context.Context, tx *journal.Tx, now time.Time, documents []document, reached []reachable, of answerTo) error {
	var left, waiting []document
	for _, d := range documents {
		switch {
		case d.state == Waiting && !d.outdated:
			waiting = append(waiting, d)
		case d.state != Waiting && d.ordinal > 1: // a first outcome finds no invitation
			left = append(left, d)
		}
	}
	if s.inviter.channel == nil {
		return leave(ctx, tx, now, left)
	}
	newest, err := markSought(ctx, tx, waiting)
	if err != nil {
		return err
	}
	var nowhere, unreachable []seeker
	for _, d := range waiting {
		was, isNewest := newest[d.number]
		switch {
		case !isNewest:
		case !d.nowhere:
			left = append(left, d)
		case reached[d.event].digest == nil:
			if !was.unreachable {
				unreachable = append(unreachable, seeker{document: d})
			}
		default:
			nowhere = append(nowhere, seeker{document: d, reachable: reached[d.event], sought: was})
		}
	}
	if err := s.stateUnreachable(ctx, tx, now, unreachable, of); err != nil {
		return err
	}
	if err := s.attach(ctx, tx, now, nowhere, of); err != nil {
		return err
	}
	return leave(ctx, tx, now, left)
}

func (s *service) stateUnreachable(ctx context.Context, tx *journal.Tx, now time.Time, found []seeker, of answerTo) error {
	if len(found) == 0 {
		return nil
	}
	documents := documentsOf(found)
	if err := markUnreachable(ctx, tx, documents, now); err != nil {
		return err
	}
	s.metrics.invited(ctx, "unreachable", len(found))
	return stateEach(ctx, tx, documents, of, func(d document) proto.Message {
		return &deliveryv1.RecipientUnreachable{EdocNum: d.number, Sender: d.sender, Lane: d.lane, FoundAt: timestamppb.New(now)}
	})
}

// attach lets documents wait for the invitation of their sender to their contact. It is made due, unless one was given lately:
// then the documents are stated as invited with that one. Where it is refused, they fail.
func (s *service) attach(ctx context.Context, tx *journal.Tx, now time.Time, found []seeker, of answerTo) error {
	found, err := withoutLinked(ctx, tx, found)
	if err != nil || len(found) == 0 {
		return err
	}
	refused, err := readRefusals(ctx, tx, found)
	if err != nil {
		return err
	}
	var failing, asking []seeker
	for _, f := range found {
		if refused.by(f) {
			failing = append(failing, f)
		} else {
			asking = append(asking, f)
		}
	}
	standings, err := s.upsertInvitations(ctx, tx, byContact(asking), now)
	if err != nil {
		return err
	}
	var waiting, told []seeker
	for _, f := range asking {
		switch i := standings[keyOf(f)]; {
		case i.state == refusedForever: // since refusals were read
			failing = append(failing, f)
		case i.state == open && f.invitations == 0:
			f.invitedAt, f.by = i.invitedAt, i.by
			told = append(told, f)
			fallthrough
		default:
			f.invitation = i.id
			waiting = append(waiting, f)
		}
	}
	if err := insertLinks(ctx, tx, waiting); err != nil {
		return err
	}
	if err := s.stateInvited(ctx, tx, told, of); err != nil {
		return err
	}
	return s.fail(ctx, tx, now, documentsOf(failing), invitationRefused(), of)
}

// stateInvited states of documents that their recipients were invited.
func (s *service) stateInvited(ctx context.Context, tx *journal.Tx, told []seeker, of answerTo) error {
	if len(told) == 0 {
		return nil
	}
	slices.SortFunc(told, func(a, b seeker) int { return cmp.Compare(a.number, b.number) })
	if err := countInvited(ctx, tx, documentsOf(told)); err != nil {
		return err
	}
	byNumber := map[string]seeker{}
	for _, f := range told {
		byNumber[f.number] = f
	}
	numbered := func(d document) journal.Fact {
		fact := of(d)
		fact.Ordinal = uint32(byNumber[d.number].invitations) + 1 //nolint:gosec // counts from 0
		return fact
	}
	return stateEach(ctx, tx, documentsOf(told), numbered, func(d document) proto.Message {
		f := byNumber[d.number]
		return &deliveryv1.RecipientInvited{EdocNum: d.number, Sender: d.sender, Lane: d.lane, InvitedAt: timestamppb.New(f.invitedAt), By: f.by}
	})
}

// fail ends documents that wait, and states why.
func (s *service) fail(ctx context.Context, tx *journal.Tx, now time.Time, documents []document, reason string, of answerTo) error {
	failed, err := failWaiting(ctx, tx, documents, now)
	if err != nil || len(failed) == 0 {
		return err
	}
	for i := range failed {
		failed[i].reason = reason
	}
	return s.state(ctx, tx, now, map[State][]document{Failed: failed}, of)
}

func documentsOf(found []seeker) []document {
	return pg.Column(found, func(f seeker) document { return f.document })
}

// contactKey is what an invitation is known by.
type contactKey struct{ sender, digest string }

func keyOf(f seeker) contactKey { return contactKey{f.sender, string(f.digest)} }

// byContact keeps one document of each sender and contact, in the order of the invitations' key: the one that waits longest,
// whose contact can be opened longest, too.
func byContact(found []seeker) []seeker {
	sorted := slices.Clone(found)
	deadline := func(f seeker) time.Time { return f.facts.GetSendDeadline().AsTime() }
	slices.SortFunc(sorted, func(a, b seeker) int {
		return cmp.Or(cmp.Compare(a.sender, b.sender), bytes.Compare(a.digest, b.digest), deadline(b).Compare(deadline(a)), cmp.Compare(a.number, b.number))
	})
	return slices.CompactFunc(sorted, func(a, b seeker) bool { return keyOf(a) == keyOf(b) })
}

// refusals tells which contacts refuse which senders; an empty sender stands for all.
type refusals map[contactKey]bool

func (r refusals) by(f seeker) bool {
	return slices.ContainsFunc(f.all, func(digest []byte) bool {
		return r[contactKey{"", string(digest)}] || r[contactKey{f.sender, string(digest)}]
	})
}
