package address

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// membershipServer serves recipients about themselves and the organisations they act for: only the session says whose
// membership it is.
type membershipServer struct {
	addressv1.UnsafeMembershipServiceServer
	*service
}

var _ addressv1.MembershipServiceServer = (*membershipServer)(nil)

// caller is the recipient whose session calls.
type caller struct {
	recipient uuid.UUID
	// person acts for the recipient, an organisation; uuid.Nil for who acts for itself.
	person uuid.UUID
	// session is the id of the identity-proof session, for the record.
	session string
}

// actedBy is who acts, for the record.
func (c caller) actedBy() string {
	if c.person != uuid.Nil {
		return c.person.String()
	}
	return c.recipient.String()
}

func callerOf(ctx context.Context) (caller, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return caller{}, err
	}
	recipient, err := uuid.Parse(p.ID)
	if err != nil {
		return caller{}, errNotAMember()
	}
	who := caller{recipient: recipient, session: p.Session}
	if p.Actor != "" {
		if who.person, err = uuid.Parse(p.Actor); err != nil {
			return caller{}, errNotAuthorised()
		}
	}
	return who, nil
}

// Join makes the caller a member.
func (s *membershipServer) Join(ctx context.Context, r *addressv1.JoinRequest) (*addressv1.JoinResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	m, err := s.join(ctx, who, r.GetTermsVersion())
	if err != nil {
		return nil, err
	}
	shown, err := s.membershipProto(ctx, m)
	if err != nil {
		return nil, err
	}
	return &addressv1.JoinResponse{Membership: shown}, nil
}

// GetMembership tells the caller's membership, also one that has ended.
func (s *membershipServer) GetMembership(ctx context.Context, _ *addressv1.GetMembershipRequest) (*addressv1.GetMembershipResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	if who.person != uuid.Nil {
		if err := mayAct(ctx, s.db, who, roleAuthorised); err != nil {
			return nil, err
		}
	}
	m, known, err := readMember(ctx, s.db, who.recipient)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errNotAMember()
	}
	shown, err := s.membershipProto(ctx, m)
	if err != nil {
		return nil, err
	}
	return &addressv1.GetMembershipResponse{Membership: shown}, nil
}

// SetConsent gives or takes back the consent.
func (s *membershipServer) SetConsent(ctx context.Context, r *addressv1.SetConsentRequest) (*addressv1.SetConsentResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	terms := r.GetTermsVersion()
	if r.GetConsent() && terms == "" {
		return nil, errInvalid("termsVersion", "required", "consent names the version of the terms consented to")
	}
	if !r.GetConsent() {
		terms = ""
	}
	m, err := s.consent(ctx, who, terms)
	if err != nil {
		return nil, err
	}
	shown, err := s.membershipProto(ctx, m)
	if err != nil {
		return nil, err
	}
	return &addressv1.SetConsentResponse{Membership: shown}, nil
}

// SetRefusal refuses or accepts again the documents of one sender or of all.
func (s *membershipServer) SetRefusal(ctx context.Context, r *addressv1.SetRefusalRequest) (*addressv1.SetRefusalResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.refuse(ctx, who, r.GetSender(), r.GetRefused()); err != nil {
		return nil, err
	}
	return &addressv1.SetRefusalResponse{}, nil
}

// Withdraw ends the caller's membership.
func (s *membershipServer) Withdraw(ctx context.Context, _ *addressv1.WithdrawRequest) (*addressv1.WithdrawResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	m, err := s.withdraw(ctx, who)
	if err != nil {
		return nil, err
	}
	shown, err := s.membershipProto(ctx, m)
	if err != nil {
		return nil, err
	}
	return &addressv1.WithdrawResponse{Membership: shown}, nil
}

// memberStateOf is a stored state as it is told; unspecified for who never joined.
func memberStateOf(state string) addressv1.MemberState {
	return map[string]addressv1.MemberState{
		memberRegistering: addressv1.MemberState_MEMBER_STATE_REGISTERING,
		memberActive:      addressv1.MemberState_MEMBER_STATE_ACTIVE,
		memberWithdrawn:   addressv1.MemberState_MEMBER_STATE_WITHDRAWN,
	}[state]
}

// membershipProto is what a member sees of its membership, with the latest change of its name.
func (s *service) membershipProto(ctx context.Context, m member) (*addressv1.Membership, error) {
	shown := membershipOf(m)
	c, known, err := memberNameChange(ctx, s.db, m.address)
	if err != nil || !known {
		return shown, err
	}
	shown.NameChange, err = s.nameChangeProto(ctx, c)
	return shown, err
}

// membershipOf is what a member sees of its membership.
func membershipOf(m member) *addressv1.Membership {
	shown := &addressv1.Membership{
		Address: m.address, State: memberStateOf(m.state), JoinedAt: timestamppb.New(m.joinedAt), TermsVersion: m.termsVersion,
		InboxDesignated: m.designatedAt != nil, AddressState: addressState(m.addressState), AskedAgainAt: shownTime(m.askedAgainAt),
	}
	if m.consentedAt != nil {
		shown.ConsentedAt = timestamppb.New(*m.consentedAt)
	}
	return shown
}
