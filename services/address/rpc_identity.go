package address

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// identityServer serves operators.
type identityServer struct {
	addressv1.UnsafeIdentityServiceServer
	*service
}

var _ addressv1.IdentityServiceServer = (*identityServer)(nil)

// ListAlikeIdentities lists identities that look like one person.
func (s *identityServer) ListAlikeIdentities(ctx context.Context, r *addressv1.ListAlikeIdentitiesRequest) (*addressv1.ListAlikeIdentitiesResponse, error) {
	after, err := page.After(r.GetPageToken(), "", errPageToken())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	key, err := hex.DecodeString(after)
	if err != nil {
		return nil, errPageToken()
	}
	found, err := listAlike(ctx, s.db, key, size+1)
	if err != nil {
		return nil, err
	}
	groups, next, err := page.Cut(byKey(found), size, func(last []alike) string { return hex.EncodeToString(last[0].key) })
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListAlikeIdentitiesResponse{NextPageToken: next}
	for n, group := range groups {
		for _, one := range group {
			answer.Identities = append(answer.Identities, &addressv1.AlikeIdentity{
				Recipient: one.recipient.String(), Group: int32(n) + 1, //nolint:gosec // at most a page
				ProvedAt: timestamppb.New(one.provedAt), Membership: memberStateOf(one.memberState),
			})
		}
	}
	return answer, nil
}

func byKey(found []alike) (groups [][]alike) {
	for i, one := range found {
		if i == 0 || !bytes.Equal(found[i-1].key, one.key) {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], one)
	}
	return groups
}

// MergeIdentities says that two identities are one person.
func (s *identityServer) MergeIdentities(ctx context.Context, r *addressv1.MergeIdentitiesRequest) (*addressv1.MergeIdentitiesResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	recipient, err := uuid.Parse(r.GetRecipient())
	if err != nil {
		return nil, errIdentityNotFound()
	}
	into, err := uuid.Parse(r.GetInto())
	if err != nil {
		return nil, errIdentityNotFound()
	}
	return &addressv1.MergeIdentitiesResponse{}, s.merge(ctx, recipient, into, r.GetReason(), operator.ID)
}
