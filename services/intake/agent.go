package intake

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// isAgent reports whether a caller sends for others (송신대행자).
func isAgent(caller authn.Principal) bool {
	return caller.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT
}

// visitsOfAgent parts an agent's items by the senders whose authorisations they name. Items without one have a visit of nobody,
// which is there to find what else is wrong with them.
func (a *acceptor) visitsOfAgent(ctx context.Context, call visit, candidates []*candidate) ([]*visit, error) {
	if err := a.findAuthorisations(ctx, call, candidates); err != nil {
		return nil, err
	}
	bySender := map[uuid.UUID]*visit{}
	var visits []*visit
	for _, c := range candidates {
		var sender uuid.UUID
		if c.authorisation != nil {
			if c.authorisation.agentSuspended {
				return nil, agentSuspended()
			}
			sender = c.authorisation.sender
		}
		v := bySender[sender]
		if v == nil {
			v = &visit{tenant: sender, caller: call.caller, lane: call.lane, at: call.at}
			if c.authorisation != nil {
				var err error
				if v.sender, err = a.directory.sender(ctx, sender, c.authorisation.senderKind, v.at); err != nil {
					return nil, err
				}
			}
			bySender[sender], visits = v, append(visits, v)
		}
		v.candidates = append(v.candidates, c)
	}
	return visits, nil
}

// findAuthorisations gives each item the authorisation that it names, if that is the agent's.
func (a *acceptor) findAuthorisations(ctx context.Context, call visit, candidates []*candidate) error {
	named := map[uuid.UUID][]*candidate{}
	var ids []uuid.UUID
	for _, c := range candidates {
		id, err := uuid.Parse(c.item.GetAuthorisation())
		if err != nil {
			continue
		}
		if named[id] == nil {
			ids = append(ids, id)
		}
		named[id] = append(named[id], c)
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := readAuthorisations(ctx, a.db, call.tenant, ids)
	if err != nil {
		return err
	}
	for i := range found {
		for _, c := range named[found[i].id] {
			c.authorisation = &found[i]
		}
	}
	return nil
}

// judgeAuthorisation refuses an agent's item at once unless its sender has authorised this very item: whoever was never
// authorised learns nothing about own keys. What has ended since is a finding like others, so that a repeat of an accepted item
// has its first answer.
func (c *candidate) judgeAuthorisation(h hasher, at time.Time) {
	switch {
	case c.authorisation == nil && c.item.GetAuthorisation() == "":
		c.refuse(authorisationUnnamed())
	case c.authorisation == nil:
		c.refuse(authorisationUnknown())
	case len(c.broken) > 0:
		// What is broken cannot be one of its items.
	case !c.authorisation.holds(h, c.content):
		c.refuse(itemDiffers())
	case c.authorisation.givenAt.IsZero() || c.authorisation.givenAt.After(at):
		c.refuse(authorisationWaits())
	case !c.authorisation.endedAt.IsZero() || !at.Before(c.authorisation.expiresAt):
		c.findings = append(c.findings, authorisationOver())
	}
}

// refuse refuses an item for one reason, with the rules that it breaks.
func (c *candidate) refuse(reason finding) {
	c.refusal = refusalOf([]finding{reason})
	if len(c.broken) > 0 {
		c.refusal = invalidItem(append(c.broken, besides(c.broken, []finding{reason})...)...)
	}
}

// owns reports whether a caller may hand over the uploads of an owner: its own, and an agent also those of the sender.
func (v *visit) owns(owner string) bool {
	return owner == v.caller.ID || isAgent(v.caller) && owner == v.tenant.String()
}

// mayLearn is the number that an own key stands for, for whoever may learn it: an agent has not necessarily sent the document.
func (c *candidate) mayLearn(number string) string {
	if c.authorisation != nil {
		return ""
	}
	return number
}

// authorisationID is that of the authorisation by which the item is sent; none where the sender sends itself.
func (c *candidate) authorisationID() uuid.UUID {
	if c.authorisation == nil {
		return uuid.Nil
	}
	return c.authorisation.id
}
