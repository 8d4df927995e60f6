package address

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// organisationServer serves persons who act for organisations.
type organisationServer struct {
	addressv1.UnsafeOrganisationServiceServer
	*service
}

var _ addressv1.OrganisationServiceServer = (*organisationServer)(nil)

// shownApplications is how many of its applications a person is shown.
const shownApplications = 20

// personCalls gives the caller if it acts for itself.
func personCalls(ctx context.Context) (caller, error) {
	who, err := callerOf(ctx)
	if err == nil && who.person != uuid.Nil {
		err = errNotForOrganisations()
	}
	return who, err
}

// ApplyForOrganisation keeps what a person asks for an organisation.
func (s *organisationServer) ApplyForOrganisation(ctx context.Context, r *addressv1.ApplyForOrganisationRequest) (*addressv1.ApplyForOrganisationResponse, error) {
	who, err := personCalls(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.apply(ctx, who, r)
	if err != nil {
		return nil, err
	}
	shown, err := s.applicationProto(ctx, a)
	if err != nil {
		return nil, err
	}
	return &addressv1.ApplyForOrganisationResponse{Application: shown}, nil
}

// ListOrganisations lists for whom the caller may act and what it asked for.
func (s *organisationServer) ListOrganisations(ctx context.Context, _ *addressv1.ListOrganisationsRequest) (*addressv1.ListOrganisationsResponse, error) {
	who, err := personCalls(ctx)
	if err != nil {
		return nil, err
	}
	held, err := authoritiesOf(ctx, s.db, who.recipient)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListOrganisationsResponse{}
	for i, one := range held {
		if i > 0 && held[i-1].organisation == one.organisation {
			continue // the greater authority stands first
		}
		shown, err := s.represented(ctx, one)
		if err != nil {
			return nil, err
		}
		answer.Organisations = append(answer.Organisations, shown)
	}
	asked, err := applicationsOf(ctx, s.db, who.recipient, shownApplications)
	if err != nil {
		return nil, err
	}
	for _, one := range asked {
		shown, err := s.applicationProto(ctx, one)
		if err != nil {
			return nil, err
		}
		answer.Applications = append(answer.Applications, shown)
	}
	return answer, nil
}

// represented is an organisation as who may act for it sees it.
func (s *service) represented(ctx context.Context, a authority) (*addressv1.RepresentedOrganisation, error) {
	shown := &addressv1.RepresentedOrganisation{Organisation: a.organisation.String(), Role: a.role, Rights: a.rights}
	o, known, err := readIdentity(ctx, s.db, a.organisation)
	if err != nil || !known {
		return shown, err
	}
	if shown.Name, err = s.principalName(ctx, o); err != nil {
		return nil, err
	}
	shown.Person = !o.organisation()
	m, known, err := readMember(ctx, s.db, a.organisation)
	if err != nil || !known {
		return shown, err
	}
	shown.MemberState = memberStateOf(m.state)
	r, _, err := readAddress(ctx, s.db, m.address)
	shown.AddressState = addressState(r.state)
	return shown, err
}

// principalName is the name of an organisation, or of a person who has a proxy.
func (s *service) principalName(ctx context.Context, i identity) (string, error) {
	if !i.organisation() {
		p, err := s.openPerson(ctx, i)
		_, err = s.unreadable(ctx, "identity", i.recipient.String(), err)
		return p.Name, err
	}
	by, known, err := readApplication(ctx, s.db, i.application)
	if err != nil || !known {
		return "", err
	}
	c, err := s.companyNow(ctx, by)
	return c.Name, err
}

// companyNow is companyOf with the name that the hub has by now.
func (s *service) companyNow(ctx context.Context, a application) (company, error) {
	c, err := s.companyOf(ctx, a)
	if err != nil || c == (company{}) {
		return c, err
	}
	o, err := s.atHub(ctx, owner{basis: a.id.String(), name: c.Name, kind: a.kind})
	_, err = s.unreadable(ctx, "application", a.id.String(), err)
	c.Name = o.name
	return c, err
}

// companyOf opens an application's company; empty where that cannot be opened any more.
func (s *service) companyOf(ctx context.Context, a application) (company, error) {
	c, err := s.openCompany(ctx, a.id, a.sealed)
	_, err = s.unreadable(ctx, "application", a.id.String(), err)
	return c, err
}

// AuthorisePerson lets a further person act for the caller's organisation, or for the caller.
func (s *organisationServer) AuthorisePerson(ctx context.Context, r *addressv1.AuthorisePersonRequest) (*addressv1.AuthorisePersonResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.authorise(ctx, who, person{Name: r.GetName(), BirthDate: r.GetBirthDate(), Phone: r.GetPhone()}.normalised(), rightsOf(r.GetRights()))
	if err != nil {
		return nil, err
	}
	shown, err := s.authorityProto(ctx, a, true)
	if err != nil {
		return nil, err
	}
	return &addressv1.AuthorisePersonResponse{Authority: shown}, nil
}

// SetRights changes what a person may do for the caller's organisation.
func (s *organisationServer) SetRights(ctx context.Context, r *addressv1.SetRightsRequest) (*addressv1.SetRightsResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	authorityID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errAuthorityNotFound()
	}
	a, err := s.setRights(ctx, who, authorityID, rightsOf(r.GetRights()))
	if err != nil {
		return nil, err
	}
	shown, err := s.authorityProto(ctx, a, true)
	if err != nil {
		return nil, err
	}
	return &addressv1.SetRightsResponse{Authority: shown}, nil
}

// ListAuthorities lists who may act for the caller's organisation.
func (s *organisationServer) ListAuthorities(ctx context.Context, r *addressv1.ListAuthoritiesRequest) (*addressv1.ListAuthoritiesResponse, error) {
	who, err := s.callerWhoMayChange(ctx)
	if err != nil {
		return nil, err
	}
	shown, next, err := s.authorities(ctx, who.recipient, r.GetPageToken(), r.GetPageSize(), true)
	if err != nil {
		return nil, err
	}
	return &addressv1.ListAuthoritiesResponse{Authorities: shown, NextPageToken: next}, nil
}

// authorities gives a page of an organisation's authorities.
func (s *service) authorities(ctx context.Context, organisation uuid.UUID, token string, asked int32, named bool) ([]*addressv1.Authority, string, error) {
	after, err := page.After(token, uuid.Nil, errPageToken())
	if err != nil {
		return nil, "", err
	}
	size := page.Size(asked)
	found, err := listAuthorities(ctx, s.db, organisation, after, size+1)
	if err != nil {
		return nil, "", err
	}
	found, next, err := page.Cut(found, size, func(last authority) uuid.UUID { return last.id })
	if err != nil {
		return nil, "", err
	}
	shown := make([]*addressv1.Authority, len(found))
	for i, one := range found {
		if shown[i], err = s.authorityProto(ctx, one, named); err != nil {
			return nil, "", err
		}
	}
	return shown, next, nil
}

// EndAuthority ends an authority for the caller's organisation.
func (s *organisationServer) EndAuthority(ctx context.Context, r *addressv1.EndAuthorityRequest) (*addressv1.EndAuthorityResponse, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	authorityID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errAuthorityNotFound()
	}
	return &addressv1.EndAuthorityResponse{}, s.endAuthority(ctx, who, authorityID)
}

func (s *service) applicationProto(ctx context.Context, a application) (*addressv1.OrganisationApplication, error) {
	c, err := s.companyOf(ctx, a)
	if err != nil {
		return nil, err
	}
	shown := &addressv1.OrganisationApplication{
		Id: a.id.String(), Name: c.Name, BusinessNumber: c.BusinessNumber, Type: addressv1.OrganisationType(a.kind), TermsVersion: a.terms,
		State: a.state, AskedAt: timestamppb.New(a.askedAt), Reason: a.reason, Person: a.person.String(), Unreadable: c == company{},
	}
	if a.decidedAt != nil {
		shown.DecidedAt = timestamppb.New(*a.decidedAt)
	}
	if a.organisation != uuid.Nil {
		shown.Organisation = a.organisation.String()
	}
	return shown, nil
}

// authorityProto is an authority as it is shown, to the organisation with the person's name.
func (s *service) authorityProto(ctx context.Context, a authority, named bool) (*addressv1.Authority, error) {
	shown := &addressv1.Authority{Id: a.id.String(), Role: a.role, Rights: a.rights, GrantedBy: a.grantedBy, GrantedAt: timestamppb.New(a.grantedAt)}
	if a.person != uuid.Nil {
		shown.Person = a.person.String()
	}
	if a.endedAt != nil {
		shown.EndedAt = timestamppb.New(*a.endedAt)
	}
	if !named {
		return shown, nil
	}
	name, err := s.box.Open(ctx, sealedMember, a.id.String(), a.sealed)
	_, err = s.unreadable(ctx, "authority", shown.GetId(), err)
	shown.Name = string(name)
	return shown, err
}
