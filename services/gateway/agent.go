package gateway

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// CreateAgent makes an agent with its first credentials.
func (s *adminService) CreateAgent(ctx context.Context, r *gatewayv1.CreateAgentRequest) (*gatewayv1.CreateAgentResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	p := principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, Name: r.GetAgent().GetName(), Version: 1, CreatedAt: s.clock.Now()}
	c, secret := newClient(p, nil, "", p.CreatedAt)
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, err := insertPrincipal(ctx, tx, p); err != nil {
			return err
		}
		if err := addClient(ctx, tx, c, caller.ID); err != nil {
			return err
		}
		return statePrincipalChanged(ctx, tx, p, "", caller.ID, p.CreatedAt)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.CreateAgentResponse{Agent: agentProto(p), Credentials: &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret}}, nil
}

// GetAgent tells one agent.
func (s *adminService) GetAgent(ctx context.Context, r *gatewayv1.GetAgentRequest) (*gatewayv1.GetAgentResponse, error) {
	agent, err := parseID("id", r.GetId())
	if err != nil {
		return nil, err
	}
	p, known, err := readAgent(ctx, s.db, agent)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !known {
		return nil, agentNotFound()
	}
	return &gatewayv1.GetAgentResponse{Agent: agentProto(p)}, nil
}

// ListAgents lists, newest first.
func (s *adminService) ListAgents(ctx context.Context, r *gatewayv1.ListAgentsRequest) (*gatewayv1.ListAgentsResponse, error) {
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listAgents(ctx, s.db, before, size+1)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	found, next, err := page.Cut(found, size, func(last principal) uuid.UUID { return last.ID })
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListAgentsResponse{NextPageToken: next}
	for _, p := range found {
		answer.Agents = append(answer.Agents, agentProto(p))
	}
	return answer, nil
}

// ReplaceAuthorisationKeys gives an institution other keys with which it signs what agents may send for it.
func (s *adminService) ReplaceAuthorisationKeys(ctx context.Context, r *gatewayv1.ReplaceAuthorisationKeysRequest) (*gatewayv1.ReplaceAuthorisationKeysResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	institution, err := parseID("principal", r.GetPrincipal())
	if err != nil {
		return nil, err
	}
	keyIDs, err := idsOfKeys(r.GetPublicJwks())
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		p, commit, known, err := lockInstitution(ctx, tx, institution)
		if err != nil {
			return err
		}
		if !known {
			return institutionNotFound()
		}
		if slices.Equal(p.Keys, r.GetPublicJwks()) {
			return nil
		}
		// The address is kept by its fact alone: it is the address unit's, and has to be stated again with each version.
		before := &gatewayv1.PrincipalChanged{}
		if err := journal.Find(ctx, tx, domain, commit, institution.String(), before); err != nil {
			return fmt.Errorf("read the last statement of %s: %w", institution, err)
		}
		p.Keys = r.GetPublicJwks()
		p.Version++
		if err := updateKeys(ctx, tx, p); err != nil {
			return err
		}
		return statePrincipalChanged(ctx, tx, p, before.GetAddress(), caller.ID, s.clock.Now())
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.ReplaceAuthorisationKeysResponse{KeyIds: keyIDs}, nil
}

// idsOfKeys are the ids of public keys. Every key that is none, or is there twice, is named.
func idsOfKeys(jwks []string) ([]string, error) {
	var ids []string
	var broken []fault.Violation
	for i, text := range jwks {
		public, err := authn.ParsePublicKey([]byte(text))
		var keyID string
		if err == nil {
			keyID, err = keys.KeyID(public)
		}
		field := fmt.Sprintf("publicJwks[%d]", i)
		switch {
		case err != nil:
			broken = append(broken, fault.Violation{Field: field, Rule: "jwk", Message: "must be the JWK of a public P-256 key for ES256"})
		case slices.Contains(ids, keyID):
			broken = append(broken, fault.Violation{Field: field, Rule: "jwk.twice", Message: "must not be there twice"})
		}
		ids = append(ids, keyID)
	}
	if len(broken) > 0 {
		return nil, invalidRequest(broken...)
	}
	return ids, nil
}

func agentProto(p principal) *gatewayv1.Agent {
	return &gatewayv1.Agent{Id: p.ID.String(), Name: p.Name, CreatedAt: timestamppb.New(p.CreatedAt)}
}
