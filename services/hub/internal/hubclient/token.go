package hubclient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/proof"
)

// Grant types of the token call (hub-interface 2); it is not RFC 6749.
const (
	grantIssue = 0
	grantRenew = 1
)

// Credentials of this platform at the hub.
type Credentials struct {
	ClientID, ClientSecret string
	// RefreshToken, where one is held, makes the call a renewal (grantType 1).
	RefreshToken string
}

// IssueToken writes the token call. A renewal sends the secret, too, as the known client does.
func (c *Client) IssueToken(credentials Credentials) (Call, error) {
	body := struct {
		GrantType    int    `json:"grantType"`
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
		RefreshToken string `json:"refreshToken,omitempty"`
	}{grantIssue, credentials.ClientID, credentials.ClientSecret, credentials.RefreshToken}
	if credentials.RefreshToken != "" {
		body.GrantType = grantRenew
	}
	return c.jsonCall(IssueToken, http.MethodPost, c.config.Paths.Token, body)
}

// Token is what the hub issued. A lifetime of 0 means that the hub told none.
type Token struct {
	Access, Refresh                 string
	AccessLifetime, RefreshLifetime time.Duration
}

const (
	maxToken = 4096
	// maxLifetimeMinutes is a hundred years: a longer life is garbage, and could not be computed with.
	maxLifetimeMinutes = 100 * 365 * 24 * 60
)

// ReadToken reads the answer to IssueToken. Lifetimes are in minutes; the expiry dates are not read, because they depend on the
// hub's clock.
func ReadToken(a Answer) (Token, error) {
	var body struct {
		head
		AccessToken      string `json:"accessToken"`
		AccessExpiresIn  int64  `json:"accessExpiresIn"`
		RefreshToken     string `json:"refreshToken"`
		RefreshExpiresIn int64  `json:"refreshExpiresIn"`
	}
	if err := a.readJSON(&body, &body.head); err != nil {
		return Token{}, err
	}
	switch {
	case !isToken(body.AccessToken) || body.RefreshToken != "" && !isToken(body.RefreshToken):
		return Token{}, garbage("a token is missing or cannot stand in a header")
	case body.AccessExpiresIn < 0 || body.AccessExpiresIn > maxLifetimeMinutes,
		body.RefreshExpiresIn < 0 || body.RefreshExpiresIn > maxLifetimeMinutes:
		return Token{}, garbage("a token's lifetime is out of range")
	}
	return Token{
		Access: body.AccessToken, AccessLifetime: time.Duration(body.AccessExpiresIn) * time.Minute,
		Refresh: body.RefreshToken, RefreshLifetime: time.Duration(body.RefreshExpiresIn) * time.Minute,
	}, nil
}

func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// secretFields are the members of the token call and its answer that are never stored.
var secretFields = []string{"clientSecret", "accessToken", "refreshToken"}

// WithoutSecrets returns the body of a token call or answer with its secrets replaced. A body that is no JSON object is replaced
// by its size, because nobody can know which parts are secret.
func WithoutSecrets(body []byte) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return fmt.Appendf(nil, "[%d bytes that are no JSON object]", len(body))
	}
	for _, name := range secretFields {
		if _, held := members[name]; held {
			members[name] = json.RawMessage(`"[redacted]"`)
		}
	}
	clean, err := proof.Encode(members)
	if err != nil {
		return fmt.Appendf(nil, "[%d bytes that are no JSON object]", len(body))
	}
	return clean
}
