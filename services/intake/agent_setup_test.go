package intake

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/keys/keystest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeRoles knows persons who may act for any organisation, and what they may do.
type fakeRoles struct {
	addressv1.UnimplementedAddressServiceServer

	mu     sync.Mutex
	scopes map[string][]string
}

func (f *fakeRoles) give(person string, scopes ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scopes == nil {
		f.scopes = map[string][]string{}
	}
	f.scopes[person] = scopes
}

func (f *fakeRoles) TakeAuthority(_ context.Context, r *addressv1.TakeAuthorityRequest) (*addressv1.TakeAuthorityResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	scopes, ok := f.scopes[r.GetPerson()]
	if !ok {
		return nil, fault.New(fault.Denied, "address", addressv1.Reason_REASON_NOT_AUTHORISED, "")
	}
	return &addressv1.TakeAuthorityResponse{Authority: unittest.NewID(), Scopes: scopes}, nil
}

const (
	agentKind = platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT
	agentName = "시험용대행사"
	waiting   = intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING
	given     = intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN
)

// agent is one that is known to the unit.
type agent struct {
	*world
	id    string
	sends intakev1.IntakeServiceClient
	asks  intakev1.AuthorisationServiceClient
}

func (w *world) agent(t *testing.T) *agent {
	t.Helper()
	a := &agent{world: w, id: unittest.NewID()}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(1, &gatewayv1.PrincipalChanged{Id: a.id, Kind: agentKind, Name: agentName}))
	a.login(t)
	return a
}

// login gives the agent a new token.
func (a *agent) login(t *testing.T) {
	t.Helper()
	conn := a.As(t, agentKind, a.id)
	a.sends, a.asks = intakev1.NewIntakeServiceClient(conn), intakev1.NewAuthorisationServiceClient(conn)
}

// institution makes the world's sender known with keys, by another version of it.
func (w *world) institution(t *testing.T, version uint32, signers ...keys.Signer) {
	t.Helper()
	w.registerKeys(t, w.sender, senderAddressText, version, signers...)
}

func (w *world) registerKeys(t *testing.T, sender, address string, version uint32, signers ...keys.Signer) {
	t.Helper()
	var jwks []string
	for _, s := range signers {
		jwks = append(jwks, jwkOf(t, s))
	}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(version, &gatewayv1.PrincipalChanged{
		Id: sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: address, AuthorisationKeys: jwks,
	}))
}

// member makes a member with a certified address known, who can send.
func (w *world) member(t *testing.T, address string) string {
	t.Helper()
	member := unittest.NewID()
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: address, OccurredAt: w.archive.at, Message: &addressv1.AddressRegistered{
		Address: address, PlatformId: unittest.Platform, ValidFrom: timestamppb.New(w.archive.at.Add(-time.Hour)), Recipient: member,
	}})
	return member
}

func jwkOf(t *testing.T, s keys.Signer) string {
	t.Helper()
	raw, err := authn.KeySet(authn.PublicKey{ID: s.KeyID(), Purpose: "authorisation", Key: s.Public()})
	require.NoError(t, err)
	var set struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &set))
	return string(set.Keys[0])
}

func newSigner(t *testing.T) keys.Signer { return keystest.Signer(t, "authorisation") }

// ask requests an authorisation.
func (a *agent) ask(t *testing.T, address, requestID string, items ...*intakev1.SendItem) *intakev1.Authorisation {
	t.Helper()
	got, err := a.asks.RequestAuthorisation(t.Context(), &intakev1.RequestAuthorisationRequest{RequestId: requestID, SenderAddress: address, Items: items})
	require.NoError(t, err)
	return got.GetAuthorisation()
}

// claimsOf are what an institution signs for an authorisation.
func claimsOf(of *intakev1.Authorisation) authorisation.Claims {
	return authorisation.Claims{
		Authorisation: of.GetId(), Digest: of.GetDigest(), Agent: of.GetAgent(), Sender: of.GetSender(), ExpiresAt: of.GetExpiresAt().AsTime().Add(time.Hour),
	}
}

func (a *agent) sign(t *testing.T, of *intakev1.Authorisation, key keys.Signer) *intakev1.Authorisation {
	t.Helper()
	text, err := authorisation.Sign(key, claimsOf(of))
	require.NoError(t, err)
	got, err := a.asks.SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{Id: of.GetId(), Jws: text})
	require.NoError(t, err)
	return got.GetAuthorisation()
}

// signed asks for an authorisation of the world's sender and has it signed.
func (a *agent) signed(t *testing.T, key keys.Signer, items ...*intakev1.SendItem) *intakev1.Authorisation {
	t.Helper()
	return a.sign(t, a.ask(t, senderAddressText, "request-"+unittest.NewID(), items...), key)
}

// under is an item as it is sent by an authorisation.
func under(item *intakev1.SendItem, of *intakev1.Authorisation) *intakev1.SendItem {
	sent := proto.CloneOf(item)
	sent.Authorisation = of.GetId()
	return sent
}

// send sends an item by an authorisation.
func (a *agent) send(t *testing.T, item *intakev1.SendItem, of *intakev1.Authorisation) (*intakev1.Acceptance, error) {
	t.Helper()
	got, err := a.sends.Send(t.Context(), &intakev1.SendRequest{Item: under(item, of)})
	return got.GetAcceptance(), err
}

func (a *agent) revoke(t *testing.T, of *intakev1.Authorisation) {
	t.Helper()
	_, err := a.asks.RevokeAuthorisation(t.Context(), &intakev1.RevokeAuthorisationRequest{Id: of.GetId()})
	require.NoError(t, err)
}
