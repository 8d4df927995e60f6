package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/services/client/poll"
	"github.com/naru-relay/naru/services/client/sample"
	"github.com/naru-relay/naru/services/client/sandbox"
)

// invited waits until the recipient, who is a member nowhere, was invited, and has the relay confirm the invitation by its code.
func (w *walk) invited(ctx context.Context) (string, error) {
	operator, err := sandbox.Operator(w.endpoints.Sandbox, w.http, w.endpoints.Sandbox.IDP)
	if err != nil {
		return "", err
	}
	var received []sandbox.Invitation
	err = poll.Until(ctx, "the invitation on the recipient's phone", func(ctx context.Context) (bool, error) {
		received, err = sandbox.Invitations(ctx, operator, w.person.Phone)
		return len(received) > 0, err
	})
	if err != nil {
		return "", err
	}
	told := received[len(received)-1].Body
	if strings.Contains(fmt.Sprint(told), sample.Title) {
		return "", errors.New("the invitation tells the title")
	}
	confirmed, err := w.sender.Invitation(ctx, told.Code)
	if err != nil {
		return "", err
	}
	if confirmed.GetSender() != told.Sender || confirmed.GetSender() != w.institution.GetName() {
		return "", errors.New("the relay confirms another sender")
	}
	return fmt.Sprintf("%s invites for %s, code %s confirmed by the relay", told.Relay, told.Sender, told.Code), nil
}
