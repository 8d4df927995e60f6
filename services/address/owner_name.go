package address

import (
	"context"

	"github.com/google/uuid"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// GetOwnerName tells another unit how an institution or a member is called, as the hub has it.
func (s *addressServer) GetOwnerName(ctx context.Context, r *addressv1.GetOwnerNameRequest) (*addressv1.GetOwnerNameResponse, error) {
	whose, err := uuid.Parse(r.GetOwner())
	if err != nil {
		return nil, errNotAMember()
	}
	name, err := s.ownerName(ctx, whose)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errNotAMember()
	}
	return &addressv1.GetOwnerNameResponse{Name: name}, nil
}

// ownerName is the name of an institution, a person or an organisation; empty where there is none.
func (s *service) ownerName(ctx context.Context, whose uuid.UUID) (string, error) {
	of, known, err := readInstitution(ctx, s.db, whose)
	if err != nil {
		return "", err
	}
	if known {
		found, err := s.openInstitution(ctx, of)
		return found.company.Name, err
	}
	i, known, err := readIdentity(ctx, s.db, whose)
	if err != nil || !known {
		return "", err
	}
	if !i.organisation() {
		return s.personName(ctx, i)
	}
	by, known, err := readApplication(ctx, s.db, i.application)
	if err != nil || !known {
		return "", err
	}
	c, err := s.companyNow(ctx, by)
	return c.Name, err
}

// personName is the name of a person as the hub has it; of who is no member, as it was proved.
func (s *service) personName(ctx context.Context, i identity) (string, error) {
	p, err := s.openPerson(ctx, i)
	if err != nil {
		return "", err
	}
	m, known, err := readMember(ctx, s.db, i.recipient)
	if err != nil || !known || m.state == memberWithdrawn {
		return p.Name, err
	}
	o, err := s.atHub(ctx, owner{address: m.address, basis: m.address, name: p.Name})
	return o.name, err
}

// GetOwnerAddress tells another unit the certified address of an institution or a member.
func (s *addressServer) GetOwnerAddress(ctx context.Context, r *addressv1.GetOwnerAddressRequest) (*addressv1.GetOwnerAddressResponse, error) {
	whose, err := uuid.Parse(r.GetOwner())
	if err != nil {
		return nil, errNotAMember()
	}
	of, known, err := readInstitution(ctx, s.db, whose)
	if err != nil {
		return nil, err
	}
	if known {
		return &addressv1.GetOwnerAddressResponse{Address: of.address}, nil
	}
	m, known, err := readMember(ctx, s.db, whose)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errNotAMember()
	}
	return &addressv1.GetOwnerAddressResponse{Address: m.address}, nil
}
