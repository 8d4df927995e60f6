package relay

import (
	"context"
	"net/http"
	"net/url"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const applicationsPath = "/v1/admin/organisation-applications"

// ApplyForOrganisation applies by the person of this session.
func (c *Client) ApplyForOrganisation(ctx context.Context, in *addressv1.ApplyForOrganisationRequest) (*addressv1.OrganisationApplication, error) {
	out := &addressv1.ApplyForOrganisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/organisation-applications", nil, in, out)
	return out.GetApplication(), err
}

// Applications returns a page of the applications for organisations that wait, and the token of the next page.
func (c *Client) Applications(ctx context.Context, query url.Values) ([]*addressv1.OrganisationApplication, string, error) {
	out := &addressv1.ListApplicationsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, applicationsPath, query, nil, out)
	return out.GetApplications(), out.GetNextPageToken(), err
}

// Application returns an application with its papers.
func (c *Client) Application(ctx context.Context, id string) (*addressv1.GetApplicationResponse, error) {
	out := &addressv1.GetApplicationResponse{}
	return out, c.rest.Call(ctx, http.MethodGet, applicationsPath+"/"+url.PathEscape(id), nil, nil, out)
}

// ConfirmApplication says that the applicant represents the organisation. The id is only in the path, here and below.
func (c *Client) ConfirmApplication(ctx context.Context, id string) (*addressv1.OrganisationApplication, error) {
	out := &addressv1.ConfirmApplicationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, applicationsPath+"/"+url.PathEscape(id)+":confirm", nil, &addressv1.ConfirmApplicationRequest{}, out)
	return out.GetApplication(), err
}

// RefuseApplication refuses one; the applicant is shown the reason.
func (c *Client) RefuseApplication(ctx context.Context, id, reason string) (*addressv1.OrganisationApplication, error) {
	out := &addressv1.RefuseApplicationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, applicationsPath+"/"+url.PathEscape(id)+":refuse", nil, &addressv1.RefuseApplicationRequest{Reason: reason}, out)
	return out.GetApplication(), err
}

func authoritiesPath(organisation string) string {
	return "/v1/admin/organisations/" + url.PathEscape(organisation) + "/authorities"
}

// Authorities returns a page of an organisation's authorities, and the token of the next page.
func (c *Client) Authorities(ctx context.Context, organisation string, query url.Values) ([]*addressv1.Authority, string, error) {
	out := &addressv1.ListOrganisationAuthoritiesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, authoritiesPath(organisation), query, nil, out)
	return out.GetAuthorities(), out.GetNextPageToken(), err
}

// EndAuthority ends a person's authority.
func (c *Client) EndAuthority(ctx context.Context, organisation, id, reason string) error {
	in := &addressv1.EndOrganisationAuthorityRequest{Reason: reason}
	return c.rest.Call(ctx, http.MethodPost, authoritiesPath(organisation)+"/"+url.PathEscape(id)+":end", nil, in, nil)
}
