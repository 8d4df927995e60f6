package relay

import (
	"context"
	"net/http"
	"net/url"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const queuePath = "/v1/admin/circulation/queue"

// Queue returns a page of the hub calls that wait for a person, and the token of the next page.
func (c *Client) Queue(ctx context.Context, query url.Values) ([]*circulationv1.CirculationRecord, string, error) {
	out := &circulationv1.ListQueueResponse{}
	err := c.rest.Call(ctx, http.MethodGet, queuePath, query, nil, out)
	return out.GetRecords(), out.GetNextPageToken(), err
}

// RetryQueued has a document's queued hub call made again.
func (c *Client) RetryQueued(ctx context.Context, edocNum string) error {
	// The number is in the path, so it is left out of the body.
	return c.rest.Call(ctx, http.MethodPost, queuePath+"/"+url.PathEscape(edocNum)+":retry", nil, &circulationv1.RetryQueuedRequest{}, nil)
}

// AcceptQueued accepts the hub's answer that it has a document's record already. The number is only in the path.
func (c *Client) AcceptQueued(ctx context.Context, edocNum, reason string) error {
	in := &circulationv1.AcceptQueuedRequest{Reason: reason}
	return c.rest.Call(ctx, http.MethodPost, queuePath+"/"+url.PathEscape(edocNum)+":accept", nil, in, nil)
}

// GiveUpQueued ends what of a document's record is queued for good. The number is only in the path.
func (c *Client) GiveUpQueued(ctx context.Context, edocNum, reason string) error {
	in := &circulationv1.GiveUpQueuedRequest{Reason: reason}
	return c.rest.Call(ctx, http.MethodPost, queuePath+"/"+url.PathEscape(edocNum)+":give-up", nil, in, nil)
}

// ParkedEvents returns a page of a unit's parked events, and the token of the next page.
func (c *Client) ParkedEvents(ctx context.Context, unit string, query url.Values) ([]*platformv1.ParkedEvent, string, error) {
	out := &platformv1.ListParkedEventsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/admin/units/"+url.PathEscape(unit)+"/parked-events", query, nil, out)
	return out.GetEvents(), out.GetNextPageToken(), err
}

// ReplayParkedEvents hands up to 100 parked events to their handlers again. The unit is only in the path.
func (c *Client) ReplayParkedEvents(ctx context.Context, unit string, ids ...string) (*platformv1.ReplayParkedEventsResponse, error) {
	in := &platformv1.ReplayParkedEventsRequest{Ids: ids}
	out := &platformv1.ReplayParkedEventsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/admin/units/"+url.PathEscape(unit)+"/parked-events:replay", nil, in, out)
}

// GiveUpParkedEvents ends up to 100 parked events for good. The unit is only in the path.
func (c *Client) GiveUpParkedEvents(ctx context.Context, unit, reason string, ids ...string) (*platformv1.GiveUpParkedEventsResponse, error) {
	in := &platformv1.GiveUpParkedEventsRequest{Ids: ids, Reason: reason}
	out := &platformv1.GiveUpParkedEventsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, "/v1/admin/units/"+url.PathEscape(unit)+"/parked-events:give-up", nil, in, out)
}

// AlikeIdentities returns a page of the identities that look like one person, and the token of the next page.
func (c *Client) AlikeIdentities(ctx context.Context, query url.Values) ([]*addressv1.AlikeIdentity, string, error) {
	out := &addressv1.ListAlikeIdentitiesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/admin/identities/alike", query, nil, out)
	return out.GetIdentities(), out.GetNextPageToken(), err
}

// MergeIdentities says that an identity is the same person as another. The one that is merged is only in the path.
func (c *Client) MergeIdentities(ctx context.Context, recipient, into, reason string) error {
	in := &addressv1.MergeIdentitiesRequest{Into: into, Reason: reason}
	return c.rest.Call(ctx, http.MethodPost, "/v1/admin/identities/"+url.PathEscape(recipient)+":merge", nil, in, nil)
}

const refusedPath = "/v1/admin/refused-addresses"

// RefusedAddresses returns a page of the addresses that the hub refuses, and the token of the next page.
func (c *Client) RefusedAddresses(ctx context.Context, query url.Values) ([]*addressv1.RefusedAddress, string, error) {
	out := &addressv1.ListRefusedAddressesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, refusedPath, query, nil, out)
	return out.GetAddresses(), out.GetNextPageToken(), err
}

// RetryRefusedAddress has the hub asked again about an address it refused.
func (c *Client) RetryRefusedAddress(ctx context.Context, address string) error {
	return c.rest.Call(ctx, http.MethodPost, refusedPath+":retry", nil, &addressv1.RetryRefusedAddressRequest{Address: address}, nil)
}

// GiveUpRefusedAddress ends asking the hub about an address it refused.
func (c *Client) GiveUpRefusedAddress(ctx context.Context, address, reason string) error {
	return c.rest.Call(ctx, http.MethodPost, refusedPath+":give-up", nil, &addressv1.GiveUpRefusedAddressRequest{Address: address, Reason: reason}, nil)
}

const namesPath = "/v1/admin/name-changes"

// NameChanges returns a page of the changes of names that the hub does not have, and the token of the next page.
func (c *Client) NameChanges(ctx context.Context, query url.Values) ([]*addressv1.WaitingNameChange, string, error) {
	out := &addressv1.ListNameChangesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, namesPath, query, nil, out)
	return out.GetChanges(), out.GetNextPageToken(), err
}

// RetryNameChange has the hub told again of a change. The id is only in the path.
func (c *Client) RetryNameChange(ctx context.Context, id string) error {
	return c.rest.Call(ctx, http.MethodPost, namesPath+"/"+url.PathEscape(id)+":retry", nil, &addressv1.RetryNameChangeRequest{}, nil)
}

// GiveUpNameChange ends telling the hub of a change that it refuses. The id is only in the path.
func (c *Client) GiveUpNameChange(ctx context.Context, id, reason string) error {
	return c.rest.Call(ctx, http.MethodPost, namesPath+"/"+url.PathEscape(id)+":give-up", nil, &addressv1.GiveUpNameChangeRequest{Reason: reason}, nil)
}

// CheckAddresses compares a page of the addresses, or those that the query names, with the hub, and returns the token of the next
// page.
func (c *Client) CheckAddresses(ctx context.Context, query url.Values) ([]*addressv1.CheckedAddress, string, error) {
	out := &addressv1.CheckAddressesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, "/v1/admin/addresses:check", query, nil, out)
	return out.GetAddresses(), out.GetNextPageToken(), err
}

// LegalHolds returns a page of a unit's legal holds in force, and the token of the next page.
func (c *Client) LegalHolds(ctx context.Context, unit string, query url.Values) ([]*platformv1.LegalHold, string, error) {
	out := &platformv1.ListLegalHoldsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, holdsOf(unit), query, nil, out)
	return out.GetHolds(), out.GetNextPageToken(), err
}

// PlaceLegalHold places a legal hold in a unit. The unit is only in the path.
func (c *Client) PlaceLegalHold(ctx context.Context, unit, subject, reference string) error {
	return c.rest.Call(ctx, http.MethodPost, holdsOf(unit)+":place", nil, &platformv1.PlaceLegalHoldRequest{Subject: subject, Reference: reference}, nil)
}

// ReleaseLegalHold ends a legal hold in a unit. The unit is only in the path.
func (c *Client) ReleaseLegalHold(ctx context.Context, unit, subject, reference string) error {
	return c.rest.Call(ctx, http.MethodPost, holdsOf(unit)+":release", nil, &platformv1.ReleaseLegalHoldRequest{Subject: subject, Reference: reference}, nil)
}

func holdsOf(unit string) string { return "/v1/admin/units/" + url.PathEscape(unit) + "/legal-holds" }

const noticesPath = "/v1/admin/notice-rounds"

// NoticeRounds returns a page of the rounds of notices that failed, and the token of the next page.
func (c *Client) NoticeRounds(ctx context.Context, query url.Values) ([]*deliveryv1.NoticeRound, string, error) {
	out := &deliveryv1.ListNoticeRoundsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, noticesPath, query, nil, out)
	return out.GetRounds(), out.GetNextPageToken(), err
}

// RetryNoticeRounds has up to 100 rounds of notices called at once.
func (c *Client) RetryNoticeRounds(ctx context.Context, ids ...string) (*deliveryv1.RetryNoticeRoundsResponse, error) {
	out := &deliveryv1.RetryNoticeRoundsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, noticesPath+":retry", nil, &deliveryv1.RetryNoticeRoundsRequest{Ids: ids}, out)
}

// GiveUpNoticeRounds ends up to 100 rounds of notices.
func (c *Client) GiveUpNoticeRounds(ctx context.Context, reason string, ids ...string) (*deliveryv1.GiveUpNoticeRoundsResponse, error) {
	out := &deliveryv1.GiveUpNoticeRoundsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, noticesPath+":give-up", nil, &deliveryv1.GiveUpNoticeRoundsRequest{Ids: ids, Reason: reason}, out)
}

const depositsPath = "/v1/admin/deposits"

// Deposits returns a page of the documents that are not deposited at the archive, and the token of the next page.
func (c *Client) Deposits(ctx context.Context, query url.Values) ([]*archivev1.Deposit, string, error) {
	out := &archivev1.ListDepositsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, depositsPath, query, nil, out)
	return out.GetDeposits(), out.GetNextPageToken(), err
}

// RetryDeposits has up to 100 deposits tried at once.
func (c *Client) RetryDeposits(ctx context.Context, numbers ...string) (*archivev1.RetryDepositsResponse, error) {
	out := &archivev1.RetryDepositsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, depositsPath+":retry", nil, &archivev1.RetryDepositsRequest{EdocNums: numbers}, out)
}

// GiveUpDeposits ends up to 100 deposits.
func (c *Client) GiveUpDeposits(ctx context.Context, reason string, numbers ...string) (*archivev1.GiveUpDepositsResponse, error) {
	out := &archivev1.GiveUpDepositsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, depositsPath+":give-up", nil, &archivev1.GiveUpDepositsRequest{EdocNums: numbers, Reason: reason}, out)
}

const invitationsPath = "/v1/admin/invitations"

// WaitingInvitations returns a page of the invitations that failed and wait, and the token of the next page.
func (c *Client) WaitingInvitations(ctx context.Context, query url.Values) ([]*deliveryv1.WaitingInvitation, string, error) {
	out := &deliveryv1.ListInvitationsResponse{}
	err := c.rest.Call(ctx, http.MethodGet, invitationsPath, query, nil, out)
	return out.GetInvitations(), out.GetNextPageToken(), err
}

// RetryInvitations has up to 100 invitations given at once.
func (c *Client) RetryInvitations(ctx context.Context, ids ...string) (*deliveryv1.RetryInvitationsResponse, error) {
	out := &deliveryv1.RetryInvitationsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, invitationsPath+":retry", nil, &deliveryv1.RetryInvitationsRequest{Ids: ids}, out)
}

// GiveUpInvitations ends up to 100 invitations; the documents that wait for them fail.
func (c *Client) GiveUpInvitations(ctx context.Context, reason string, ids ...string) (*deliveryv1.GiveUpInvitationsResponse, error) {
	out := &deliveryv1.GiveUpInvitationsResponse{}
	return out, c.rest.Call(ctx, http.MethodPost, invitationsPath+":give-up", nil, &deliveryv1.GiveUpInvitationsRequest{Ids: ids, Reason: reason}, out)
}

// HeldFrames returns a page of the frames that a unit's journal holds back, and the token of the next page.
func (c *Client) HeldFrames(ctx context.Context, unit string, query url.Values) ([]*platformv1.HeldFrame, string, error) {
	out := &platformv1.ListHeldFramesResponse{}
	err := c.rest.Call(ctx, http.MethodGet, framesOf(unit), query, nil, out)
	return out.GetFrames(), out.GetNextPageToken(), err
}

// ReleaseFrame lets a held frame into its unit's log. Unit and frame are only in the path.
func (c *Client) ReleaseFrame(ctx context.Context, unit, frame, reason string) error {
	return c.rest.Call(ctx, http.MethodPost, framesOf(unit)+"/"+url.PathEscape(frame)+":release", nil, &platformv1.ReleaseFrameRequest{Reason: reason}, nil)
}

func framesOf(unit string) string { return "/v1/admin/units/" + url.PathEscape(unit) + "/held-frames" }
