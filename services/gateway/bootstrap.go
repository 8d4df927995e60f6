package gateway

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// bootstrap makes the first operator, if there is none, and writes its credentials to a file that only the owner can read. The
// file is written before the operator is committed, so there can be no operator whose credentials nobody has. An existing file is
// replaced: without an operator its credentials are worthless.
func bootstrap(ctx context.Context, path string, box *journal.Journal, c clock.Clock) (made bool, err error) {
	if path == "" {
		return false, nil
	}
	err = box.InTx(ctx, func(tx *journal.Tx) error {
		made = false
		if err := lockBootstrap(ctx, tx); err != nil {
			return err
		}
		if exists, err := adminExists(ctx, tx); err != nil || exists {
			return err
		}
		p := principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN, Name: "operator", Version: 1, CreatedAt: c.Now()}
		credentials, secret := newClient(p, nil, "", p.CreatedAt)
		if _, err := insertPrincipal(ctx, tx, p); err != nil {
			return err
		}
		if err := addClient(ctx, tx, credentials, actor); err != nil {
			return err
		}
		made = true
		return writeCredentials(path, credentials.ID, secret)
	})
	if err != nil {
		return false, fmt.Errorf("make the first operator: %w", err)
	}
	return made, nil
}

func writeCredentials(path, clientID, secret string) error {
	content, err := json.Marshal(map[string]string{"clientId": clientID, "clientSecret": secret})
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return durable.WriteFile(path, append(content, '\n'), 0o600)
}
