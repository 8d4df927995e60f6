package relay

import (
	"context"
	"fmt"
	"net/http"

	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/client/poll"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// AwaitRegistered waits until an institution's certified address is registered at the hub.
func (c *Client) AwaitRegistered(ctx context.Context, id string) (*addressv1.Institution, error) {
	var institution *addressv1.Institution
	err := poll.Until(ctx, "the registration of the address at the hub", func(ctx context.Context) (bool, error) {
		var err error
		if institution, err = c.Institution(ctx, id); err != nil {
			return false, err
		}
		switch state := institution.GetAddressState(); state {
		case addressv1.AddressState_ADDRESS_STATE_REGISTERED:
			return true, nil
		case addressv1.AddressState_ADDRESS_STATE_REFUSED, addressv1.AddressState_ADDRESS_STATE_WITHDRAWN:
			return false, notRegistered(institution)
		default:
			return false, nil
		}
	})
	return institution, err
}

// notRegistered tells why an institution's address is not registered, and whether it may still be.
func notRegistered(i *addressv1.Institution) error {
	switch {
	case i.GetAskedAgainAt() != nil:
		return fmt.Errorf("the address is %s (%s); the hub is asked again by itself, next at %s", Word(i.GetAddressState()), i.GetRefusal(), Time(i.GetAskedAgainAt()))
	case i.GetRefusal() != "":
		return fmt.Errorf("the address is %s (%s)", Word(i.GetAddressState()), i.GetRefusal())
	default:
		return fmt.Errorf("the address is %s", Word(i.GetAddressState()))
	}
}

// Join makes the recipient of this session a member, and waits until the hub has confirmed the address.
func (c *Client) Join(ctx context.Context, termsVersion string) (*addressv1.Membership, error) {
	in := &addressv1.JoinRequest{TermsVersion: termsVersion, Consent: true, DesignateInbox: true}
	out := &addressv1.JoinResponse{}
	if err := c.rest.Call(ctx, http.MethodPost, "/v1/membership", nil, in, out); err != nil {
		return nil, err
	}
	membership := out.GetMembership()
	err := poll.Until(ctx, "the registration of the member's address at the hub", func(ctx context.Context) (bool, error) {
		answer := &addressv1.GetMembershipResponse{}
		if err := c.rest.Call(ctx, http.MethodGet, "/v1/membership", nil, nil, answer); err != nil {
			return false, err
		}
		membership = answer.GetMembership()
		switch membership.GetState() {
		case addressv1.MemberState_MEMBER_STATE_ACTIVE:
			return true, nil
		case addressv1.MemberState_MEMBER_STATE_WITHDRAWN:
			return false, fmt.Errorf("the membership is withdrawn")
		default:
			return false, nil
		}
	})
	return membership, err
}

// AwaitStatus waits until wanted accepts the document's status. A final state that is not wanted is an error.
func (c *Client) AwaitStatus(ctx context.Context, edocNum, what string, wanted func(*statusv1.DocumentStatus) bool) (*statusv1.DocumentStatus, error) {
	var status *statusv1.DocumentStatus
	err := poll.Until(ctx, what, func(ctx context.Context) (bool, error) {
		var err error
		if status, err = c.Status(ctx, edocNum); err != nil {
			// Status is a projection, so right after acceptance it may not have the number yet.
			if rest.Reason(err) == reasonDocumentNotFound {
				return false, nil
			}
			return false, err
		}
		if wanted(status) {
			return true, nil
		}
		if IsFailed(status.GetState()) {
			return false, fmt.Errorf("the document ended as %s %s", Word(status.GetState()), status.GetReason())
		}
		return false, nil
	})
	return status, err
}

const reasonDocumentNotFound = "DOCUMENT_NOT_FOUND"

// IsFailed reports whether a state is final and no delivery.
func IsFailed(s statusv1.DocumentState) bool {
	switch s {
	case statusv1.DocumentState_DOCUMENT_STATE_REFUSED, statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AMBIGUOUS,
		statusv1.DocumentState_DOCUMENT_STATE_EXPIRED, statusv1.DocumentState_DOCUMENT_STATE_CANCELLED, statusv1.DocumentState_DOCUMENT_STATE_FAILED:
		return true
	default:
		return false
	}
}

// AwaitCertificate waits until a certificate is issued.
func (c *Client) AwaitCertificate(ctx context.Context, id string) (*certificatev1.Certificate, error) {
	var certificate *certificatev1.Certificate
	err := poll.Until(ctx, "the distribution certificate", func(ctx context.Context) (bool, error) {
		var err error
		if certificate, err = c.Certificate(ctx, id); err != nil {
			return false, err
		}
		switch certificate.GetState() {
		case certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED:
			return true, nil
		case certificatev1.CertificateState_CERTIFICATE_STATE_FAILED:
			return false, fmt.Errorf("no certificate was issued: %s", certificate.GetReason())
		default:
			return false, nil
		}
	})
	return certificate, err
}

// AwaitFigures waits until a certificate of figures is issued.
func (c *Client) AwaitFigures(ctx context.Context, id string) (*certificatev1.Figures, error) {
	var figures *certificatev1.Figures
	err := poll.Until(ctx, "the certificate of figures", func(ctx context.Context) (bool, error) {
		var err error
		if figures, err = c.Figures(ctx, id); err != nil {
			return false, err
		}
		switch figures.GetState() {
		case certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED:
			return true, nil
		case certificatev1.CertificateState_CERTIFICATE_STATE_FAILED:
			return false, fmt.Errorf("no figures were issued: %s", figures.GetReason())
		default:
			return false, nil
		}
	})
	return figures, err
}
