package idp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/idp/internal/idtoken"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// tokenLifetime of ID token and access token. The access token gives access to nothing: all claims are in the ID token.
const tokenLifetime = 5 * time.Minute

// token serves POST /token (RFC 6749 §4.1.3, OpenID Connect Core 3.1.3).
func (s *System) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, scenario.MaxBodyBytes)
	if err := r.ParseForm(); err != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	client, ok := s.authenticate(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	grant, known, err := s.redeem(r.Context(), r.PostForm.Get("code"))
	if err == nil && (!known || !grant.fits(client.ID, r.PostForm)) {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	if err != nil {
		s.tokenFailure(w, r, err)
		return
	}
	answer, err := s.tokens(r.Context(), client.ID, grant)
	if err != nil {
		s.tokenFailure(w, r, err)
		return
	}
	scenario.WriteJSON(w, http.StatusOK, answer)
}

func (s *System) tokenFailure(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.LogAttrs(r.Context(), slog.LevelError, "tokens not issued", slog.Any("error", err))
	tokenError(w, http.StatusInternalServerError, "server_error")
}

func tokenError(w http.ResponseWriter, status int, code string) {
	scenario.WriteJSON(w, status, map[string]string{"error": code})
}

// authenticate accepts client_secret_basic (form-encoded parts, RFC 6749 §2.3.1) or client_secret_post, but not both at once.
func (s *System) authenticate(r *http.Request) (Client, bool) {
	clientID, secret, basic := r.BasicAuth()
	if basic {
		var errID, errSecret error
		clientID, errID = url.QueryUnescape(clientID)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil || r.PostForm.Has("client_secret") {
			return Client{}, false
		}
	} else {
		clientID, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	client, ok := s.client(clientID)
	given, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(client.SecretFile.Value()))
	return client, ok && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// grant is what an authorization code stands for.
type grant struct {
	clientID, redirectURI, personID, nonce, challenge string
	authTime                                          time.Time
}

// fits compares a grant with the client and the request that redeem it.
func (g grant) fits(clientID string, form url.Values) bool {
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return g.clientID == clientID && g.redirectURI == form.Get("redirect_uri") &&
		subtle.ConstantTimeCompare([]byte(challenge), []byte(g.challenge)) == 1
}

const redeemSQL = `
	update authorization_code
	   set used_at = $2
	 where digest = $1 and used_at is null and expires_at > $2
	returning client_id, redirect_uri, person_id, nonce, challenge, auth_time`

// redeem uses a code up, even if the rest of the request turns out to be wrong.
func (s *System) redeem(ctx context.Context, code string) (g grant, known bool, err error) {
	digest := sha256.Sum256([]byte(code))
	known, err = pg.Scan(ctx, s.DB, "redeem authorization code",
		[]any{&g.clientID, &g.redirectURI, &g.personID, &g.nonce, &g.challenge, &g.authTime}, redeemSQL, digest[:], s.Clock.Now())
	return g, known, err
}

func (s *System) tokens(ctx context.Context, clientID string, g grant) (map[string]any, error) {
	person, err := s.findPerson(ctx, g.personID)
	if err != nil {
		return nil, err
	}
	access, now := rand.Text(), s.Clock.Now()
	claims := map[string]any{
		"iss": s.config.Issuer, "sub": s.subject(clientID, person.ID), "aud": clientID,
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(), "auth_time": g.authTime.Unix(),
		"acr": ACR, "at_hash": idtoken.AccessTokenHash(access),
		"ci": person.CI, "name": person.Name, "birthdate": person.BirthDate, "phone_number": person.Phone,
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	signed, err := s.signer.Sign(claims)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()), "id_token": signed, "scope": "openid",
	}, nil
}

// subject is opaque and differs for each client (OpenID Connect Core 8.1).
func (s *System) subject(clientID, personID string) string {
	mac := hmac.New(sha256.New, []byte(s.config.PairwiseSecretFile.Value()))
	_, _ = fmt.Fprintf(mac, "%d:%s%s", len(clientID), clientID, personID)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
