// Package idp is the sandbox's identity provider (본인확인): an OpenID Connect provider for the authorization code flow with PKCE.
// Its users are invented persons, and anybody may log in as one. It also acts as the recipient's phone: it takes the notices that
// a relay sends and shows them to operators.
//
// Besides the standard claims the ID token carries ci (88 characters), name, birthdate (YYYYMMDD) and phone_number; sub is opaque
// and differs per client. Everything it shows is marked 시험용. Persons, codes and notices are stored in its own PostgreSQL schema.
// Personal data is never logged.
package idp

import (
	"context"
	"crypto"
	"embed"
	"io/fs"
	"net/http"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/sandbox/idp/internal/idtoken"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the provider's schema, for pg.Migrate.
var Migrations fs.FS = migrations

// Deps are the dependencies of a provider. All fields are required.
type Deps struct {
	scenario.Base
	Config Config
	// Key signs ID tokens. It is a P-256 key that survives restarts.
	Key crypto.Signer
}

// System is a running identity provider.
type System struct {
	scenario.Base
	config  Config
	signer  *idtoken.Signer
	notices notices
}

// New returns a provider on a migrated database. If the configuration says so, it adds the test persons.
func New(ctx context.Context, d Deps) (*System, error) {
	if err := d.Check("identity provider"); err != nil {
		return nil, err
	}
	if err := d.Config.Validate(); err != nil {
		return nil, err
	}
	signer, err := idtoken.New(d.Key)
	if err != nil {
		return nil, err
	}
	s := &System{Base: d.Base, config: d.Config, signer: signer}
	if d.Config.TestPersons {
		if err := s.insertPersons(ctx, testPersons()...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Tasks returns the provider's background work: none.
func (s *System) Tasks() []lifecycle.Task { return nil }

// Handler serves the provider, the phone and the operator's interface.
func (s *System) Handler() http.Handler {
	public := http.NewServeMux()
	public.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	public.HandleFunc("GET /jwks", s.jwks)
	public.HandleFunc("GET /authorize", scenario.Serve(s.Log, s.authorize))
	public.HandleFunc("POST /authorize", scenario.Serve(s.Log, s.authorize))
	public.HandleFunc("POST /token", s.token)
	public.HandleFunc("POST /notices", scenario.Serve(s.Log, s.takeNotice))

	admin := s.Scenarios.Handler()
	admin.HandleFunc("POST /sandbox/persons", scenario.Serve(s.Log, s.addPerson))
	admin.HandleFunc("GET /sandbox/persons", scenario.Serve(s.Log, s.listPersons))
	admin.HandleFunc("GET /sandbox/notices", scenario.Serve(s.Log, s.listNotices))
	admin.HandleFunc("GET /sandbox/invitations", scenario.Serve(s.Log, s.listInvitations))

	all := http.NewServeMux()
	all.Handle("/", s.Scenarios.Middleware(public))
	all.Handle("/sandbox/", scenario.RequireAdmin(string(s.config.AdminTokenFile.Value()), admin))
	return all
}

// ACR is the acr claim of every proof. It says that a person was merely chosen on a test page.
const ACR = "urn:naru:sandbox:identity-proof"

func (s *System) discovery(w http.ResponseWriter, _ *http.Request) {
	scenario.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer":                                s.config.Issuer,
		"authorization_endpoint":                s.config.Issuer + "/authorize",
		"token_endpoint":                        s.config.Issuer + "/token",
		"jwks_uri":                              s.config.Issuer + "/jwks",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"scopes_supported":                      []string{"openid"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
		"acr_values_supported":                  []string{ACR},
		"claims_supported": []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "at_hash", "ci", "name", "birthdate", "phone_number",
		},
		"ui_locales_supported": []string{"ko"},
	})
}

func (s *System) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(s.signer.JWKS())
}
