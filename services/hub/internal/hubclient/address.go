package hubclient

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/naru-relay/naru/pkg/proof"
)

// User types (이용자 구분, hub-interface 7.1).
const (
	TypePerson     = 0
	TypeSoleTrader = 5
	TypeOther      = 9
)

// Registration is what POST /api/eaddr takes (hub-interface 3.1).
type Registration struct {
	// Identifier is the CI of a person or the business number of an organisation.
	Identifier string
	Address    string
	Name       string
	// Type is one of 7.1. The dialect of 2021 has no sole traders, so they are written as other.
	Type         int
	RegisteredAt time.Time
	// BirthDate and Phone of a person are our extension; they are sent only if the hub has the search.
	BirthDate, Phone string
	// BusinessDocument (사업자등록증 사본) and RegistrationDocument (공인전자주소 등록 신청서) of an organisation, JPEG.
	BusinessDocument, RegistrationDocument []byte
}

type registrationBody struct {
	Idn       string `json:"idn"`
	Eaddr     string `json:"eaddr"`
	Name      string `json:"name"`
	Type      int    `json:"type"`
	RegDate   string `json:"regDate"`
	BirthDate string `json:"birthDate,omitempty"`
	Phone     string `json:"phone,omitempty"`
}

// Register writes the registration of an address: JSON for a person, multipart/mixed with both documents for everybody else.
func (c *Client) Register(r Registration) (Call, error) {
	body := registrationBody{Idn: r.Identifier, Eaddr: r.Address, Name: r.Name, Type: r.Type, RegDate: Date(r.RegisteredAt)}
	if r.Type == TypePerson {
		if c.config.Paths.Search != "" {
			body.BirthDate, body.Phone = r.BirthDate, r.Phone
		}
		return c.jsonCall(RegisterPerson, http.MethodPost, c.config.Paths.Address, body)
	}
	if body.Type == TypeSoleTrader && c.config.Dialect == Dialect2021 {
		body.Type = TypeOther
	}
	message, err := proof.Encode(body)
	if err != nil {
		return Call{}, fmt.Errorf("write call %s: %w", RegisterOrganisation, err)
	}
	contentType, mixed, err := documentParts(message, r.BusinessDocument, r.RegistrationDocument)
	if err != nil {
		return Call{}, fmt.Errorf("write call %s: %w", RegisterOrganisation, err)
	}
	return Call{
		Operation: RegisterOrganisation, Method: http.MethodPost, Target: c.config.Paths.Address,
		ContentType: contentType, Body: mixed, AnswerLimit: c.config.MaxAnswerBytes,
	}, nil
}

// documentParts writes the message and the two pictures, whose file names are fixed.
func documentParts(message, business, registration []byte) (contentType string, body []byte, err error) {
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	for _, p := range []struct {
		disposition, mediaType string
		content                []byte
	}{
		{`form-data; name="msg"`, "application/json", message},
		{`form-data; name="file"; filename="reg-doc.jpg"`, "image/jpeg", registration},
		{`form-data; name="file"; filename="biz-doc.jpg"`, "image/jpeg", business},
	} {
		part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Disposition": {p.disposition}, "Content-Type": {p.mediaType}})
		if err != nil {
			return "", nil, err
		}
		if _, err := part.Write(p.content); err != nil {
			return "", nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return "", nil, err
	}
	return "multipart/mixed; boundary=" + parts.Boundary(), b.Bytes(), nil
}

// Withdraw writes the withdrawal of an address (hub-interface 3.3).
func (c *Client) Withdraw(address string, at time.Time) (Call, error) {
	return c.jsonCall(Withdraw, http.MethodPatch, c.config.Paths.Address, struct {
		Eaddr   string `json:"eaddr"`
		DelDate string `json:"delDate"`
	}{address, Date(at)})
}

// Owner writes the question who owns an address (hub-interface 3.5).
func (c *Client) Owner(address string) Call {
	return c.getCall(Owner, c.config.Paths.Owner, "eaddr", address)
}

// LookUp writes the question which addresses an identifier has on this platform (hub-interface 3.2).
func (c *Client) LookUp(identifier string) Call {
	return c.getCall(LookUp, c.config.Paths.Address, "idn", identifier)
}

// Query of a search: an identifier, or the three facts of a person.
type Query struct {
	Identifier             string
	Name, BirthDate, Phone string
}

// CanSearch reports whether the hub is configured to have a search.
func (c *Client) CanSearch() bool { return c.config.Paths.Search != "" }

// Search writes the search for somebody's addresses on all platforms, which is our extension.
func (c *Client) Search(q Query) (Call, error) {
	return c.jsonCall(Search, http.MethodPost, c.config.Paths.Search, struct {
		Idn       string `json:"idn,omitempty"`
		Name      string `json:"name,omitempty"`
		BirthDate string `json:"birthDate,omitempty"`
		Phone     string `json:"phone,omitempty"`
	}{q.Identifier, q.Name, q.BirthDate, q.Phone})
}

// AddressOwner is what the hub says about an address; it never says the identifier.
type AddressOwner struct {
	Name         string
	Type         int
	RegisteredAt time.Time
}

// ReadOwner reads the answer to Owner.
func ReadOwner(a Answer) (AddressOwner, error) {
	var body struct {
		head
		Name    string `json:"name"`
		Type    *int   `json:"type"`
		RegDate string `json:"regDate"`
	}
	if err := a.readJSON(&body, &body.head); err != nil {
		return AddressOwner{}, err
	}
	if body.Type == nil {
		return AddressOwner{}, garbage("the owner's type is missing")
	}
	at, err := parseDate(body.RegDate)
	if err != nil {
		return AddressOwner{}, err
	}
	return AddressOwner{Name: body.Name, Type: *body.Type, RegisteredAt: at}, nil
}

// ReadAddresses reads the answer to LookUp.
func ReadAddresses(a Answer) ([]string, error) {
	var body struct {
		head
		Eaddrs []string `json:"eaddrs"`
	}
	if err := a.readJSON(&body, &body.head); err != nil {
		return nil, err
	}
	for _, address := range body.Eaddrs {
		if !isText(address, maxAddress) {
			return nil, garbage("an address is not 1-100 characters")
		}
	}
	return body.Eaddrs, nil
}

// Found is one hit of a search.
type Found struct {
	PlatformID string `json:"platformId"`
	Address    string `json:"eaddr"`
}

// ReadFound reads the answer to Search.
func ReadFound(a Answer) ([]Found, error) {
	var body struct {
		head
		Addresses []Found `json:"addresses"`
	}
	if err := a.readJSON(&body, &body.head); err != nil {
		return nil, err
	}
	for _, hit := range body.Addresses {
		if !isText(hit.PlatformID, maxPlatformID) || !isText(hit.Address, maxAddress) {
			return nil, garbage("a hit lacks its platform or its address")
		}
	}
	return body.Addresses, nil
}

// HoldsAddress reports whether address is among addresses; Latin letters do not differ by case (hub-interface 3.1).
func HoldsAddress(addresses []string, address string) bool {
	return slices.ContainsFunc(addresses, func(held string) bool {
		return strings.EqualFold(norm.NFC.String(held), norm.NFC.String(address))
	})
}
