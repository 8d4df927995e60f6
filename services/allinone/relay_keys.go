package allinone

import (
	"context"
	"fmt"
	"os"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// publishRelayKeys writes the keys with which the relay signs for the parties beside the roots of the sandbox, so that its
// folder of trust is whole. A key that is missing is made here, as its unit would; one that is changed later is written at the
// next start.
func publishRelayKeys(ctx context.Context, f folder) error {
	var published []authn.PublicKey
	for _, of := range []struct{ unit, purpose string }{{"intake", keys.Receipt}, {"viewing", keys.ViewingLog}} {
		store, err := keys.Open(f.path("keys", of.unit), keys.Options{Create: true})
		if err != nil {
			return err
		}
		found, err := store.PublicKeys(ctx, of.purpose)
		if err != nil {
			return fmt.Errorf("keys of %s: %w", of.unit, err)
		}
		for _, key := range found {
			published = append(published, authn.PublicKey{ID: key.KeyID, Purpose: key.Name, Key: key.Key})
		}
	}
	set, err := authn.KeySet(published...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.path("sandbox", "pki"), 0o755); err != nil { //nolint:gosec // as pki makes it
		return fmt.Errorf("keep the relay's keys: %w", err)
	}
	return durable.WriteFile(f.path("sandbox", "pki", pki.RelayKeysFile), append(set, '\n'), 0o644)
}
