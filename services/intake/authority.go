package intake

import (
	"context"

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

// authority judges who may send in a session.
type authority struct{ address authorities }

// maySend is an error if a person may not send for the organisation whose session it holds. Whoever acts for itself may.
func (a authority) maySend(ctx context.Context, caller authn.Principal) error {
	if caller.Actor == "" {
		return nil
	}
	held, err := a.address.TakeAuthority(ctx, &addressv1.TakeAuthorityRequest{Person: caller.Actor, Organisation: caller.ID})
	switch {
	case fault.KindOf(err) == fault.Denied:
		return notAuthorised()
	case err != nil:
		return fault.New(fault.Unavailable, domain, nil, "whether you may send for the organisation cannot be found out now",
			fault.WithRetryAfter(overloadedRetry), fault.Wrap(err))
	case held.GetRole() != addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE:
		return notAuthorised()
	}
	return nil
}

func notAuthorised() *fault.Error {
	return fault.New(fault.Denied, domain, intakev1.Reason_REASON_NOT_AUTHORISED, "only its representatives send for an organisation")
}
