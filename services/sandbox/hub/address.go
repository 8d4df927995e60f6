package hub

import (
	"context"
	"time"
)

// Owner types (hub interface 7.1).
const (
	ownerPerson     = 0
	ownerSoleTrader = 5 // later dialect only
)

// registration is the body of POST /api/eaddr.
type registration struct {
	Idn     string `json:"idn"`
	Eaddr   string `json:"eaddr"`
	Name    string `json:"name"`
	Type    *int   `json:"type"`
	RegDate string `json:"regDate"`
	// BirthDate and Phone of a person are ours: POST /api/eaddr/search finds persons by them.
	BirthDate *string `json:"birthDate"`
	Phone     *string `json:"phone"`
}

// ownerChange is the body of the two owner changes.
type ownerChange struct {
	Eaddr   string `json:"eaddr"`
	Name    string `json:"name"`
	Type    *int   `json:"type"`
	UpdDate string `json:"updDate"`
}

// owner is what the hub records about an address for a period.
type owner struct {
	platformID, eaddr, idn, name string
	ownerType                    int
	birthDate, phone             *string
	at                           time.Time
}

func (s *System) knownOwnerType(t int) bool {
	switch t {
	case ownerPerson, 1, 2, 3, 4, 9:
		return true
	case ownerSoleTrader:
		return s.config.Dialect == Dialect2023
	default:
		return false
	}
}

// check turns a registration into an owner, or returns a failure that names the first wrong field.
func (s *System) check(reg registration, platformID string) (owner, error) {
	at, dateOK := parseDate(reg.RegDate)
	switch {
	case !isAddress(reg.Eaddr):
		return owner{}, badForm("eaddr")
	case !isText(reg.Name, maxName):
		return owner{}, badForm("name")
	case reg.Type == nil || !s.knownOwnerType(*reg.Type):
		return owner{}, badForm("type")
	case !isIdn(reg.Idn, *reg.Type):
		return owner{}, badForm("idn")
	case !dateOK || s.future(at):
		return owner{}, badForm("regDate")
	}
	o := owner{
		platformID: platformID, eaddr: reg.Eaddr, idn: reg.Idn, name: reg.Name, ownerType: *reg.Type, at: at,
	}
	var err error
	if o.birthDate, err = digitsOf(reg.BirthDate, o.ownerType, "birthDate", 8, 8); err != nil {
		return owner{}, err
	}
	if o.phone, err = digitsOf(reg.Phone, o.ownerType, "phone", 9, 15); err != nil {
		return owner{}, err
	}
	return o, nil
}

// digitsOf reduces an optional personal detail to its digits. Only persons may have one.
func digitsOf(given *string, ownerType int, field string, least, most int) (*string, error) {
	if given == nil {
		return nil, nil //nolint:nilnil // absent stays absent
	}
	d := digits(*given)
	if ownerType != ownerPerson || len(d) < least || len(d) > most {
		return nil, badForm(field)
	}
	return &d, nil
}

// registerAddress serves POST /api/eaddr: JSON for persons, multipart/mixed with two documents for all other owners.
func (s *System) registerAddress(ctx context.Context, c call) (any, error) {
	sub, err := s.readSubmission(c)
	if err != nil {
		return nil, err
	}
	var reg registration
	if err := readJSON(sub.message, &reg); err != nil {
		return nil, err
	}
	o, err := s.check(reg, c.platformID)
	if err != nil {
		return nil, err
	}
	if (o.ownerType == ownerPerson) == sub.withDocuments() {
		return nil, badForm("Content-Type")
	}
	return success, s.storeAddress(ctx, o, sub.documents)
}

// withdrawAddress serves PATCH /api/eaddr.
func (s *System) withdrawAddress(ctx context.Context, c call) (any, error) {
	var req struct {
		Eaddr   string `json:"eaddr"`
		DelDate string `json:"delDate"`
	}
	if err := readMessage(c, s.config.MaxBodyBytes, &req); err != nil {
		return nil, err
	}
	if !isAddress(req.Eaddr) {
		return nil, badForm("eaddr")
	}
	at, ok := parseDate(req.DelDate)
	if !ok || s.future(at) {
		return nil, badForm("delDate")
	}
	return success, s.endAddress(ctx, c.platformID, req.Eaddr, at)
}

type addressesAnswer struct {
	result
	Name   *string  `json:"name,omitempty"`
	Eaddrs []string `json:"eaddrs"`
}

// lookUpAddress serves GET /api/eaddr. It returns addresses of other platforms to every platform; the real hub requires an
// agreement for that, which is assumed here.
func (s *System) lookUpAddress(ctx context.Context, c call) (any, error) {
	idn := c.r.URL.Query().Get("idn")
	if !isText(idn, maxIdn) {
		return nil, badForm("idn")
	}
	platformID := c.platformID
	if other := c.r.URL.Query().Get("platformId"); other != "" {
		if !isText(other, maxPlatformID) {
			return nil, badForm("platformId")
		}
		platformID = other
	}
	found, err := findByIdn(ctx, s.DB, platformID, idn, s.known(c))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errAddressUnknown
	}
	answer := addressesAnswer{result: success, Name: &found[len(found)-1].Name, Eaddrs: []string{}}
	for _, f := range found {
		answer.Eaddrs = append(answer.Eaddrs, f.Eaddr)
	}
	return answer, nil
}

// withdrawnAddresses serves GET /api/eaddr/canceled; without a history it returns an empty list.
func (s *System) withdrawnAddresses(ctx context.Context, c call) (any, error) {
	idn := c.r.URL.Query().Get("idn")
	if !isText(idn, maxIdn) {
		return nil, badForm("idn")
	}
	eaddrs, err := findWithdrawn(ctx, s.DB, c.platformID, idn, s.known(c))
	return addressesAnswer{result: success, Eaddrs: eaddrs}, err
}

// addressOwner serves GET /api/eaddr/user for addresses of the caller's platform.
func (s *System) addressOwner(ctx context.Context, c call) (any, error) {
	eaddr := c.r.URL.Query().Get("eaddr")
	if !isAddress(eaddr) {
		return nil, badForm("eaddr")
	}
	o, err := findOwner(ctx, s.DB, c.platformID, eaddr, s.known(c))
	if err != nil {
		return nil, err
	}
	return struct {
		result
		Name    string `json:"name"`
		Type    int    `json:"type"`
		RegDate string `json:"regDate"`
	}{success, o.name, o.ownerType, formatDate(o.at)}, nil
}

// changePerson serves PATCH /api/eaddr/user/individual.
func (s *System) changePerson(ctx context.Context, c call) (any, error) {
	body, err := readJSONBody(c, s.config.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, c, body, nil, true)
}

// changeCompany serves POST /api/eaddr/user/company. A change of the name needs both documents; a change of only the type is
// plain JSON.
func (s *System) changeCompany(ctx context.Context, c call) (any, error) {
	sub, err := s.readSubmission(c)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, c, sub.message, sub.documents, false)
}

func (s *System) change(ctx context.Context, c call, message []byte, docs []document, person bool) (any, error) {
	var req ownerChange
	if err := readJSON(message, &req); err != nil {
		return nil, err
	}
	at, dateOK := parseDate(req.UpdDate)
	typeOK := req.Type == nil
	if !person && req.Type != nil {
		typeOK = s.knownOwnerType(*req.Type) && *req.Type != ownerPerson
	}
	switch {
	case !isAddress(req.Eaddr):
		return nil, badForm("eaddr")
	case !isText(req.Name, maxName):
		return nil, badForm("name")
	case !typeOK:
		return nil, badForm("type")
	case !dateOK || s.future(at):
		return nil, badForm("updDate")
	}
	return success, s.changeAddress(ctx, c.platformID, req, at, docs, person)
}

// PlatformAddress is one hit of the search by personal data.
type PlatformAddress struct {
	PlatformID string `json:"platformId"`
	Eaddr      string `json:"eaddr"`
}

// searchAddress serves POST /api/eaddr/search (ours). It takes either idn, or name, birthDate and phone together, and returns
// addresses of all platforms. The guide requires this search (5.2.1, 공인전자주소 검색), but no public source describes it.
func (s *System) searchAddress(ctx context.Context, c call) (any, error) {
	var req struct {
		Idn       *string `json:"idn"`
		Name      *string `json:"name"`
		BirthDate *string `json:"birthDate"`
		Phone     *string `json:"phone"`
	}
	if err := readMessage(c, s.config.MaxBodyBytes, &req); err != nil {
		return nil, err
	}
	var hits []PlatformAddress
	var err error
	byPerson := req.Name != nil || req.BirthDate != nil || req.Phone != nil
	switch {
	case req.Idn != nil && byPerson:
		return nil, badForm("idn")
	case req.Idn != nil:
		if !isText(*req.Idn, maxIdn) {
			return nil, badForm("idn")
		}
		hits, err = searchByIdn(ctx, s.DB, *req.Idn, s.known(c))
	case req.Name == nil || !isText(*req.Name, maxName):
		return nil, badForm("name")
	case req.BirthDate == nil || len(digits(*req.BirthDate)) != 8:
		return nil, badForm("birthDate")
	case req.Phone == nil || digits(*req.Phone) == "":
		return nil, badForm("phone")
	default:
		hits, err = searchByPerson(ctx, s.DB, *req.Name, digits(*req.BirthDate), digits(*req.Phone), s.known(c))
	}
	if err != nil {
		return nil, err
	}
	return struct {
		result
		Addresses []PlatformAddress `json:"addresses"`
	}{success, hits}, nil
}
