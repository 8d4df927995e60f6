package hub

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
)

const putPlatformSQL = `
	insert into platform (platform_id, client_id, secret_digest, name, created_at)
	values ($1, $2, $3, $4, $5)
	    on conflict (platform_id) do update
	   set client_id     = excluded.client_id,
	       secret_digest = excluded.secret_digest,
	       name          = excluded.name`

func (s *System) storePlatform(ctx context.Context, platformID, clientID, secret, name string) error {
	digest := sha256.Sum256([]byte(secret))
	if _, err := s.DB.Exec(ctx, putPlatformSQL, platformID, clientID, digest[:], name, s.Clock.Now()); err != nil {
		return fmt.Errorf("store platform %s: %w", platformID, pg.AsFault(err, map[string]*fault.Error{
			"platform_client_id_key": fault.New(fault.Exists, domain, reasonTaken, "another platform has this client id"),
		}))
	}
	return nil
}

// Platform is a relay platform that the hub knows.
type Platform struct {
	PlatformID, ClientID, ClientSecret, Name string
}

// PutPlatform registers a relay platform like POST /sandbox/platforms, for programs that start a hub together with its relay.
func (s *System) PutPlatform(ctx context.Context, p Platform) error {
	return s.storePlatform(ctx, p.PlatformID, p.ClientID, p.ClientSecret, p.Name)
}
