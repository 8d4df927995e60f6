package address

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// addressCheckServer serves operators.
type addressCheckServer struct {
	addressv1.UnsafeAddressCheckServiceServer
	*service
}

var _ addressv1.AddressCheckServiceServer = (*addressCheckServer)(nil)

// maxChecked bounds the calls to the hub that one request makes.
const maxChecked = 20

// CheckAddresses asks the hub about the given addresses, or about a page of all.
func (s *addressCheckServer) CheckAddresses(ctx context.Context, r *addressv1.CheckAddressesRequest) (*addressv1.CheckAddressesResponse, error) {
	asked, next, err := s.toCheck(ctx, r)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.CheckAddressesResponse{NextPageToken: next}
	for _, address := range asked {
		one, err := s.checkAddress(ctx, address)
		if err != nil {
			return nil, err
		}
		answer.Addresses = append(answer.Addresses, one)
	}
	return answer, nil
}

func (s *addressCheckServer) toCheck(ctx context.Context, r *addressv1.CheckAddressesRequest) (addresses []string, next string, err error) {
	if len(r.GetAddresses()) > 0 {
		for _, given := range r.GetAddresses() {
			addresses = append(addresses, foldAddress(given))
		}
		return addresses, "", nil
	}
	after, err := page.After(r.GetPageToken(), "", errPageToken())
	if err != nil {
		return nil, "", err
	}
	size := maxChecked
	if n := int(r.GetPageSize()); n > 0 {
		size = n
	}
	const list = `select address from address where address > $1 order by address limit $2`
	found, err := pg.All(ctx, s.db, "list addresses", pgx.RowTo[string], list, after, size+1)
	if err != nil {
		return nil, "", err
	}
	return page.Cut(found, size, func(last string) string { return last })
}

// checkAddress compares one address with what the hub says of it now.
func (s *service) checkAddress(ctx context.Context, address string) (*addressv1.CheckedAddress, error) {
	r, known, err := readAddress(ctx, s.db, address)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errAddressUnknown()
	}
	says, err := s.hub.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: r.address})
	s.metrics.registration(ctx, callOwner, outcomeOf(err))
	if err != nil {
		return nil, errHubUnavailable(err)
	}
	checked := &addressv1.CheckedAddress{Address: r.address, State: addressState(r.state), Differences: presence(r, says)}
	switch {
	case r.state == addressWithdrawn && r.removedAt != nil:
		err = s.checkHistory(ctx, r, checked)
	case r.state == addressRegistered && says.GetExists():
		err = s.checkOwner(ctx, r, says, checked)
	}
	return checked, err
}

// presence compares whether the hub has the address. While the hub is to be told of it, both are right.
func presence(r registration, says *hubv1.GetAddressOwnerResponse) (found []addressv1.AddressDifference) {
	switch {
	case r.state == addressRegistered && !says.GetExists():
		found = append(found, addressv1.AddressDifference_ADDRESS_DIFFERENCE_MISSING_AT_HUB)
	case r.state == addressWithdrawn && r.removedAt != nil && says.GetExists():
		found = append(found, addressv1.AddressDifference_ADDRESS_DIFFERENCE_STILL_AT_HUB)
	case r.sought() && says.GetExists():
		found = append(found, addressv1.AddressDifference_ADDRESS_DIFFERENCE_UNEXPECTED_AT_HUB)
	}
	if r.state == addressRegistered && says.GetExists() && !says.GetRegisteredAt().AsTime().Equal(r.validFrom.Truncate(time.Second)) {
		found = append(found, addressv1.AddressDifference_ADDRESS_DIFFERENCE_REGISTERED_AT)
	}
	return found
}

// checkOwner compares name and type. While a change of them is open, the hub may have either.
func (s *service) checkOwner(ctx context.Context, r registration, says *hubv1.GetAddressOwnerResponse, checked *addressv1.CheckedAddress) error {
	o, _, err := s.ownerAtHub(ctx, r)
	if checked.Unreadable, err = s.unreadable(ctx, "owner of an address", ownerText(r.principal)+ownerText(r.recipient), err); err != nil || checked.Unreadable {
		return err
	}
	_, open, err := openNameChange(ctx, s.db, r.address)
	if err != nil || open {
		return err
	}
	if says.GetName() != o.name {
		checked.Differences = append(checked.Differences, addressv1.AddressDifference_ADDRESS_DIFFERENCE_NAME)
	}
	// A hub of the dialect of 2021 has no sole traders: the hub unit tells it that they are other.
	soleTraderOf2021 := o.kind == int16(addressv1.OrganisationType_ORGANISATION_TYPE_SOLE_TRADER) &&
		says.GetType() == int32(addressv1.OrganisationType_ORGANISATION_TYPE_OTHER)
	if says.GetType() != int32(o.kind) && !soleTraderOf2021 {
		checked.Differences = append(checked.Differences, addressv1.AddressDifference_ADDRESS_DIFFERENCE_TYPE)
	}
	return nil
}

// checkHistory looks a withdrawn address up in the hub's history of its owner.
func (s *service) checkHistory(ctx context.Context, r registration, checked *addressv1.CheckedAddress) error {
	_, identifier, err := s.ownerAtHub(ctx, r)
	if checked.Unreadable, err = s.unreadable(ctx, "owner of an address", ownerText(r.recipient), err); err != nil || checked.Unreadable {
		return err
	}
	history, err := s.hub.GetWithdrawnAddresses(ctx, &hubv1.GetWithdrawnAddressesRequest{Identifier: identifier})
	s.metrics.registration(ctx, callWithdrawn, outcomeOf(err))
	if err != nil {
		return errHubUnavailable(err)
	}
	if !slices.ContainsFunc(history.GetAddresses(), func(held string) bool { return foldAddress(held) == r.address }) {
		checked.Differences = append(checked.Differences, addressv1.AddressDifference_ADDRESS_DIFFERENCE_NOT_IN_HISTORY)
	}
	return nil
}

// ownerAtHub is the owner of an address as the hub was told last, and its identifier there (hub-interface 3.1).
func (s *service) ownerAtHub(ctx context.Context, r registration) (o owner, identifier string, err error) {
	if !r.ofMember() {
		i, known, err := readInstitution(ctx, s.db, r.principal)
		if err != nil || !known {
			return o, "", errors.Join(err, missing(known || err != nil, "institution of an address"))
		}
		found, err := s.openInstitution(ctx, i)
		return found.asOwner(), found.company.BusinessNumber, err
	}
	i, known, err := readIdentity(ctx, s.db, r.recipient)
	if err != nil || !known {
		return o, "", errors.Join(err, missing(known || err != nil, "identity of an address"))
	}
	if i.organisation() {
		return s.organisationOwner(ctx, r, i.application)
	}
	p, err := s.openPerson(ctx, i)
	if err != nil {
		return o, "", err
	}
	o, err = s.atHub(ctx, owner{address: r.address, basis: r.address, name: p.Name})
	return o, p.CI, err
}

func (s *service) organisationOwner(ctx context.Context, r registration, application uuid.UUID) (owner, string, error) {
	by, known, err := readApplication(ctx, s.db, application)
	if err != nil || !known {
		return owner{}, "", errors.Join(err, missing(known || err != nil, "application of an organisation"))
	}
	c, err := s.openCompany(ctx, by.id, by.sealed)
	if err != nil {
		return owner{}, "", err
	}
	o, err := s.atHub(ctx, owner{address: r.address, basis: by.id.String(), name: c.Name, kind: by.kind})
	return o, c.BusinessNumber, err
}
