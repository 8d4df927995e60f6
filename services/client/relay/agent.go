package relay

import (
	"context"
	"net/http"
	"net/url"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	agents         = "/v1/admin/agents"
	authorisations = "/v1/authorisations"
)

// CreateAgent makes an agent with its first credentials.
func (c *Client) CreateAgent(ctx context.Context, name string) (*gatewayv1.CreateAgentResponse, error) {
	out := &gatewayv1.CreateAgentResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, agents, nil, &gatewayv1.CreateAgentRequest{Agent: &gatewayv1.Agent{Name: name}}, out)
}

// Agents returns a page of the agents, newest first.
func (c *Client) Agents(ctx context.Context, query url.Values) ([]*gatewayv1.Agent, string, error) {
	out := &gatewayv1.ListAgentsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, agents, query, nil, out)
	return out.GetAgents(), out.GetNextPageToken(), err
}

// ReplaceAuthorisationKeys gives an institution other keys (JWK) and returns their ids. The institution is only in the path.
func (c *Client) ReplaceAuthorisationKeys(ctx context.Context, institution string, jwks ...string) ([]string, error) {
	out := &gatewayv1.ReplaceAuthorisationKeysResponse{}
	err := c.rest.Call(ctx, http.MethodPut, "/v1/admin/institutions/"+url.PathEscape(institution)+"/authorisation-keys", nil,
		&gatewayv1.ReplaceAuthorisationKeysRequest{PublicJwks: jwks}, out)
	return out.GetKeyIds(), err
}

// RequestAuthorisation asks a sender, by its certified address, for its word about items.
func (c *Client) RequestAuthorisation(ctx context.Context, requestID, sender string, items []*intakev1.SendItem) (*intakev1.Authorisation, error) {
	out := &intakev1.RequestAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, authorisations, nil,
		&intakev1.RequestAuthorisationRequest{RequestId: requestID, SenderAddress: sender, Items: items}, out)
	return out.GetAuthorisation(), err
}

// RequestCertificatesAuthorisation asks a party, by its certified address, to let the agent obtain certificates.
func (c *Client) RequestCertificatesAuthorisation(ctx context.Context, requestID, party string, of *intakev1.CertificatesOf) (*intakev1.Authorisation, error) {
	out := &intakev1.RequestAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, authorisations, nil,
		&intakev1.RequestAuthorisationRequest{RequestId: requestID, SenderAddress: party, Certificates: of}, out)
	return out.GetAuthorisation(), err
}

// Authorisation returns an authorisation.
func (c *Client) Authorisation(ctx context.Context, id string) (*intakev1.Authorisation, error) {
	out := &intakev1.GetAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodGet, authorisations+"/"+url.PathEscape(id), nil, nil, out)
	return out.GetAuthorisation(), err
}

// ApproveAuthorisation gives one in a member's session.
func (c *Client) ApproveAuthorisation(ctx context.Context, id, digest string) (*intakev1.Authorisation, error) {
	out := &intakev1.ApproveAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, authorisations+"/"+url.PathEscape(id)+":approve", nil, &intakev1.ApproveAuthorisationRequest{Digest: digest}, out)
	return out.GetAuthorisation(), err
}

// SignAuthorisation gives one by an institution's signature.
func (c *Client) SignAuthorisation(ctx context.Context, id, jws string) (*intakev1.Authorisation, error) {
	out := &intakev1.SignAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, authorisations+"/"+url.PathEscape(id)+":sign", nil, &intakev1.SignAuthorisationRequest{Jws: jws}, out)
	return out.GetAuthorisation(), err
}

// RevokeAuthorisation ends one.
func (c *Client) RevokeAuthorisation(ctx context.Context, id string) (*intakev1.Authorisation, error) {
	out := &intakev1.RevokeAuthorisationResponse{}
	err := c.rest.Call(ctx, http.MethodPost, authorisations+"/"+url.PathEscape(id)+":revoke", nil, &intakev1.RevokeAuthorisationRequest{}, out)
	return out.GetAuthorisation(), err
}
