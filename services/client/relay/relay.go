// Package relay calls a Naru relay's REST API with its proto messages, and waits for what happens after an answer.
package relay

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const (
	maxCertificateBytes = 32 << 20
	maxKeySetBytes      = 1 << 20
)

// Client calls a relay for one caller: an operator, a sender, or a recipient with a session.
type Client struct {
	rest *rest.Client
}

// New returns a client that calls through door.
func New(door *rest.Client) *Client { return &Client{rest: door} }

// Open returns a client that authenticates with credentials. Without credentials only calls that need none succeed.
func Open(baseURL string, client *http.Client, c endpoints.Credentials) (*Client, error) {
	door, err := rest.New(rest.Options{BaseURL: baseURL, HTTP: client, ClientID: c.ClientID, ClientSecret: c.ClientSecret})
	if err != nil {
		return nil, err
	}
	return New(door), nil
}

// Credentials converts credentials that a relay has given to the form kept in files.
func Credentials(c *gatewayv1.Credentials) endpoints.Credentials {
	return endpoints.Credentials{ClientID: c.GetClientId(), ClientSecret: c.GetClientSecret()}
}

// Session returns a client of the same relay for a recipient with a session token.
func (c *Client) Session(token string) *Client { return &Client{rest: c.rest.WithBearer(token)} }

// CreateInstitution creates a sender. A repeated call returns no credentials.
func (c *Client) CreateInstitution(ctx context.Context, in *gatewayv1.CreateInstitutionRequest) (*gatewayv1.CreateInstitutionResponse, error) {
	out := &gatewayv1.CreateInstitutionResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/admin/institutions", nil, in, out)
}

// ResubmitInstitution submits documents again for an institution whose address was refused. The id travels only in the path.
func (c *Client) ResubmitInstitution(ctx context.Context, id string, in *addressv1.ResubmitInstitutionRequest) (*addressv1.Institution, error) {
	out := &addressv1.ResubmitInstitutionResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/admin/institutions/"+url.PathEscape(id)+":resubmit", nil, in, out)
	return out.GetInstitution(), err
}

// ChangeInstitution enters another name or type of an institution. The id travels only in the path.
func (c *Client) ChangeInstitution(ctx context.Context, id string, in *addressv1.ChangeInstitutionRequest) (*addressv1.Institution, error) {
	out := &addressv1.ChangeInstitutionResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/admin/institutions/"+url.PathEscape(id)+":change", nil, in, out)
	return out.GetInstitution(), err
}

// ReplaceArchiveMemberships records of which archives an institution is a member from now on. The id is only in the path.
func (c *Client) ReplaceArchiveMemberships(ctx context.Context, id string, memberships ...*addressv1.ArchiveMembership) (*addressv1.Institution, error) {
	in := &addressv1.ReplaceArchiveMembershipsRequest{ArchiveMemberships: memberships}
	out := &addressv1.ReplaceArchiveMembershipsResponse{}
	err := c.rest.Call(ctx, http.MethodPut, "/v1/admin/institutions/"+url.PathEscape(id)+"/archive-memberships", nil, in, out)
	return out.GetInstitution(), err
}

// Institution returns an institution.
func (c *Client) Institution(ctx context.Context, id string) (*addressv1.Institution, error) {
	out := &addressv1.GetInstitutionResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/admin/institutions/"+url.PathEscape(id), nil, nil, out)
	return out.GetInstitution(), err
}

// CreateClient gives a principal another pair of credentials.
func (c *Client) CreateClient(ctx context.Context, principal string) (*gatewayv1.Credentials, error) {
	out := &gatewayv1.CreateClientResponse{}
	// The principal is in the path, so it is left out of the body.
	err := c.rest.Call(ctx, http.MethodPost, "/v1/admin/principals/"+url.PathEscape(principal)+"/clients", nil, &gatewayv1.CreateClientRequest{}, out)
	return out.GetCredentials(), err
}

// Send asks for one document to be sent (guide 5.1.1 ❸).
func (c *Client) Send(ctx context.Context, item *intakev1.SendItem) (*intakev1.Acceptance, error) {
	out := &intakev1.Acceptance{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/documents", nil, item, out)
}

// BatchSend asks for many documents to be sent; each has its own outcome.
func (c *Client) BatchSend(ctx context.Context, items []*intakev1.SendItem) ([]*intakev1.ItemOutcome, error) {
	out := &intakev1.BatchSendResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/documents:batch", nil, &intakev1.BatchSendRequest{Items: items}, out)
	return out.GetOutcomes(), err
}

// Cancel asks to stop a document before receipt.
func (c *Client) Cancel(ctx context.Context, edocNum string) error {
	// The number is in the path, so it is left out of the body.
	return c.rest.Call(ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(edocNum)+":cancel", nil, &intakev1.CancelRequest{}, nil)
}

// Limits are those the relay publishes.
func (c *Client) Limits(ctx context.Context) (*intakev1.GetLimitsResponse, error) {
	out := &intakev1.GetLimitsResponse{}
	return out, c.rest.Call(ctx, http.MethodGet, "/v1/limits", nil, nil, out)
}

// ReceiptKeys is the relay's published key set of receipts.
func (c *Client) ReceiptKeys(ctx context.Context) ([]byte, error) {
	var keySet bytes.Buffer
	_, err := c.rest.Download(ctx, receipt.KeySetPath, maxKeySetBytes, &keySet)
	return keySet.Bytes(), err
}

// CheckReceipt verifies an acceptance's receipt with a relay's published keys and holds it against what was sent.
func CheckReceipt(keySet []byte, a *intakev1.Acceptance, ownKey, documentHash, certificateDigest string) error {
	claims, err := receipt.Verify(a.GetReceipt(), keySet)
	if err != nil {
		return err
	}
	return claims.Match(receipt.Expected{
		EdocNum: a.GetEdocNum(), OwnKey: ownKey, DocumentHash: documentHash, CertificateDigest: certificateDigest,
		AcceptedAt: a.GetAcceptedAt().AsTime(),
	})
}

// Status returns the status of one document.
func (c *Client) Status(ctx context.Context, edocNum string) (*statusv1.DocumentStatus, error) {
	out := &statusv1.DocumentStatus{}
	return out, c.rest.Call(ctx, http.MethodGet, "/v1/documents/"+url.PathEscape(edocNum), nil, nil, out)
}

// Statuses returns the statuses of up to 100 documents.
func (c *Client) Statuses(ctx context.Context, edocNums ...string) (*statusv1.BatchGetStatusResponse, error) {
	out := &statusv1.BatchGetStatusResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/documents:batchGet", nil, &statusv1.BatchGetStatusRequest{EdocNums: edocNums}, out)
}

// ListStatuses returns a page of the statuses that the query asks for.
func (c *Client) ListStatuses(ctx context.Context, query url.Values) (*statusv1.ListStatusesResponse, error) {
	out := &statusv1.ListStatusesResponse{}
	return out, c.rest.Call(ctx, http.MethodGet, "/v1/documents", query, nil, out)
}

// BatchProgress counts the documents of a batch by state.
func (c *Client) BatchProgress(ctx context.Context, batch string) (*statusv1.GetBatchProgressResponse, error) {
	out := &statusv1.GetBatchProgressResponse{}
	return out, c.rest.Call(ctx, http.MethodGet, "/v1/batches/"+url.PathEscape(batch), nil, nil, out)
}

// Timeline returns what happened to a document.
func (c *Client) Timeline(ctx context.Context, edocNum string) (*statusv1.GetTimelineResponse, error) {
	out := &statusv1.GetTimelineResponse{}
	return out, c.rest.Call(ctx, http.MethodGet, "/v1/documents/"+url.PathEscape(edocNum)+"/timeline", nil, nil, out)
}

// RequestCertificate asks for a distribution certificate (guide 5.1.2 ❶). An agent names the authorisation of a party; others
// leave it empty.
func (c *Client) RequestCertificate(ctx context.Context, edocNum, reason, requestID, authorisation string) (*certificatev1.Certificate, error) {
	in := &certificatev1.RequestCertificateRequest{Reason: reason, RequestId: requestID, Authorisation: authorisation}
	out := &certificatev1.RequestCertificateResponse{}
	err := c.rest.Call(ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(edocNum)+"/certificates", nil, in, out)
	return out.GetCertificate(), err
}

// Certificate returns the state of a request.
func (c *Client) Certificate(ctx context.Context, id string) (*certificatev1.Certificate, error) {
	out := &certificatev1.GetCertificateResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/certificates/"+url.PathEscape(id), nil, nil, out)
	return out.GetCertificate(), err
}

// DownloadCertificate returns the PDF.
func (c *Client) DownloadCertificate(ctx context.Context, id string) ([]byte, error) {
	var pdf bytes.Buffer
	media, err := c.rest.Download(ctx, "/v1/certificates/"+url.PathEscape(id)+"/content", maxCertificateBytes, &pdf)
	if err == nil && media != "application/pdf" {
		err = errors.New("the certificate came in another format than PDF")
	}
	return pdf.Bytes(), err
}

// RequestFigures asks for the certificate of a month's figures (yyyy-mm) of the caller's own address.
func (c *Client) RequestFigures(ctx context.Context, period, requestID string) (*certificatev1.Figures, error) {
	out := &certificatev1.RequestFiguresResponse{}
	err := c.rest.Call(ctx, http.MethodPost, figuresPath, nil, &certificatev1.RequestFiguresRequest{Period: period, RequestId: requestID}, out)
	return out.GetFigures(), err
}

const figuresPath = "/v1/figures"

// Figures returns the state of a request.
func (c *Client) Figures(ctx context.Context, id string) (*certificatev1.Figures, error) {
	out := &certificatev1.GetFiguresResponse{}
	err := c.rest.Call(ctx, http.MethodGet, figuresPath+"/"+url.PathEscape(id), nil, nil, out)
	return out.GetFigures(), err
}

// DownloadFigures returns the PDF, and the JSON part that the hub gave beside it.
func (c *Client) DownloadFigures(ctx context.Context, id string) (pdf, statement []byte, err error) {
	for _, part := range []struct {
		path, media string
		into        *[]byte
	}{{"content", "application/pdf", &pdf}, {"statement", "application/json", &statement}} {
		var content bytes.Buffer
		media, err := c.rest.Download(ctx, figuresPath+"/"+url.PathEscape(id)+"/"+part.path, maxCertificateBytes, &content)
		if err != nil {
			return nil, nil, err
		}
		if media != part.media {
			return nil, nil, errors.New("the figures came in another format than " + part.media)
		}
		*part.into = content.Bytes()
	}
	return pdf, statement, nil
}

// Inbox lists the newest documents of the recipient.
func (c *Client) Inbox(ctx context.Context) ([]*deliveryv1.InboxItem, error) {
	out := &deliveryv1.ListInboxResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/inbox", nil, nil, out)
	return out.GetItems(), err
}

// ViewingToken asks for a viewing token and the URL to open (guide 5.1.1 ❹).
func (c *Client) ViewingToken(ctx context.Context, edocNum string) (*viewingv1.IssueViewingTokenResponse, error) {
	out := &viewingv1.IssueViewingTokenResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/inbox/"+url.PathEscape(edocNum)+":view", nil, &viewingv1.IssueViewingTokenRequest{}, out)
}
