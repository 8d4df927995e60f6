package gateway

import (
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/hostname"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// CreateViewingSystem makes a viewing system with its first credentials.
func (s *adminService) CreateViewingSystem(ctx context.Context, r *gatewayv1.CreateViewingSystemRequest) (*gatewayv1.CreateViewingSystemResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	p := principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Version: 1, CreatedAt: s.clock.Now()}
	if err := p.describe(r.GetViewingSystem()); err != nil {
		return nil, err
	}
	c, secret := newClient(p, nil, "", p.CreatedAt)
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := sendersExist(ctx, tx, p.Senders); err != nil {
			return err
		}
		if _, err := insertPrincipal(ctx, tx, p); err != nil {
			return err
		}
		if err := recordViewingSystemNamed(ctx, tx, p, caller.ID, p.CreatedAt); err != nil {
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
	return &gatewayv1.CreateViewingSystemResponse{
		ViewingSystem: viewingSystemProto(p), Credentials: &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret},
	}, nil
}

// ReplaceViewingSystem gives a viewing system another name, other senders and other hosts.
func (s *adminService) ReplaceViewingSystem(ctx context.Context, r *gatewayv1.ReplaceViewingSystemRequest) (*gatewayv1.ReplaceViewingSystemResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	system, err := parseID("id", r.GetId())
	if err != nil {
		return nil, err
	}
	var wanted principal
	if err := wanted.describe(r.GetViewingSystem()); err != nil {
		return nil, err
	}
	var now principal
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		before, known, err := lockViewingSystem(ctx, tx, system)
		if err != nil {
			return err
		}
		if !known {
			return viewingSystemNotFound()
		}
		if err := sendersExist(ctx, tx, wanted.Senders); err != nil {
			return err
		}
		now = before
		now.Name, now.Senders, now.Hosts = wanted.Name, wanted.Senders, wanted.Hosts
		if now.Name == before.Name && slices.Equal(now.Senders, before.Senders) && slices.Equal(now.Hosts, before.Hosts) {
			return nil
		}
		now.Version++
		if err := updateViewingSystem(ctx, tx, now); err != nil {
			return err
		}
		at := s.clock.Now()
		if err := recordViewingSystemNamed(ctx, tx, now, caller.ID, at); err != nil {
			return err
		}
		return statePrincipalChanged(ctx, tx, now, "", caller.ID, at)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.ReplaceViewingSystemResponse{ViewingSystem: viewingSystemProto(now)}, nil
}

// GetViewingSystem tells one viewing system.
func (s *adminService) GetViewingSystem(ctx context.Context, r *gatewayv1.GetViewingSystemRequest) (*gatewayv1.GetViewingSystemResponse, error) {
	system, err := parseID("id", r.GetId())
	if err != nil {
		return nil, err
	}
	p, known, err := readViewingSystem(ctx, s.db, system)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !known {
		return nil, viewingSystemNotFound()
	}
	return &gatewayv1.GetViewingSystemResponse{ViewingSystem: viewingSystemProto(p)}, nil
}

// ListViewingSystems lists, newest first.
func (s *adminService) ListViewingSystems(ctx context.Context, r *gatewayv1.ListViewingSystemsRequest) (*gatewayv1.ListViewingSystemsResponse, error) {
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listViewingSystems(ctx, s.db, before, size+1)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	found, next, err := page.Cut(found, size, func(last principal) uuid.UUID { return last.ID })
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListViewingSystemsResponse{NextPageToken: next}
	for _, p := range found {
		answer.ViewingSystems = append(answer.ViewingSystems, viewingSystemProto(p))
	}
	return answer, nil
}

// describe takes name, senders and hosts from what an operator gave, the hosts in the form in which they are compared, each once.
// Every one that is none is named.
func (p *principal) describe(given *gatewayv1.ViewingSystem) error {
	p.Name, p.Senders, p.Hosts = given.GetName(), nil, nil
	var broken []fault.Violation
	violated := func(field string, i int, rule, message string) {
		broken = append(broken, fault.Violation{Field: "viewingSystem." + field + "[" + strconv.Itoa(i) + "]", Rule: rule, Message: message})
	}
	for i, text := range given.GetSenders() {
		sender, err := uuid.Parse(text)
		if err != nil {
			violated("senders", i, "string.uuid", "must be a UUID")
		}
		p.Senders = append(p.Senders, sender)
	}
	for i, name := range given.GetHosts() {
		host, ok := hostname.Form(name)
		if !ok {
			violated("hosts", i, "host", "must be the name or the IP address of a host, without port")
		}
		if !slices.Contains(p.Hosts, host) {
			p.Hosts = append(p.Hosts, host)
		}
	}
	if len(broken) > 0 {
		return invalidRequest(broken...)
	}
	return nil
}

func sendersExist(ctx context.Context, tx *journal.Tx, senders []uuid.UUID) error {
	known, err := countSenders(ctx, tx, senders)
	if err != nil {
		return err
	}
	if known != len(senders) {
		return institutionNotFound()
	}
	return nil
}

func viewingSystemProto(p principal) *gatewayv1.ViewingSystem {
	return &gatewayv1.ViewingSystem{Id: p.ID.String(), Name: p.Name, Senders: texts(p.Senders), Hosts: p.Hosts, CreatedAt: timestamppb.New(p.CreatedAt)}
}

func texts(ids []uuid.UUID) []string {
	var texts []string
	for _, one := range ids {
		texts = append(texts, one.String())
	}
	return texts
}
