package address

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/text"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// ReplaceArchiveMemberships records of which archives an institution is a member from now on. Of two operators at once the later
// one stands.
func (s *institutionServer) ReplaceArchiveMemberships(ctx context.Context, r *addressv1.ReplaceArchiveMembershipsRequest) (*addressv1.ReplaceArchiveMembershipsResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	at, err := s.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	found, err := s.openInstitution(ctx, at)
	if err != nil {
		return nil, err
	}
	if !sameMemberships(found.memberships, r.GetArchiveMemberships()) {
		found.memberships = r.GetArchiveMemberships()
		if err := s.replaceMemberships(ctx, found, caller.ID); err != nil {
			return nil, err
		}
	}
	return &addressv1.ReplaceArchiveMembershipsResponse{Institution: institutionProto(found)}, nil
}

func (s *service) replaceMemberships(ctx context.Context, d described, operator string) error {
	i := d.institution
	var err error
	if i.memberships, err = s.sealMemberships(ctx, i.principal, d.memberships); err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) (err error) {
		if i.recorded, err = updateMemberships(ctx, tx, i); err != nil {
			return err
		}
		return stateMembershipsRecorded(ctx, tx, i, operator, s.clock.Now())
	})
}

// sealMemberships runs before any transaction, because sealing may need a key.
func (s *service) sealMemberships(ctx context.Context, principal uuid.UUID, memberships []*addressv1.ArchiveMembership) ([]byte, error) {
	plain, err := proto.Marshal(&addressv1.ArchiveMemberships{Memberships: memberships})
	if err != nil {
		return nil, errors.New("encode archive memberships")
	}
	value, err := s.box.Seal(ctx, sealedMemberships, principal.String(), plain)
	if err != nil {
		return nil, fmt.Errorf("seal archive memberships of %s: %w", principal, err)
	}
	return value, nil
}

func (s *service) openMemberships(ctx context.Context, i institution) ([]*addressv1.ArchiveMembership, error) {
	kept := &addressv1.ArchiveMemberships{}
	if err := sealed.OpenMessage(ctx, s.box, sealedMemberships, i.principal.String(), i.memberships, kept); err != nil {
		return nil, fmt.Errorf("open archive memberships of %s: %w", i.principal, err)
	}
	return kept.GetMemberships(), nil
}

// sameMemberships reports whether two lists name the same memberships, in whatever order.
func sameMemberships(a, b []*addressv1.ArchiveMembership) bool {
	within := func(all []*addressv1.ArchiveMembership, one *addressv1.ArchiveMembership) bool {
		return slices.ContainsFunc(all, func(other *addressv1.ArchiveMembership) bool {
			return text.Same(one.GetArchive(), other.GetArchive()) && text.Same(one.GetMember(), other.GetMember())
		})
	}
	lacks := func(all, some []*addressv1.ArchiveMembership) bool {
		return slices.ContainsFunc(some, func(one *addressv1.ArchiveMembership) bool { return !within(all, one) })
	}
	return !lacks(a, b) && !lacks(b, a)
}
