package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// server is HubService.
type server struct {
	hubv1.UnsafeHubServiceServer
	client    *hubclient.Client
	exchanger *exchanger
}

var _ hubv1.HubServiceServer = (*server)(nil)

// into makes a reader that stores its result.
func into[T any](target *T, read func(hubclient.Answer) (T, error)) func(hubclient.Answer) error {
	return func(a hubclient.Answer) error {
		var err error
		*target, err = read(a)
		return err
	}
}

// RegisterPersonAddress registers a member's address.
func (s *server) RegisterPersonAddress(ctx context.Context, r *hubv1.RegisterPersonAddressRequest) (*hubv1.RegisterPersonAddressResponse, error) {
	already, rc, err := s.register(ctx, hubclient.Registration{
		Identifier: r.GetCi(), Address: r.GetAddress(), Name: r.GetName(), Type: hubclient.TypePerson,
		RegisteredAt: r.GetRegisteredAt().AsTime(), BirthDate: r.GetBirthDate(), Phone: r.GetPhone(),
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterPersonAddressResponse{AlreadyRegistered: already, Exchange: rc.exchange.String()}, nil
}

// RegisterOrganisationAddress registers an organisation's address with its two documents.
func (s *server) RegisterOrganisationAddress(ctx context.Context, r *hubv1.RegisterOrganisationAddressRequest) (*hubv1.RegisterOrganisationAddressResponse, error) {
	if r.GetType() == addressv1.OrganisationType_ORGANISATION_TYPE_UNSPECIFIED {
		return nil, invalid("type", "enum.not_in", "the type of the organisation is required")
	}
	if err := checkDocuments(r); err != nil {
		return nil, err
	}
	already, rc, err := s.register(ctx, hubclient.Registration{
		Identifier: r.GetBusinessNumber(), Address: r.GetAddress(), Name: r.GetName(), Type: int(r.GetType()),
		RegisteredAt: r.GetRegisteredAt().AsTime(), BusinessDocument: r.GetBusinessDocument(), RegistrationDocument: r.GetRegistrationDocument(),
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterOrganisationAddressResponse{AlreadyRegistered: already, Exchange: rc.exchange.String()}, nil
}

// documents are the two that the hub requires of an organisation.
type documents interface {
	GetBusinessDocument() []byte
	GetRegistrationDocument() []byte
}

func checkDocuments(d documents) error {
	jpeg := []byte{0xFF, 0xD8, 0xFF}
	switch {
	case !bytes.HasPrefix(d.GetBusinessDocument(), jpeg):
		return invalid("businessDocument", "bytes.jpeg", "a JPEG is required")
	case !bytes.HasPrefix(d.GetRegistrationDocument(), jpeg):
		return invalid("registrationDocument", "bytes.jpeg", "a JPEG is required")
	default:
		return nil
	}
}

// register registers an address. If the hub says that it exists already, that is the answer to a repeated call, but only if the
// owner is the same. The question for the owner (hub-interface 3.5) does not return the identifier, so the identifier's addresses
// (3.2) are asked for.
func (s *server) register(ctx context.Context, reg hubclient.Registration) (already bool, _ receipt, _ error) {
	call, err := s.client.Register(reg)
	if err != nil {
		return false, receipt{}, err
	}
	rc, err := s.exchanger.call(ctx, call, hubclient.ReadResult)
	if err == nil {
		return false, rc, nil
	}
	if !s.client.AddressExists(err) {
		return false, receipt{}, s.exchanger.faultOf(err)
	}
	var addresses []string
	_, lookErr := s.exchanger.call(ctx, s.client.LookUp(reg.Identifier), into(&addresses, hubclient.ReadAddresses))
	switch {
	case lookErr == nil && hubclient.HoldsAddress(addresses, reg.Address):
		return true, rc, nil
	case lookErr == nil, s.client.AddressUnknown(lookErr):
		return false, receipt{}, addressTaken()
	default:
		return false, receipt{}, s.exchanger.faultOf(lookErr)
	}
}

// GetAddressOwner asks whether an address exists.
func (s *server) GetAddressOwner(ctx context.Context, r *hubv1.GetAddressOwnerRequest) (*hubv1.GetAddressOwnerResponse, error) {
	var owner hubclient.AddressOwner
	_, err := s.exchanger.call(ctx, s.client.Owner(r.GetAddress()), into(&owner, hubclient.ReadOwner))
	switch {
	case err == nil:
		return &hubv1.GetAddressOwnerResponse{
			Exists: true, RegisteredAt: timestamppb.New(owner.RegisteredAt), Name: owner.Name, Type: int32(owner.Type), //nolint:gosec // a digit, as read
		}, nil
	case s.client.AddressUnknown(err):
		return &hubv1.GetAddressOwnerResponse{}, nil
	default:
		return nil, s.exchanger.faultOf(err)
	}
}

// WithdrawAddress withdraws an address; one that does not exist counts as done.
func (s *server) WithdrawAddress(ctx context.Context, r *hubv1.WithdrawAddressRequest) (*hubv1.WithdrawAddressResponse, error) {
	call, err := s.client.Withdraw(r.GetAddress(), r.GetWithdrawnAt().AsTime())
	if err != nil {
		return nil, err
	}
	rc, err := s.exchanger.call(ctx, call, hubclient.ReadResult)
	if err != nil && !s.client.AddressUnknown(err) {
		return nil, s.exchanger.faultOf(err)
	}
	return &hubv1.WithdrawAddressResponse{Exchange: rc.exchange.String()}, nil
}

// SearchRecipient finds where somebody is a member; it is our extension.
func (s *server) SearchRecipient(ctx context.Context, r *hubv1.SearchRecipientRequest) (*hubv1.SearchRecipientResponse, error) {
	query, err := queryOf(r.GetRecipient())
	if err != nil {
		return nil, err
	}
	if !s.client.CanSearch() {
		return nil, refused("", errors.New("the hub is configured without a search"))
	}
	call, err := s.client.Search(query)
	if err != nil {
		return nil, err
	}
	var found []hubclient.Found
	rc, err := s.exchanger.call(ctx, call, into(&found, hubclient.ReadFound))
	if err != nil && !s.client.AddressUnknown(err) {
		return nil, s.exchanger.faultOf(err)
	}
	response := &hubv1.SearchRecipientResponse{Exchange: rc.exchange.String()}
	for _, hit := range found {
		response.Addresses = append(response.Addresses, &platformv1.PlatformAddress{PlatformId: hit.PlatformID, Address: hit.Address})
	}
	return response, nil
}

func queryOf(r *platformv1.RecipientIdentifier) (hubclient.Query, error) {
	switch {
	case r == nil || r.PlatformAddress != nil:
		return hubclient.Query{}, invalid("recipient", "search.kind", "one of ci, person, businessNumber is required")
	case r.Ci != nil:
		return hubclient.Query{Identifier: r.GetCi()}, nil
	case r.BusinessNumber != nil:
		return hubclient.Query{Identifier: r.GetBusinessNumber()}, nil
	default:
		p := r.GetPerson()
		return hubclient.Query{Name: p.GetName(), BirthDate: p.GetBirthDate(), Phone: p.GetPhone()}, nil
	}
}

// IssueDistributionCertificate obtains a certificate, which is not verified here.
func (s *server) IssueDistributionCertificate(ctx context.Context, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error) {
	if _, err := id.ParseEdocNumber(r.GetEdocNum()); err != nil {
		return nil, invalid("edocNum", "edoc_num", "an edoc number is required")
	}
	call, err := s.client.IssueCertificate(r.GetEdocNum(), r.GetAddress(), r.GetReason())
	if err != nil {
		return nil, err
	}
	var certificate hubclient.Certificate
	rc, err := s.exchanger.call(ctx, call, into(&certificate, hubclient.ReadCertificate))
	if err != nil {
		return nil, s.exchanger.faultOf(err)
	}
	return &hubv1.IssueDistributionCertificateResponse{
		CertNum: certificate.Number, Pdf: certificate.PDF, Exchange: rc.exchange.String(), AnsweredAt: timestamppb.New(rc.answeredAt),
	}, nil
}

func itemField(i int, name string) string { return fmt.Sprintf("items[%d].%s", i, name) }
