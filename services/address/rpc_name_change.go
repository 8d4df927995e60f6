package address

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// nameChangeServer serves operators.
type nameChangeServer struct {
	addressv1.UnsafeNameChangeServiceServer
	*service
}

var _ addressv1.NameChangeServiceServer = (*nameChangeServer)(nil)

// ListNameChanges lists what the hub does not have, oldest first.
func (s *nameChangeServer) ListNameChanges(ctx context.Context, r *addressv1.ListNameChangesRequest) (*addressv1.ListNameChangesResponse, error) {
	after, err := page.After(r.GetPageToken(), uuid.Nil, errPageToken())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := waitingNameChanges(ctx, s.db, after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last waitingNameChange) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListNameChangesResponse{NextPageToken: next}
	for _, one := range found {
		answer.Changes = append(answer.Changes, &addressv1.WaitingNameChange{
			Id: one.id.String(), Address: one.address, Recipient: ownerText(one.recipient), Principal: ownerText(one.principal), State: one.state,
			Refusal: one.refusal, AskedAt: timestamppb.New(one.askedAt), AskedAgainAt: shownTime(one.askedAgainAt),
		})
	}
	return answer, nil
}

// RetryNameChange has the hub told again.
func (s *nameChangeServer) RetryNameChange(ctx context.Context, r *addressv1.RetryNameChangeRequest) (*addressv1.RetryNameChangeResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	changeID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errNameChangeNotFound()
	}
	return &addressv1.RetryNameChangeResponse{}, s.retryNameChange(ctx, changeID, operator.ID)
}

// GiveUpNameChange ends telling the hub.
func (s *nameChangeServer) GiveUpNameChange(ctx context.Context, r *addressv1.GiveUpNameChangeRequest) (*addressv1.GiveUpNameChangeResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	changeID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errNameChangeNotFound()
	}
	return &addressv1.GiveUpNameChangeResponse{}, s.giveUpNameChange(ctx, changeID, r.GetReason(), operator.ID)
}

// ChangeInstitution enters another name or type of an institution.
func (s *institutionServer) ChangeInstitution(ctx context.Context, r *addressv1.ChangeInstitutionRequest) (*addressv1.ChangeInstitutionResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	opened, err := s.openInstitution(ctx, found)
	if err != nil {
		return nil, err
	}
	if _, err := s.enter(ctx, opened.asOwner(), entered{
		by: operator.ID, requestID: r.GetRequestId(), name: r.GetName(), kind: r.GetType(), business: r.GetBusinessDocument(), registrationPaper: r.GetRegistrationDocument(),
	}, func(*journal.Tx) error { return nil }); err != nil {
		return nil, err
	}
	shown, err := s.shown(ctx, found)
	if err != nil {
		return nil, err
	}
	return &addressv1.ChangeInstitutionResponse{Institution: shown}, nil
}

// ChangeOrganisation enters another name or type of the caller's organisation.
func (s *organisationServer) ChangeOrganisation(ctx context.Context, r *addressv1.ChangeOrganisationRequest) (*addressv1.ChangeOrganisationResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := mayAct(ctx, s.db, who, roleRepresentative); err != nil {
		return nil, err
	}
	of, err := s.organisationAtHub(ctx, who.recipient)
	if err != nil {
		return nil, err
	}
	c, err := s.enter(ctx, of, entered{
		by: who.actedBy(), requestID: r.GetRequestId(), session: who.session, name: r.GetName(), kind: r.GetType(),
		business: r.GetBusinessDocument(), registrationPaper: r.GetRegistrationDocument(),
	}, func(tx *journal.Tx) error {
		i, _, err := lockIdentity(ctx, tx, who.recipient)
		if err != nil {
			return err
		}
		return mayChange(ctx, tx, who, i)
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.nameChangeProto(ctx, c)
	if err != nil {
		return nil, err
	}
	return &addressv1.ChangeOrganisationResponse{Change: shown}, nil
}

// organisationAtHub is an organisation that is a member, as the hub has it.
func (s *service) organisationAtHub(ctx context.Context, recipient uuid.UUID) (owner, error) {
	i, known, err := readIdentity(ctx, s.db, recipient)
	switch {
	case err != nil:
		return owner{}, err
	case !known || !i.organisation():
		return owner{}, errNotAnOrganisation()
	}
	m, known, err := readMember(ctx, s.db, recipient)
	switch {
	case err != nil:
		return owner{}, err
	case !known || m.state == memberWithdrawn:
		return owner{}, errNotAMember()
	}
	o, _, err := s.organisationOwner(ctx, registration{address: m.address}, i.application)
	return o, err
}

// TellNameAgain has the hub told again of the caller's name.
func (s *membershipServer) TellNameAgain(ctx context.Context, _ *addressv1.TellNameAgainRequest) (*addressv1.TellNameAgainResponse, error) {
	who, err := s.callerWhoMayChange(ctx)
	if err != nil {
		return nil, err
	}
	m, known, err := readMember(ctx, s.db, who.recipient)
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, errNotAMember()
	}
	c, known, err := openNameChange(ctx, s.db, m.address)
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, errNameChangeNotFound()
	}
	if err := s.retryNameChange(ctx, c.id, who.actedBy()); err != nil {
		return nil, err
	}
	shown, err := s.membershipProto(ctx, m)
	if err != nil {
		return nil, err
	}
	return &addressv1.TellNameAgainResponse{Membership: shown}, nil
}

// nameChangeProto is a change as its owner sees it.
func (s *service) nameChangeProto(ctx context.Context, c nameChange) (*addressv1.NameChange, error) {
	n, err := s.openNames(ctx, c)
	if _, err = s.unreadable(ctx, "name change", c.id.String(), err); err != nil {
		return nil, err
	}
	shown := &addressv1.NameChange{
		Id: c.id.String(), State: c.state, Name: n.Name, Type: addressv1.OrganisationType(c.kind), AskedAt: timestamppb.New(c.askedAt), Refusal: c.refusal,
	}
	switch c.state {
	case nameAccepted:
		shown.AcceptedAt = shownTime(c.answeredAt)
	case nameRefused:
		shown.AskedAgainAt = shownTime(c.askedAgainAt)
	default:
	}
	return shown, nil
}
