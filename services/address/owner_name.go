package address

import (
	"context"

	"github.com/google/uuid"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// GetOwnerName tells another unit how an institution or a member is called.
func (s *addressServer) GetOwnerName(ctx context.Context, r *addressv1.GetOwnerNameRequest) (*addressv1.GetOwnerNameResponse, error) {
	owner, err := uuid.Parse(r.GetOwner())
	if err != nil {
		return nil, errNotAMember()
	}
	name, err := s.ownerName(ctx, owner)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errNotAMember()
	}
	return &addressv1.GetOwnerNameResponse{Name: name}, nil
}

// ownerName is the name of an institution, a person or an organisation; empty where there is none.
func (s *service) ownerName(ctx context.Context, owner uuid.UUID) (string, error) {
	of, known, err := readInstitution(ctx, s.db, owner)
	if err != nil {
		return "", err
	}
	if known {
		c, err := s.openCompany(ctx, of.principal, of.sealed)
		return c.Name, err
	}
	i, known, err := readIdentity(ctx, s.db, owner)
	if err != nil || !known {
		return "", err
	}
	if !i.organisation() {
		p, err := s.openPerson(ctx, i)
		return p.Name, err
	}
	by, known, err := readApplication(ctx, s.db, i.application)
	if err != nil || !known {
		return "", err
	}
	c, err := s.companyOf(ctx, by)
	return c.Name, err
}
