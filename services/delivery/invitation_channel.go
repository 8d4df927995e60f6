package delivery

import (
	"context"
	"errors"
	"net/http"

	"github.com/naru-relay/naru/pkg/clock"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// webhook is the operator's own messaging: the same kind of hook as for notices, and often the same one.
type webhook struct{ *hook }

func newWebhook(i Invitation, c clock.Clock) (webhook, error) {
	h, err := newHook(i.Webhook, i.Workers, i.Timeout.Std(), c)
	return webhook{h}, err
}

// invited is what the hook gets.
type invited struct {
	Type    string  `json:"type"`
	Contact contact `json:"contact"`
	Relay   string  `json:"relay"`
	Sender  string  `json:"sender"`
	Code    string  `json:"code"`
	Join    string  `json:"join"`
}

type contact struct {
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// reaches prefers the phone: a number that is no longer somebody's is known to its operator.
func (webhook) reaches(c *platformv1.Contact) (by, to string, ok bool) {
	if c.GetPhone() != "" {
		return byPhone, c.GetPhone(), true
	}
	return byEmail, c.GetEmail(), c.GetEmail() != ""
}

func (w webhook) invite(ctx context.Context, i invitation) error {
	content := invited{Type: "recipient.invited", Relay: i.relay, Sender: i.sender, Code: i.code, Join: i.join}
	if i.by == byPhone {
		content.Contact.Phone = i.to
	} else {
		content.Contact.Email = i.to
	}
	err := w.post(ctx, i.message, content)
	var answer *answerError
	if errors.As(err, &answer) && answer.reason == noSuchPerson() &&
		(answer.status == http.StatusNotFound || answer.status == http.StatusUnprocessableEntity) {
		return errNoSuchPerson
	}
	return err
}
