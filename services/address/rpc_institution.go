package address

import (
	"context"
	"regexp"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// institutionServer serves operators.
type institutionServer struct {
	addressv1.UnsafeInstitutionServiceServer
	*service
}

var _ addressv1.InstitutionServiceServer = (*institutionServer)(nil)

// addressForm: no white space, nothing invisible (address.v1.Institution.address).
var addressForm = regexp.MustCompile(`^[^\s\p{C}]+$`)

// Bounds of an institution's address after folding, in characters.
const (
	minAddress = 3
	maxAddress = 100
)

// RegisterInstitution keeps a new institution, or answers the one that was made before.
func (s *addressServer) RegisterInstitution(ctx context.Context, r *addressv1.RegisterInstitutionRequest) (*addressv1.RegisterInstitutionResponse, error) {
	wanted := r.GetInstitution()
	address := foldAddress(wanted.GetAddress())
	if n := utf8.RuneCountInString(address); n < minAddress || n > maxAddress || !addressForm.MatchString(address) {
		return nil, errInvalid("institution.address", "address.form", "has 3 to 100 characters without white space")
	}
	made, err := s.registerInstitution(ctx, s.newInstitution(address, wanted.GetType()), company{Name: wanted.GetName(), BusinessNumber: wanted.GetBusinessNumber()}, r)
	if err != nil {
		return nil, err
	}
	return &addressv1.RegisterInstitutionResponse{Institution: made}, nil
}

// ResubmitInstitution submits papers, and where it was wrong the name, again for an institution whose address was refused.
func (s *institutionServer) ResubmitInstitution(ctx context.Context, r *addressv1.ResubmitInstitutionRequest) (*addressv1.ResubmitInstitutionResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	asked := request{operator: caller.ID, id: r.GetRequestId(), digest: digestOfRequest(
		found.principal[:], []byte(r.GetName()), r.GetBusinessDocument(), r.GetRegistrationDocument())}
	now, err := s.resubmit(ctx, found, r.GetName(), r.GetBusinessDocument(), r.GetRegistrationDocument(), asked)
	if err != nil {
		return nil, err
	}
	return &addressv1.ResubmitInstitutionResponse{Institution: now}, nil
}

// GetInstitution tells one institution.
func (s *institutionServer) GetInstitution(ctx context.Context, r *addressv1.GetInstitutionRequest) (*addressv1.GetInstitutionResponse, error) {
	found, err := s.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	shown, err := s.shown(ctx, found)
	if err != nil {
		return nil, err
	}
	return &addressv1.GetInstitutionResponse{Institution: shown}, nil
}

// ListInstitutions lists, newest first.
func (s *institutionServer) ListInstitutions(ctx context.Context, r *addressv1.ListInstitutionsRequest) (*addressv1.ListInstitutionsResponse, error) {
	before, err := page.After(r.GetPageToken(), uuid.Max, errPageToken())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listInstitutions(ctx, s.db, before, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last listed) uuid.UUID { return last.principal })
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListInstitutionsResponse{NextPageToken: next}
	for _, one := range found {
		shown, err := s.shown(ctx, one)
		if err != nil {
			return nil, err
		}
		answer.Institutions = append(answer.Institutions, shown)
	}
	return answer, nil
}

// shown is an institution as the operator sees it.
func (s *institutionServer) shown(ctx context.Context, found listed) (*addressv1.Institution, error) {
	opened, err := s.openInstitution(ctx, found)
	shown := institutionProto(opened)
	if shown.Unreadable, err = s.unreadable(ctx, "institution", shown.GetId(), err); err != nil {
		return nil, err
	}
	c, known, err := latestNameChange(ctx, s.db, found.basis())
	if err != nil || !known {
		return shown, err
	}
	shown.NameChange, err = s.nameChangeProto(ctx, c)
	return shown, err
}

func (s *institutionServer) find(ctx context.Context, text string) (listed, error) {
	principal, err := uuid.Parse(text)
	if err != nil {
		return listed{}, errInvalid("id", "string.uuid", "is a principal id")
	}
	found, known, err := readInstitution(ctx, s.db, principal)
	if err == nil && !known {
		err = errInstitutionNotFound()
	}
	return found, err
}

func institutionProto(d described) *addressv1.Institution {
	return &addressv1.Institution{
		Id: d.principal.String(), Name: d.company.Name, BusinessNumber: d.company.BusinessNumber, Type: addressv1.OrganisationType(d.kind),
		Address: d.address, AddressState: addressState(d.state), CreatedAt: timestamppb.New(d.createdAt), ArchiveMemberships: d.memberships,
		Refusal: d.refusal, AskedAgainAt: shownTime(d.askedAgainAt),
	}
}

func addressState(state string) addressv1.AddressState {
	switch state {
	case addressRegistering:
		return addressv1.AddressState_ADDRESS_STATE_PENDING
	case addressRegistered:
		return addressv1.AddressState_ADDRESS_STATE_REGISTERED
	case addressRefused:
		return addressv1.AddressState_ADDRESS_STATE_REFUSED
	case addressWithdrawn:
		return addressv1.AddressState_ADDRESS_STATE_WITHDRAWN
	default:
		return addressv1.AddressState_ADDRESS_STATE_UNSPECIFIED
	}
}
