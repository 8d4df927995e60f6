package address

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// described is an institution with what of it is kept sealed.
type described struct {
	listed
	company     company
	memberships []*addressv1.ArchiveMembership
}

// submission is what an operator entered about an institution, as it is kept and stated.
type submission struct {
	institution institution
	papers      papers
	// The digests are of the papers in clear.
	businessDigest, registrationDigest []byte
	// requestID is empty for the first submission.
	requestID string
}

// submit prepares a submission. It runs before any transaction, because sealing may need a key.
func (s *service) submit(ctx context.Context, i institution, c company, business, registrationPaper []byte) (submission, error) {
	var err error
	if i.sealed, err = s.sealCompany(ctx, i.principal, c); err != nil {
		return submission{}, err
	}
	kept, err := s.sealPapers(ctx, i.submitted(), business, registrationPaper)
	return submission{institution: i, papers: kept, businessDigest: digestOf(business), registrationDigest: digestOf(registrationPaper)}, err
}

// registerInstitution makes an institution and makes its registration at the hub due, or returns the one made before.
func (s *service) registerInstitution(ctx context.Context, i institution, c company, r *addressv1.RegisterInstitutionRequest) (*addressv1.Institution, error) {
	wanted := described{listed{institution: i, state: addressRegistering}, c, r.GetInstitution().GetArchiveMemberships()}
	if made, err := s.madeBefore(ctx, wanted); made != nil || err != nil {
		return made, err
	}
	var err error
	if i.business, err = s.matcher.business(ctx, c.BusinessNumber); err != nil {
		return nil, err
	}
	if i.memberships, err = s.sealMemberships(ctx, i.principal, wanted.memberships); err != nil {
		return nil, err
	}
	given, err := s.submit(ctx, i, c, r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		free, err := insertAddress(ctx, tx, registration{address: i.address, principal: i.principal, state: addressRegistering, validFrom: i.createdAt}, i.createdAt)
		if err != nil {
			return err
		}
		if !free {
			return errAddressTaken()
		}
		if err := insertInstitution(ctx, tx, given.institution); err != nil {
			return err
		}
		if err := stateMembershipsRecorded(ctx, tx, given.institution, r.GetOperator(), i.createdAt); err != nil {
			return err
		}
		return given.ask(ctx, tx, r.GetOperator(), i.createdAt, i.createdAt)
	})
	if errors.Is(err, fault.Exists) {
		// Somebody took the address between the look-up and the insert, perhaps for the same institution.
		if made, lookErr := s.madeBefore(ctx, wanted); made != nil || lookErr != nil {
			return made, lookErr
		}
	}
	if err != nil {
		return nil, err
	}
	s.wakeUp()
	return institutionProto(wanted), nil
}

// madeBefore answers a repeated request with the institution as it is; nil if the address is free. Another institution with that
// address, or the same one with another description, is a fault.
func (s *service) madeBefore(ctx context.Context, wanted described) (*addressv1.Institution, error) {
	at, known, err := readInstitutionAt(ctx, s.db, wanted.address)
	if err != nil || !known {
		return nil, err
	}
	found, err := s.openInstitution(ctx, at)
	switch {
	case err != nil:
		return nil, err
	case found.company.BusinessNumber != wanted.company.BusinessNumber:
		return nil, errAddressTaken()
	case found.company != wanted.company || found.kind != wanted.kind || !sameMemberships(found.memberships, wanted.memberships):
		return nil, errInstitutionDiffers()
	}
	return institutionProto(found), nil
}

// resubmit lets the hub decide again about an address it refused, with these papers, and with this name if one is given. The
// refusal stays on record. A repeated request changes nothing and returns the institution as it is.
func (s *service) resubmit(ctx context.Context, at listed, name string, business, registrationPaper []byte, r request) (*addressv1.Institution, error) {
	found, err := s.openInstitution(ctx, at)
	if err != nil {
		return nil, err
	}
	if repeated, err := s.submittedBefore(ctx, r); repeated || err != nil {
		return institutionProto(found), err
	}
	if found.state != addressRefused {
		return nil, errAddressNotRefused()
	}
	next := found
	next.submission++
	next.state, next.refusal, next.askedAgainAt = addressRegistering, "", nil
	next.company.Name = cmp.Or(name, next.company.Name)
	given, err := s.submit(ctx, next.institution, next.company, business, registrationPaper)
	if err != nil {
		return nil, err
	}
	given.requestID = r.id
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error { return s.reopen(ctx, tx, given, r) })
	if err == nil {
		s.wakeUp()
		return institutionProto(next), nil
	}
	if errors.Is(err, fault.Conflict) {
		// The same request may have come first while this one was judged; then that one has ended the refusal.
		if repeated, lookErr := s.submittedBefore(ctx, r); repeated || lookErr != nil {
			return institutionProto(next), lookErr
		}
	}
	return nil, err
}

// reopen moves a refused address back to its first state.
func (s *service) reopen(ctx context.Context, tx *journal.Tx, given submission, r request) error {
	address, _, err := lockAddress(ctx, tx, given.institution.address)
	if err != nil {
		return err
	}
	updated, err := updateInstitution(ctx, tx, given.institution)
	switch {
	case err != nil:
		return err
	case !updated || address.state != addressRefused:
		return errAddressNotRefused()
	}
	now := s.clock.Now()
	address = address.become(addressRegistering)
	if err := updateAddress(ctx, tx, address, "", now); err != nil {
		return err
	}
	if err := insertSubmission(ctx, tx, given.institution, r, now); err != nil {
		return err
	}
	return given.ask(ctx, tx, r.operator, address.validFrom, now)
}

// submittedBefore reports whether the request came before; another content under its id is a fault.
func (s *service) submittedBefore(ctx context.Context, r request) (bool, error) {
	digest, err := submissionDigest(ctx, s.db, r)
	if err != nil || digest == nil {
		return false, err
	}
	if !bytes.Equal(digest, r.digest) {
		return false, errRequestIDReused()
	}
	return true, nil
}

// ask keeps the papers, states the submission and makes the registration at the hub due.
func (g submission) ask(ctx context.Context, tx *journal.Tx, operator string, validFrom, now time.Time) error {
	if err := keepPapers(ctx, tx, g.institution.principal, g.papers); err != nil {
		return err
	}
	if err := g.recordSubmitted(ctx, tx, operator, validFrom, now); err != nil {
		return err
	}
	return startOverAddress(ctx, tx, g.institution.address)
}

// openInstitution opens what of an institution is kept sealed, with the name and type that the hub has by now. With an error it
// gives what is kept in clear.
func (s *service) openInstitution(ctx context.Context, l listed) (described, error) {
	c, err := s.openCompany(ctx, l.principal, l.sealed)
	if err != nil {
		return described{listed: l}, err
	}
	memberships, err := s.openMemberships(ctx, l.institution)
	if err != nil {
		return described{listed: l}, err
	}
	now, err := s.atHub(ctx, described{l, c, nil}.asOwner())
	if err != nil {
		return described{listed: l}, err
	}
	c.Name, l.kind = now.name, now.kind
	return described{l, c, memberships}, nil
}

// asOwner is the institution as owner of its address. Each submission is a registration of its own, with a name of its own.
func (d described) asOwner() owner {
	return owner{address: d.address, basis: d.basis(), name: d.company.Name, kind: d.kind}
}

func (i institution) basis() string { return fmt.Sprintf("%s/%d", i.principal, i.submission) }

// submitted is the institution's latest submission.
func (i institution) submitted() submitted { return submitted{i.principal, i.submission} }

// newInstitution is one whose address is requested now.
func (s *service) newInstitution(address string, kind addressv1.OrganisationType) institution {
	return institution{principal: id.New(), address: address, kind: int16(kind), submission: 1, recorded: 1, createdAt: s.clock.Now()} //nolint:gosec // one of six
}

// digestOfRequest is the digest of everything an operator submits.
func digestOfRequest(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash never fails to take bytes
		_, _ = h.Write(part)
	}
	return h.Sum(nil)
}

func digestOf(content []byte) []byte {
	sum := sha256.Sum256(content)
	return sum[:]
}
