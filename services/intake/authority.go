package intake

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// authorities knows who may act for an organisation; it is an addressv1.AddressServiceClient.
type authorities interface {
	TakeAuthority(ctx context.Context, in *addressv1.TakeAuthorityRequest, opts ...grpc.CallOption) (*addressv1.TakeAuthorityResponse, error)
}

// Scopes that are asked about anew where a person acts for an organisation: what is sent or approved has effect at once.
const (
	scopeSend         = "documents.send"
	scopeApprove      = "authorisations"
	scopeCertificates = "certificates"
)

// authority judges who may send and approve in a session.
type authority struct{ address authorities }

// may is an error if a person may not do, for the organisation whose session it holds, what the scopes are for. Whoever acts for
// itself may.
func (a authority) may(ctx context.Context, caller authn.Principal, scopes ...string) error {
	if caller.Actor == "" {
		return nil
	}
	held, err := a.address.TakeAuthority(ctx, &addressv1.TakeAuthorityRequest{Person: caller.Actor, Organisation: caller.ID})
	switch {
	case fault.KindOf(err) == fault.Denied:
		return notAuthorised()
	case err != nil:
		return fault.New(fault.Unavailable, domain, nil, "whether you may do this for the organisation cannot be found out now",
			fault.WithRetryAfter(overloadedRetry), fault.Wrap(err))
	}
	for _, scope := range scopes {
		if !slices.Contains(held.GetScopes(), scope) {
			return notAuthorised()
		}
	}
	return nil
}

func notAuthorised() *fault.Error {
	return fault.New(fault.Denied, domain, intakev1.Reason_REASON_NOT_AUTHORISED, "the person may not do this for the organisation")
}
