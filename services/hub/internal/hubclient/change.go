package hubclient

import (
	"fmt"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/proof"
)

// Change of an organisation that owns an address (hub-interface 3.7).
type Change struct {
	Address string
	// Name is the new name, or the present one if only the type changes.
	Name string
	// Type is the new one of 7.1; nil leaves it as it is, and must be nil unless CanChangeType.
	Type *int
	// ChangedAt is when it changed at the relay.
	ChangedAt time.Time
	// The two documents, JPEG, prove another name. Without them only the type changes.
	BusinessDocument, RegistrationDocument []byte
}

type changeBody struct {
	Eaddr   string `json:"eaddr"`
	Name    string `json:"name"`
	Type    *int   `json:"type,omitempty"`
	UpdDate string `json:"updDate"`
}

// ChangePerson writes another name of a person who owns an address (hub-interface 3.6).
func (c *Client) ChangePerson(address, name string, at time.Time) (Call, error) {
	return c.jsonCall(ChangePerson, http.MethodPatch, c.config.Paths.ChangePerson, changeBody{Eaddr: address, Name: name, UpdDate: Date(at)})
}

// CanChangeType reports whether the hub's dialect has a field for another type of an organisation.
func (c *Client) CanChangeType() bool { return c.config.Dialect != Dialect2021 }

// ChangeOrganisation writes a change of an organisation: multipart/mixed with both documents, or JSON if only the type changes.
func (c *Client) ChangeOrganisation(ch Change) (Call, error) {
	body := changeBody{Eaddr: ch.Address, Name: ch.Name, Type: ch.Type, UpdDate: Date(ch.ChangedAt)}
	if ch.BusinessDocument == nil {
		return c.jsonCall(ChangeOrganisation, http.MethodPost, c.config.Paths.ChangeOrganisation, body)
	}
	message, err := proof.Encode(body)
	if err != nil {
		return Call{}, fmt.Errorf("write call %s: %w", ChangeOrganisation, err)
	}
	contentType, mixed, err := documentParts(message, ch.BusinessDocument, ch.RegistrationDocument)
	if err != nil {
		return Call{}, fmt.Errorf("write call %s: %w", ChangeOrganisation, err)
	}
	return Call{
		Operation: ChangeOrganisation, Method: http.MethodPost, Target: c.config.Paths.ChangeOrganisation,
		ContentType: contentType, Body: mixed, AnswerLimit: c.config.MaxAnswerBytes,
	}, nil
}

// Withdrawn writes the question which addresses an identifier has withdrawn on this platform (hub-interface 3.4).
func (c *Client) Withdrawn(identifier string) Call {
	return c.getCall(Withdrawn, c.config.Paths.Withdrawn, "idn", identifier)
}
