package address

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeHub plays the hub unit for address: it remembers registrations and says where somebody is a member.
type fakeHub struct {
	hubv1.UnimplementedHubServiceServer

	mu sync.Mutex
	// down answers every call with HUB_UNAVAILABLE; lossy does the work first and then answers the same.
	down, lossy bool
	// refuse answers registrations with HUB_REFUSED, taken with ADDRESS_TAKEN.
	refuse, taken bool
	// refusePaper answers HUB_REFUSED to registrations with this registration paper.
	refusePaper []byte
	// refuseSearches answers searches with HUB_REFUSED, like a hub unit without a path for them.
	refuseSearches bool
	// hold, if set, blocks registrations and searches until it is closed; held counts the blocked ones.
	hold chan struct{}
	held int
	// elsewhere holds the members of other relays by identifier.
	elsewhere map[string][]*platformv1.PlatformAddress
	// registered holds registrations by address.
	registered    map[string]hubRegistration
	withdrawn     map[string]time.Time
	registrations []hubRegistration
	searches      int
	// refuseNames answers changes of names with HUB_REFUSED, unknownNames with ADDRESS_UNKNOWN; changes holds all that were told.
	refuseNames, unknownNames bool
	changes                   []hubChange
	// histories holds the withdrawn addresses by identifier.
	histories map[string][]string
}

// hubChange is one call that told another name or type.
type hubChange struct {
	address, name          string
	kind                   int
	at                     time.Time
	business, registration []byte
}

// hubRegistration is one call that registered an address.
type hubRegistration struct {
	address, idn, name, birth, phone string
	kind                             int
	at                               time.Time
	business, registration           []byte
}

func newFakeHub() *fakeHub {
	return &fakeHub{elsewhere: map[string][]*platformv1.PlatformAddress{}, registered: map[string]hubRegistration{}, withdrawn: map[string]time.Time{}, histories: map[string][]string{}}
}

func (h *fakeHub) register(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, h) }

func (h *fakeHub) set(change func(h *fakeHub)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

// identifierOf returns the key by which the fake distinguishes recipients.
func identifierOf(r *platformv1.RecipientIdentifier) string {
	switch {
	case r.Ci != nil:
		return r.GetCi()
	case r.Person != nil:
		return r.GetPerson().GetName() + "/" + r.GetPerson().GetBirthDate() + "/" + r.GetPerson().GetPhone()
	default:
		return r.GetBusinessNumber()
	}
}

func unavailable() error {
	return fault.New(fault.Unavailable, "hub.naru", hubv1.Reason_REASON_HUB_UNAVAILABLE, "the hub does not answer")
}

func (h *fakeHub) wait(ctx context.Context) error {
	h.mu.Lock()
	hold := h.hold
	if hold != nil {
		h.held++
	}
	h.mu.Unlock()
	if hold == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-hold:
		return nil
	}
}

func (h *fakeHub) keep(ctx context.Context, r hubRegistration) (already bool, exchange string, err error) {
	if err := h.wait(ctx); err != nil {
		return false, "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.registrations = append(h.registrations, r)
	switch {
	case h.down:
		return false, "", unavailable()
	case h.refuse, h.refusePaper != nil && bytes.Equal(h.refusePaper, r.registration):
		return false, "", fault.New(fault.Conflict, "hub.naru", hubv1.Reason_REASON_HUB_REFUSED, "the hub refused", fault.WithMetadata("errCode", "ERR-01-201"))
	case h.taken:
		return false, "", fault.New(fault.Conflict, "hub.naru", hubv1.Reason_REASON_ADDRESS_TAKEN, "the address belongs to somebody else")
	}
	_, already = h.registered[r.address]
	h.registered[r.address] = r
	if h.lossy {
		return false, "", unavailable()
	}
	return already, uuid.NewString(), nil
}

func (h *fakeHub) RegisterPersonAddress(ctx context.Context, r *hubv1.RegisterPersonAddressRequest) (*hubv1.RegisterPersonAddressResponse, error) {
	already, exchange, err := h.keep(ctx, hubRegistration{
		address: r.GetAddress(), idn: r.GetCi(), name: r.GetName(), birth: r.GetBirthDate(), phone: r.GetPhone(), at: r.GetRegisteredAt().AsTime(),
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterPersonAddressResponse{AlreadyRegistered: already, Exchange: exchange}, nil
}

func (h *fakeHub) RegisterOrganisationAddress(ctx context.Context, r *hubv1.RegisterOrganisationAddressRequest) (*hubv1.RegisterOrganisationAddressResponse, error) {
	already, exchange, err := h.keep(ctx, hubRegistration{
		address: r.GetAddress(), idn: r.GetBusinessNumber(), name: r.GetName(), kind: int(r.GetType()), at: r.GetRegisteredAt().AsTime(),
		business: r.GetBusinessDocument(), registration: r.GetRegistrationDocument(),
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterOrganisationAddressResponse{AlreadyRegistered: already, Exchange: exchange}, nil
}

func (h *fakeHub) GetAddressOwner(_ context.Context, r *hubv1.GetAddressOwnerRequest) (*hubv1.GetAddressOwnerResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, unavailable()
	}
	held, exists := h.registered[r.GetAddress()]
	if !exists {
		return &hubv1.GetAddressOwnerResponse{}, nil
	}
	return &hubv1.GetAddressOwnerResponse{
		Exists: true, Name: held.name, Type: int32(held.kind), RegisteredAt: timestamppb.New(held.at.Truncate(time.Second)),
	}, nil
}

func (h *fakeHub) WithdrawAddress(_ context.Context, r *hubv1.WithdrawAddressRequest) (*hubv1.WithdrawAddressResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, unavailable()
	}
	if held, ok := h.registered[r.GetAddress()]; ok {
		h.histories[held.idn] = append(h.histories[held.idn], r.GetAddress())
	}
	delete(h.registered, r.GetAddress())
	h.withdrawn[r.GetAddress()] = r.GetWithdrawnAt().AsTime()
	return &hubv1.WithdrawAddressResponse{Exchange: uuid.NewString()}, nil
}

func (h *fakeHub) SearchRecipient(ctx context.Context, r *hubv1.SearchRecipientRequest) (*hubv1.SearchRecipientResponse, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.searches++
	switch {
	case h.down:
		return nil, unavailable()
	case h.refuseSearches:
		return nil, fault.New(fault.Conflict, "hub.naru", hubv1.Reason_REASON_HUB_REFUSED, "the hub refused")
	}
	who := identifierOf(r.GetRecipient())
	found := slices.Clone(h.elsewhere[who])
	for address, reg := range h.registered {
		if reg.idn == who || reg.name+"/"+reg.birth+"/"+reg.phone == who {
			found = append(found, &platformv1.PlatformAddress{PlatformId: unittest.Platform, Address: address})
		}
	}
	return &hubv1.SearchRecipientResponse{Addresses: found, Exchange: uuid.NewString()}, nil
}

func (h *fakeHub) searched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.searches
}

// rename does what a change of a name does at the hub.
func (h *fakeHub) rename(ctx context.Context, c hubChange) (string, error) {
	if err := h.wait(ctx); err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = append(h.changes, c)
	held, known := h.registered[c.address]
	switch {
	case h.down:
		return "", unavailable()
	case h.refuseNames:
		return "", fault.New(fault.Conflict, "hub.naru", hubv1.Reason_REASON_HUB_REFUSED, "the hub refused", fault.WithMetadata("errCode", "ERR-01-201"))
	case !known || h.unknownNames:
		return "", fault.New(fault.Conflict, "hub.naru", hubv1.Reason_REASON_ADDRESS_UNKNOWN, "the hub knows no such address")
	}
	if held.name = c.name; c.kind != 0 {
		held.kind = c.kind
	}
	h.registered[c.address] = held
	if h.lossy {
		return "", unavailable()
	}
	return uuid.NewString(), nil
}

func (h *fakeHub) ChangePersonName(ctx context.Context, r *hubv1.ChangePersonNameRequest) (*hubv1.ChangePersonNameResponse, error) {
	exchange, err := h.rename(ctx, hubChange{address: r.GetAddress(), name: r.GetName(), at: r.GetChangedAt().AsTime()})
	if err != nil {
		return nil, err
	}
	return &hubv1.ChangePersonNameResponse{Exchange: exchange}, nil
}

func (h *fakeHub) ChangeOrganisation(ctx context.Context, r *hubv1.ChangeOrganisationRequest) (*hubv1.ChangeOrganisationResponse, error) {
	exchange, err := h.rename(ctx, hubChange{
		address: r.GetAddress(), name: r.GetName(), kind: int(r.GetType()), at: r.GetChangedAt().AsTime(),
		business: r.GetBusinessDocument(), registration: r.GetRegistrationDocument(),
	})
	if err != nil {
		return nil, err
	}
	return &hubv1.ChangeOrganisationResponse{Exchange: exchange}, nil
}

func (h *fakeHub) GetWithdrawnAddresses(_ context.Context, r *hubv1.GetWithdrawnAddressesRequest) (*hubv1.GetWithdrawnAddressesResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &hubv1.GetWithdrawnAddressesResponse{Addresses: slices.Clone(h.histories[r.GetIdentifier()])}, nil
}

// renamed returns the changes of names that the hub was told.
func (h *fakeHub) renamed() []hubChange {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.changes)
}
