package hub

import (
	"context"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// ChangePersonName gives a member's address its owner's new name.
func (s *server) ChangePersonName(ctx context.Context, r *hubv1.ChangePersonNameRequest) (*hubv1.ChangePersonNameResponse, error) {
	call, err := s.client.ChangePerson(r.GetAddress(), r.GetName(), r.GetChangedAt().AsTime())
	if err != nil {
		return nil, err
	}
	rc, err := s.change(ctx, call)
	if err != nil {
		return nil, err
	}
	return &hubv1.ChangePersonNameResponse{Exchange: rc.exchange.String()}, nil
}

// ChangeOrganisation gives an address an organisation's new name or type.
func (s *server) ChangeOrganisation(ctx context.Context, r *hubv1.ChangeOrganisationRequest) (*hubv1.ChangeOrganisationResponse, error) {
	change := hubclient.Change{Address: r.GetAddress(), Name: r.GetName(), ChangedAt: r.GetChangedAt().AsTime()}
	if r.GetType() != addressv1.OrganisationType_ORGANISATION_TYPE_UNSPECIFIED {
		if !s.client.CanChangeType() {
			return nil, invalid("type", "type.dialect", "the hub's dialect cannot change a type")
		}
		kind := int(r.GetType())
		change.Type = &kind
	}
	if len(r.GetBusinessDocument())+len(r.GetRegistrationDocument()) > 0 {
		if err := checkDocuments(r); err != nil {
			return nil, err
		}
		change.BusinessDocument, change.RegistrationDocument = r.GetBusinessDocument(), r.GetRegistrationDocument()
	} else if change.Type == nil {
		return nil, invalid("businessDocument", "change.documents", "another name needs both documents")
	}
	call, err := s.client.ChangeOrganisation(change)
	if err != nil {
		return nil, err
	}
	rc, err := s.change(ctx, call)
	if err != nil {
		return nil, err
	}
	return &hubv1.ChangeOrganisationResponse{Exchange: rc.exchange.String()}, nil
}

// change makes a call about an address that must exist at the hub.
func (s *server) change(ctx context.Context, call hubclient.Call) (receipt, error) {
	rc, err := s.exchanger.call(ctx, call, hubclient.ReadResult)
	switch {
	case err == nil:
		return rc, nil
	case s.client.AddressUnknown(err):
		return receipt{}, addressUnknown(err)
	default:
		return receipt{}, s.exchanger.faultOf(err)
	}
}

// GetWithdrawnAddresses asks which addresses somebody has withdrawn.
func (s *server) GetWithdrawnAddresses(ctx context.Context, r *hubv1.GetWithdrawnAddressesRequest) (*hubv1.GetWithdrawnAddressesResponse, error) {
	var addresses []string
	_, err := s.exchanger.call(ctx, s.client.Withdrawn(r.GetIdentifier()), into(&addresses, hubclient.ReadAddresses))
	if err != nil && !s.client.AddressUnknown(err) {
		return nil, s.exchanger.faultOf(err)
	}
	return &hubv1.GetWithdrawnAddressesResponse{Addresses: addresses}, nil
}
