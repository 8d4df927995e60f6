package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

// Token kinds as stored.
const (
	tokenAccess  = "access"
	tokenRefresh = "refresh"
)

// Grant types of POST /auth/token.
const (
	grantIssue = 0
	grantRenew = 1
)

type tokenRequest struct {
	GrantType    *int    `json:"grantType"`
	ClientID     string  `json:"clientId"`
	ClientSecret string  `json:"clientSecret"`
	RefreshToken *string `json:"refreshToken"`
}

type tokenAnswer struct {
	result
	AccessToken       string `json:"accessToken"`
	AccessExpiresIn   int    `json:"accessExpiresIn"`
	AccessExpireDate  string `json:"accessExpireDate"`
	RefreshToken      string `json:"refreshToken"`
	RefreshExpiresIn  int    `json:"refreshExpiresIn"`
	RefreshExpireDate string `json:"refreshExpireDate"`
}

// maxTokenBody limits the token request.
const maxTokenBody = 16 << 10

// issueToken serves POST /auth/token (hub interface section 2). A refresh token stays valid until it expires, so a lost answer
// does no harm.
func (s *System) issueToken(ctx context.Context, c call) (any, error) {
	var req tokenRequest
	if err := readMessage(c, maxTokenBody, &req); err != nil {
		return nil, err
	}
	if req.GrantType == nil || (*req.GrantType != grantIssue && *req.GrantType != grantRenew) {
		return nil, badForm("grantType")
	}
	if err := s.checkClient(ctx, c.platformID, req); err != nil {
		return nil, err
	}
	return s.newTokens(ctx, c.platformID)
}

// checkClient checks the client, and its secret or refresh token, for the platform named in the header.
func (s *System) checkClient(ctx context.Context, platformID string, req tokenRequest) error {
	refused := &failure{codeClientRefused, "중계자플랫폼 인증에 실패하였습니다"}
	var secret []byte
	known, err := pg.Scan(ctx, s.DB, "find client", []any{&secret}, findClientSQL, platformID, req.ClientID)
	switch {
	case err != nil:
		return err
	case !known:
		return refused
	}
	given := sha256.Sum256([]byte(req.ClientSecret))
	if *req.GrantType == grantIssue || req.ClientSecret != "" {
		if subtle.ConstantTimeCompare(secret, given[:]) != 1 {
			return refused
		}
	}
	if *req.GrantType == grantIssue {
		return nil
	}
	if req.RefreshToken == nil || *req.RefreshToken == "" {
		return badForm("refreshToken")
	}
	expires, known, err := findToken(ctx, s.DB, digestOf(*req.RefreshToken), platformID, tokenRefresh)
	if err == nil && (!known || !s.Clock.Now().Before(expires)) {
		return &failure{codeRefreshRefused, "유효하지 않은 리프레시 토큰입니다"}
	}
	return err
}

func (s *System) newTokens(ctx context.Context, platformID string) (any, error) {
	access, refresh := rand.Text(), rand.Text()
	now := s.Clock.Now()
	accessLife := time.Duration(s.config.AccessLifetime).Truncate(time.Minute)
	refreshLife := time.Duration(s.config.RefreshLifetime).Truncate(time.Minute)
	err := insertTokens(ctx, s.DB, platformID, now, s.config.NewTokenVoidsOld,
		[]string{tokenAccess, tokenRefresh},
		[][]byte{digestOf(access), digestOf(refresh)},
		[]time.Time{now.Add(accessLife), now.Add(refreshLife)})
	return tokenAnswer{
		result:      success,
		AccessToken: access, AccessExpiresIn: minutes(accessLife), AccessExpireDate: formatDate(now.Add(accessLife)),
		RefreshToken: refresh, RefreshExpiresIn: minutes(refreshLife), RefreshExpireDate: formatDate(now.Add(refreshLife)),
	}, err
}

func digestOf(s string) []byte {
	d := sha256.Sum256([]byte(s))
	return d[:]
}

const findClientSQL = `
	select secret_digest
	  from platform
	 where platform_id = $1 and client_id = $2`

const findTokenSQL = `
	select expires_at
	  from token
	 where digest = $1 and platform_id = $2 and kind = $3 and revoked_at is null`

func findToken(ctx context.Context, db pg.DBTX, digest []byte, platformID, kind string) (expires time.Time, known bool, err error) {
	known, err = pg.Scan(ctx, db, "find token", []any{&expires}, findTokenSQL, digest, platformID, kind)
	return clock.Canonical(expires), known, err
}

const revokeTokenSQL = `
	update token
	   set revoked_at = $2
	 where digest = $1 and revoked_at is null`

func revokeToken(ctx context.Context, db pg.DBTX, digest []byte, now time.Time) error {
	return pg.Exec(ctx, db, "revoke token", revokeTokenSQL, digest, now)
}

const insertTokensSQL = `
	with voided as (
	    update token
	       set revoked_at = $2
	     where $3::boolean and platform_id = $1 and kind = 'access' and revoked_at is null
	)
	insert into token (digest, platform_id, kind, issued_at, expires_at)
	select t.digest, $1, t.kind, $2, t.expires_at
	  from unnest($4::text[], $5::bytea[], $6::timestamptz[]) as t (kind, digest, expires_at)`

func insertTokens(ctx context.Context, db pg.DBTX, platformID string, now time.Time, void bool,
	kinds []string, digests [][]byte, expires []time.Time,
) error {
	return pg.Exec(ctx, db, "store tokens", insertTokensSQL, platformID, now, void, kinds, digests, expires)
}
