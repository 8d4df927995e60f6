package delivery

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// invitationKey makes digests of contacts and the codes of invitations. It MUST be the same in every replica and be kept: without
// it no refusal is known any more.
const invitationKey = "invitation"

var errQuiet = errors.New("is no span of hours")

// standing of an invitation: to be given, given, refused, or waited for by nobody any more.
type standing string

const (
	due            standing = "DUE"
	open           standing = "OPEN"
	refusedForever standing = "REFUSED"
	ended          standing = "ENDED"
)

func (s standing) shown() deliveryv1.InvitationState {
	switch s {
	case due, open:
		return deliveryv1.InvitationState_INVITATION_STATE_OPEN
	case refusedForever:
		return deliveryv1.InvitationState_INVITATION_STATE_REFUSED
	case ended:
		return deliveryv1.InvitationState_INVITATION_STATE_ENDED
	default:
		return deliveryv1.InvitationState_INVITATION_STATE_UNSPECIFIED
	}
}

// Kinds of contacts, as facts tell them.
const (
	byPhone = "PHONE"
	byEmail = "EMAIL"
)

// invitation is what a channel tells somebody: who sends and who we are, never title or content.
type invitation struct {
	// message is the same at every attempt, so that a channel can recognise a repeated one.
	message uuid.UUID
	// by is the kind of the contact, to the contact itself.
	by, to        string
	relay, sender string
	// code confirms to the invitee that the invitation is ours; join is our page with it.
	code, join string
}

// channel takes invitations. An error other than errNoSuchPerson means that it is tried again, after the wait that is asked for
// (waitOf).
type channel interface {
	// reaches chooses at which of its contacts somebody is told; false where none is of the channel's kind.
	reaches(contact *platformv1.Contact) (by, to string, ok bool)
	invite(ctx context.Context, i invitation) error
	// name stands for where it leads, like a hook's.
	name() []byte
}

// errNoSuchPerson is a channel's answer that it knows nobody at the contact.
var errNoSuchPerson = errors.New("nobody is known at the contact")

// inviter is what invitations need beside the database. Without a channel nobody is invited; what was given before is still
// confirmed and can be refused.
type inviter struct {
	config  Invitation
	quiet   quiet
	channel channel
	key     *keys.MAC
	names   *names
}

func newInviter(config Invitation, key *keys.MAC, address addressv1.AddressServiceClient, c clock.Clock) (*inviter, error) {
	i := &inviter{config: config, key: key, names: newNames(address, c)}
	var err error
	if i.quiet, err = quietHours(config.Quiet); err != nil {
		return nil, err
	}
	switch config.Channel {
	case channelWebhook:
		i.channel, err = newWebhook(config, c)
	case channelSMTP:
		i.channel, err = newMailer(config)
	}
	return i, err
}

// digest stands for a contact. Mail addresses are written in large and small letters.
func (i *inviter) digest(by, to string) []byte {
	return i.key.Sum([]byte("contact"), []byte(by), []byte(strings.ToLower(to)))
}

// code is that of an invitation.
func (i *inviter) code(of uuid.UUID) string { return codeFor(i.key, []byte("code"), of[:]) }

// codeDigest finds an invitation by its code.
func (i *inviter) codeDigest(code string) []byte {
	return i.key.Sum([]byte("code digest"), []byte(typed(code)))
}

// reachable is how a recipient can be invited.
type reachable struct {
	by     string
	digest []byte
	// all are the digests of all its contacts: who refused at one of them is invited at none.
	all [][]byte
}

// reach finds out how the channel reaches somebody.
func (i *inviter) reach(contact *platformv1.Contact) reachable {
	var r reachable
	for by, to := range map[string]string{byPhone: contact.GetPhone(), byEmail: contact.GetEmail()} {
		if to != "" {
			r.all = append(r.all, i.digest(by, to))
		}
	}
	by, to, ok := i.channel.reaches(contact)
	if ok {
		r.by, r.digest = by, i.digest(by, to)
	}
	return r
}
