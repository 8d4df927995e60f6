package relay

import (
	"context"
	"net/http"
	"net/url"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

const viewingSystems = "/v1/admin/viewing-systems"

// CreateViewingSystem makes a viewing system with its first credentials.
func (c *Client) CreateViewingSystem(ctx context.Context, system *gatewayv1.ViewingSystem) (*gatewayv1.CreateViewingSystemResponse, error) {
	out := &gatewayv1.CreateViewingSystemResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, viewingSystems, nil, &gatewayv1.CreateViewingSystemRequest{ViewingSystem: system}, out)
}

// ViewingSystem returns a viewing system.
func (c *Client) ViewingSystem(ctx context.Context, id string) (*gatewayv1.ViewingSystem, error) {
	out := &gatewayv1.GetViewingSystemResponse{}
	err := c.rest.Call(ctx, http.MethodGet, viewingSystems+"/"+url.PathEscape(id), nil, nil, out)
	return out.GetViewingSystem(), err
}

// ViewingSystems returns a page of the viewing systems, newest first.
func (c *Client) ViewingSystems(ctx context.Context, query url.Values) ([]*gatewayv1.ViewingSystem, string, error) {
	out := &gatewayv1.ListViewingSystemsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, viewingSystems, query, nil, out)
	return out.GetViewingSystems(), out.GetNextPageToken(), err
}

// ReplaceViewingSystem gives a viewing system another name, other senders and hosts. The id is only in the path.
func (c *Client) ReplaceViewingSystem(ctx context.Context, id string, system *gatewayv1.ViewingSystem) (*gatewayv1.ViewingSystem, error) {
	out := &gatewayv1.ReplaceViewingSystemResponse{}
	err := c.rest.Call(ctx, http.MethodPut, viewingSystems+"/"+url.PathEscape(id), nil, &gatewayv1.ReplaceViewingSystemRequest{ViewingSystem: system}, out)
	return out.GetViewingSystem(), err
}
