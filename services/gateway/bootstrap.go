package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// recoverSuffix ends the name of the file, beside the bootstrap file, by whose presence an operator who is locked out asks
// for new credentials: who may write there may read the credentials, too.
const recoverSuffix = ".recover"

// bootstrap makes an operator, if nobody can operate the relay or somebody asked for it locally, and writes its credentials
// to a file that only the owner can read. Asked for, it first ends the credentials that operators have, whoever holds them.
// The file is written before the operator is committed, so there can be no operator whose credentials nobody has. An
// existing file is replaced: its credentials are worthless then.
func bootstrap(ctx context.Context, path string, box *journal.Journal, c clock.Clock) (made bool, err error) {
	if path == "" {
		return false, nil
	}
	recovering, err := asked(path + recoverSuffix)
	if err != nil {
		return false, err
	}
	err = box.InTx(ctx, func(tx *journal.Tx) error {
		made = false
		if err := lockOperators(ctx, tx); err != nil {
			return err
		}
		operators, err := operatorClients(ctx, tx)
		if err != nil || (len(operators) > 0 && !recovering) {
			return err
		}
		p := principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN, Name: "operator", Version: 1, CreatedAt: c.Now()}
		if recovering {
			if err := endOperators(ctx, tx, operators, p); err != nil {
				return err
			}
		}
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
	if err == nil && recovering {
		err = os.Remove(path + recoverSuffix)
	}
	if err != nil {
		return false, fmt.Errorf("make an operator: %w", err)
	}
	return made, nil
}

// asked reports whether there is a file.
func asked(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// endOperators ends the credentials of all operators in favour of a new one.
func endOperators(ctx context.Context, tx *journal.Tx, operators []client, successor principal) error {
	for _, o := range operators {
		if _, _, _, err := revokeClient(ctx, tx, o.ID, successor.CreatedAt); err != nil {
			return err
		}
		if err := record(ctx, tx, o.ID, 0, actor, successor.CreatedAt, &gatewayv1.ClientRevoked{Principal: o.Principal.String()}); err != nil {
			return err
		}
	}
	return record(ctx, tx, successor.ID.String(), 0, actor, successor.CreatedAt, &gatewayv1.OperatorRecovered{Revoked: uint32(len(operators))}) //nolint:gosec // counts
}

func writeCredentials(path, clientID, secret string) error {
	content, err := json.Marshal(map[string]string{"clientId": clientID, "clientSecret": secret})
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return durable.WriteFile(path, append(content, '\n'), 0o600)
}
