package viewing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// login is a proof of identity under way.
type login struct {
	id                       uuid.UUID
	stateDigest, nonceDigest []byte
	sealedVerifier           []byte
	redirectURI              string
	startedAt, expiresAt     time.Time
}

func insertLogin(ctx context.Context, db pg.DBTX, l login) error {
	const insert = `
		insert into login (id, state_digest, nonce_digest, sealed_verifier, redirect_uri, started_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7)`
	if _, err := db.Exec(ctx, insert, l.id, l.stateDigest, l.nonceDigest, l.sealedVerifier, l.redirectURI, l.startedAt, l.expiresAt); err != nil {
		return fmt.Errorf("insert login: %w", err)
	}
	return nil
}

// useLogin marks a login as used; false if there is no unused, unexpired login with this state.
func useLogin(ctx context.Context, db pg.DBTX, loginID uuid.UUID, stateDigest []byte, at time.Time) (login, bool, error) {
	const update = `
		update login
		set    used_at = $3
		where  id = $1 and state_digest = $2 and used_at is null and started_at <= $3 and expires_at > $3
		returning nonce_digest, sealed_verifier, redirect_uri`
	l := login{id: loginID}
	err := db.QueryRow(ctx, update, loginID, stateDigest, at).Scan(&l.nonceDigest, &l.sealedVerifier, &l.redirectURI)
	if errors.Is(err, pgx.ErrNoRows) {
		return login{}, false, nil
	}
	if err != nil {
		return login{}, false, fmt.Errorf("use login: %w", err)
	}
	return l, true, nil
}
