package address

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sealed"
)

// company is what the hub gets about an institution or an organisation. It is sealed, because a sole trader is a person.
type company struct {
	Name           string `json:"name"`
	BusinessNumber string `json:"businessNumber"`
}

// String hides the company from whatever prints values.
func (company) String() string { return "company" }

// GoString hides the company from %#v.
func (company) GoString() string { return "company" }

// submitted names what was given at once about an institution (principal id) or for an organisation (id of the application):
// what is sealed of one submission cannot be taken for another's.
type submitted struct {
	owner uuid.UUID
	// number of the submission of this owner, from 1.
	number int32
}

func (s submitted) paper(name string) string { return fmt.Sprintf("%s/%s/%d", s.owner, name, s.number) }

func (s *service) sealCompany(ctx context.Context, owner uuid.UUID, c company) ([]byte, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, errors.New("encode company")
	}
	value, err := s.box.Seal(ctx, sealedInstitution, owner.String(), plain)
	if err != nil {
		return nil, fmt.Errorf("seal company of %s: %w", owner, err)
	}
	return value, nil
}

func (s *service) openCompany(ctx context.Context, owner uuid.UUID, value []byte) (c company, err error) {
	plain, err := s.box.Open(ctx, sealedInstitution, owner.String(), value)
	if err != nil {
		return c, fmt.Errorf("open company of %s: %w", owner, err)
	}
	if json.Unmarshal(plain, &c) != nil {
		return company{}, fault.New(fault.Corrupt, domain, nil, "", fault.Wrap(fmt.Errorf("open company of %s: its form is not known", owner)))
	}
	return c, nil
}

// sealPapers seals the two papers of a submission.
func (s *service) sealPapers(ctx context.Context, of submitted, business, registrationPaper []byte) (p papers, err error) {
	if p.business, err = sealed.SealPieces(ctx, s.box, sealedInstitution, of.paper("business"), business); err == nil {
		p.registration, err = sealed.SealPieces(ctx, s.box, sealedInstitution, of.paper("registration"), registrationPaper)
	}
	if err != nil {
		return p, fmt.Errorf("seal papers of %s: %w", of.owner, err)
	}
	return p, nil
}

// openPapers opens the papers; they are empty if nobody needs them any more.
func (s *service) openPapers(ctx context.Context, of submitted) (business, registrationPaper []byte, err error) {
	p, kept, err := readPapers(ctx, s.db, of.owner)
	if err != nil || !kept {
		return nil, nil, err
	}
	if business, err = sealed.OpenPieces(ctx, s.box, sealedInstitution, of.paper("business"), p.business); err == nil {
		registrationPaper, err = sealed.OpenPieces(ctx, s.box, sealedInstitution, of.paper("registration"), p.registration)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open papers of %s: %w", of.owner, err)
	}
	return business, registrationPaper, nil
}
