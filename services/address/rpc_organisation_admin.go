package address

import (
	"context"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// organisationAdminServer serves operators.
type organisationAdminServer struct {
	addressv1.UnsafeOrganisationAdminServiceServer
	*service
}

var _ addressv1.OrganisationAdminServiceServer = (*organisationAdminServer)(nil)

// ListApplications lists what waits for an operator.
func (s *organisationAdminServer) ListApplications(ctx context.Context, r *addressv1.ListApplicationsRequest) (*addressv1.ListApplicationsResponse, error) {
	after, err := page.After(r.GetPageToken(), uuid.Nil, errPageToken())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := waitingApplications(ctx, s.db, after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last application) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListApplicationsResponse{NextPageToken: next}
	for _, one := range found {
		shown, err := s.applicationProto(ctx, one)
		if err != nil {
			return nil, err
		}
		answer.Applications = append(answer.Applications, shown)
	}
	return answer, nil
}

// GetApplication shows an application with its papers.
func (s *organisationAdminServer) GetApplication(ctx context.Context, r *addressv1.GetApplicationRequest) (*addressv1.GetApplicationResponse, error) {
	applicationID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errApplicationNotFound()
	}
	a, known, err := readApplication(ctx, s.db, applicationID)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errApplicationNotFound()
	}
	shown, err := s.applicationProto(ctx, a)
	if err != nil {
		return nil, err
	}
	applicant, _, err := s.personOf(ctx, a.person)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.GetApplicationResponse{Application: shown, ApplicantName: applicant.Name, ApplicantBirthDate: applicant.BirthDate}
	answer.BusinessDocument, answer.RegistrationDocument, err = s.openPapers(ctx, a.submitted())
	return answer, err
}

// ConfirmApplication says that the applicant represents the organisation.
func (s *organisationAdminServer) ConfirmApplication(ctx context.Context, r *addressv1.ConfirmApplicationRequest) (*addressv1.ConfirmApplicationResponse, error) {
	shown, err := s.decide(ctx, r.GetId(), s.confirm)
	if err != nil {
		return nil, err
	}
	return &addressv1.ConfirmApplicationResponse{Application: shown}, nil
}

// RefuseApplication refuses an application with a reason.
func (s *organisationAdminServer) RefuseApplication(ctx context.Context, r *addressv1.RefuseApplicationRequest) (*addressv1.RefuseApplicationResponse, error) {
	shown, err := s.decide(ctx, r.GetId(), func(ctx context.Context, applicationID uuid.UUID, operator string) (application, error) {
		return s.refuseApplication(ctx, applicationID, r.GetReason(), operator)
	})
	if err != nil {
		return nil, err
	}
	return &addressv1.RefuseApplicationResponse{Application: shown}, nil
}

// decide has the calling operator decide an application, and shows it.
func (s *organisationAdminServer) decide(
	ctx context.Context, text string, by func(ctx context.Context, applicationID uuid.UUID, operator string) (application, error),
) (*addressv1.OrganisationApplication, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	applicationID, err := uuid.Parse(text)
	if err != nil {
		return nil, errApplicationNotFound()
	}
	a, err := by(ctx, applicationID, operator.ID)
	if err != nil {
		return nil, err
	}
	return s.applicationProto(ctx, a)
}

// ListOrganisationAuthorities lists who may act for an organisation.
func (s *organisationAdminServer) ListOrganisationAuthorities(
	ctx context.Context, r *addressv1.ListOrganisationAuthoritiesRequest,
) (*addressv1.ListOrganisationAuthoritiesResponse, error) {
	organisation, err := uuid.Parse(r.GetOrganisation())
	if err != nil {
		return nil, errOrganisationNotFound()
	}
	o, known, err := readIdentity(ctx, s.db, organisation)
	if err != nil {
		return nil, err
	}
	if !known || !o.organisation() {
		return nil, errOrganisationNotFound()
	}
	shown, next, err := s.authorities(ctx, organisation, r.GetPageToken(), r.GetPageSize(), false)
	if err != nil {
		return nil, err
	}
	return &addressv1.ListOrganisationAuthoritiesResponse{Authorities: shown, NextPageToken: next}, nil
}

// EndOrganisationAuthority ends an authority.
func (s *organisationAdminServer) EndOrganisationAuthority(
	ctx context.Context, r *addressv1.EndOrganisationAuthorityRequest,
) (*addressv1.EndOrganisationAuthorityResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	organisation, err := uuid.Parse(r.GetOrganisation())
	if err != nil {
		return nil, errOrganisationNotFound()
	}
	authorityID, err := uuid.Parse(r.GetId())
	if err != nil {
		return nil, errAuthorityNotFound()
	}
	return &addressv1.EndOrganisationAuthorityResponse{}, s.endByOperator(ctx, organisation, authorityID, r.GetReason(), operator.ID)
}
