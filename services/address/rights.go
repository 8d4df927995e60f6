package address

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// rights are what a person may do for an organisation: each once, in their order.
type rights []addressv1.AuthorityRight

// allRights are a representative's.
func allRights() rights {
	return rights{
		addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE, addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND, addressv1.AuthorityRight_AUTHORITY_RIGHT_APPROVE,
		addressv1.AuthorityRight_AUTHORITY_RIGHT_LOOK, addressv1.AuthorityRight_AUTHORITY_RIGHT_CERTIFICATES,
	}
}

// ofProxy tells rights that a person may give: all but those of sending, for which the sender's own identity is proved (guide
// 3.2).
func (r rights) ofProxy() bool {
	return !slices.Contains(r, addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND) && !slices.Contains(r, addressv1.AuthorityRight_AUTHORITY_RIGHT_APPROVE)
}

// rightsOf brings what was asked for into its order.
func rightsOf(asked []addressv1.AuthorityRight) rights {
	ordered := slices.Sorted(slices.Values(asked))
	return slices.Compact(ordered)
}

// scopes are what a session of the organisation may be used for: those of each right, sorted.
func (r rights) scopes() []string {
	of := map[addressv1.AuthorityRight][]string{
		addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE:      {"documents.receive"},
		addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND:         {"documents.send", "documents.read"},
		addressv1.AuthorityRight_AUTHORITY_RIGHT_APPROVE:      {"authorisations"},
		addressv1.AuthorityRight_AUTHORITY_RIGHT_LOOK:         {"documents.read"},
		addressv1.AuthorityRight_AUTHORITY_RIGHT_CERTIFICATES: {"certificates", "documents.read"},
	}
	var all []string
	for _, right := range r {
		all = append(all, of[right]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// setRights changes what a person may do for the caller's organisation.
func (s *service) setRights(ctx context.Context, who caller, authorityID uuid.UUID, to rights) (authority, error) {
	var changed authority
	err := s.forPrincipal(ctx, who, to, func(tx *journal.Tx, _ identity) error {
		a, known, err := readAuthority(ctx, tx, who.recipient, authorityID)
		switch {
		case err != nil:
			return err
		case !known || a.endedAt != nil:
			return errAuthorityNotFound()
		case a.role == roleRepresentative:
			return errRepresentativeHasAllRights()
		}
		changed = a
		if slices.Equal(a.rights, to) {
			return nil
		}
		changed.rights = to
		changed.changes++
		if err := setAuthorityRights(ctx, tx, changed); err != nil {
			return err
		}
		return recordRights(ctx, tx, changed, who, s.clock.Now())
	})
	if err != nil {
		return authority{}, fmt.Errorf("set rights: %w", err)
	}
	return changed, nil
}
