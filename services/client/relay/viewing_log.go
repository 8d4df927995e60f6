package relay

import (
	"context"
	"net/http"
	"net/url"

	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// ExtractViewingLog has the relay make a signed extract of who opened a document, after an entry's number; 0 for all.
func (c *Client) ExtractViewingLog(ctx context.Context, edocNum string, after int32) (*viewingv1.ExtractViewingLogResponse, error) {
	in, out := &viewingv1.ExtractViewingLogRequest{After: after}, &viewingv1.ExtractViewingLogResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(edocNum)+"/viewing-logs", nil, in, out)
}
