package relay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/services/client/poll"

	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// RequestBundle requests the certificate bundle (전자증명서) of a document that the relay deposited (guide 5.2.2 ❶).
func (c *Client) RequestBundle(ctx context.Context, asked *certificatev1.RequestBundleRequest) (*certificatev1.Bundle, error) {
	in := proto.CloneOf(asked)
	in.EdocNum = "" // it stands in the path
	out := &certificatev1.RequestBundleResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(asked.GetEdocNum())+"/bundles", nil, in, out)
	return out.GetBundle(), err
}

// Bundle tells how far a request is.
func (c *Client) Bundle(ctx context.Context, id string) (*certificatev1.Bundle, error) {
	out := &certificatev1.GetBundleResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/bundles/"+url.PathEscape(id), nil, nil, out)
	return out.GetBundle(), err
}

// DownloadBundle writes the container to w.
func (c *Client) DownloadBundle(ctx context.Context, id string, w io.Writer) error {
	_, err := c.rest.File(ctx, "/v1/bundles/"+url.PathEscape(id)+"/content", nil, w)
	return err
}

// AwaitBundle waits until a bundle is issued.
func (c *Client) AwaitBundle(ctx context.Context, id string) (*certificatev1.Bundle, error) {
	var bundle *certificatev1.Bundle
	err := poll.Until(ctx, "the bundle", func(ctx context.Context) (bool, error) {
		var err error
		if bundle, err = c.Bundle(ctx, id); err != nil {
			return false, err
		}
		switch bundle.GetState() {
		case certificatev1.BundleState_BUNDLE_STATE_ISSUED:
			return true, nil
		case certificatev1.BundleState_BUNDLE_STATE_FAILED:
			return false, fmt.Errorf("the bundle failed: %s", bundle.GetReason())
		default:
			return false, nil
		}
	})
	return bundle, err
}
