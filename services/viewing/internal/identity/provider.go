// Package identity is the relying party of the identity provider (본인확인): OpenID Connect code flow with PKCE (RFC 7636) and nonce.
//
// What the provider says about a person is held only in memory. Errors of this package never contain what the provider said,
// neither claims nor bodies of answers.
package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/naru-relay/naru/pkg/clock"
)

// ErrUnavailable: the provider cannot be asked, or its answer is not one a provider gives.
var ErrUnavailable = errors.New("the identity provider is not available")

// Options of a Provider; all but Scopes are required.
type Options struct {
	// Issuer is the provider's URL, exactly as its discovery document and its assertions have it.
	Issuer, ClientID, ClientSecret string
	// Scopes beyond openid.
	Scopes []string
	// MaxAge is how long ago the person may have proved itself.
	MaxAge time.Duration
	// Skew is how far the provider's clock may be off.
	Skew time.Duration
	// Timeout of one call to the provider.
	Timeout time.Duration
	// Refresh is how long a discovery document is used.
	Refresh time.Duration
	Clock   clock.Clock
}

// Provider is one identity provider. It is safe for concurrent use; nothing is asked before it is needed.
type Provider struct {
	o      Options
	client *http.Client
	flight singleflight.Group

	mu    sync.Mutex
	known *discovery
}

// discovery is what the provider tells about itself.
type discovery struct {
	oauth oauth2.Endpoint
	keys  oidc.KeySet
	// algorithms are those it signs with, without those that need a shared secret.
	algorithms []string
	// until is when it is asked again.
	until time.Time
}

// retryPause is the pause before the next attempt to renew a discovery document; the old one is used meanwhile.
const retryPause = 30 * time.Second

// New makes a provider.
func New(o Options) (*Provider, error) {
	if o.Issuer == "" || o.ClientID == "" || o.ClientSecret == "" || o.Clock == nil {
		return nil, errors.New("make identity provider: issuer, client id, client secret and clock are required")
	}
	if o.MaxAge <= 0 || o.Timeout <= 0 || o.Refresh <= 0 || o.Skew < 0 {
		return nil, errors.New("make identity provider: max age, timeout and refresh must be above zero")
	}
	return &Provider{o: o, client: newClient(o.Timeout)}, nil
}

// Login is an identity proof that has begun.
type Login struct {
	// URL is where the person proves itself.
	URL string
	// Nonce and Verifier are secrets of this login; Complete wants the nonce's digest and the verifier.
	Nonce, Verifier string
}

// Begin prepares a login that comes back to redirectURI with the state. Errors: ErrUnavailable.
func (p *Provider) Begin(ctx context.Context, redirectURI, state string) (Login, error) {
	d, err := p.discovered(ctx)
	if err != nil {
		return Login{}, err
	}
	login := Login{Nonce: random(), Verifier: oauth2.GenerateVerifier()}
	login.URL = p.config(d, redirectURI).AuthCodeURL(state,
		oidc.Nonce(login.Nonce), oauth2.S256ChallengeOption(login.Verifier),
		oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(p.o.MaxAge.Seconds()))))
	return login, nil
}

func (p *Provider) config(d *discovery, redirectURI string) *oauth2.Config {
	return &oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: d.oauth, RedirectURL: redirectURI,
		Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...)}
}

// discovered returns the discovery document, and asks for it when there is none or it must be renewed. If it cannot be renewed,
// the old one stays in use: new keys are fetched anyway when an assertion names an unknown one.
func (p *Provider) discovered(ctx context.Context) (*discovery, error) {
	now := p.o.Clock.Now()
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	if known != nil && now.Before(known.until) {
		return known, nil
	}
	asked := p.flight.DoChan("discovery", func() (any, error) {
		// Others wait for the same answer, so the request must not end with the first caller.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.Timeout)
		defer cancel()
		d, err := p.discover(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil && p.known == nil {
			return nil, err
		}
		if err != nil {
			kept := *p.known
			kept.until = now.Add(retryPause)
			d = &kept
		}
		p.known = d
		return d, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case answer := <-asked:
		if answer.Err != nil {
			return nil, answer.Err
		}
		d, ok := answer.Val.(*discovery)
		if !ok {
			return nil, fmt.Errorf("%w: no discovery document", ErrUnavailable)
		}
		return d, nil
	}
}

func (p *Provider) discover(ctx context.Context) (*discovery, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.o.Issuer)
	if err != nil {
		return nil, unavailable("discovery", err)
	}
	var document struct {
		JWKS       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
	}
	if provider.Claims(&document) != nil {
		return nil, fmt.Errorf("%w: the discovery document is not readable", ErrUnavailable)
	}
	d := &discovery{oauth: provider.Endpoint(), until: p.o.Clock.Now().Add(p.o.Refresh)}
	for _, endpoint := range []string{d.oauth.AuthURL, d.oauth.TokenURL, document.JWKS} {
		if !p.asSafe(endpoint) {
			return nil, fmt.Errorf("%w: the discovery document names an endpoint without TLS", ErrUnavailable)
		}
	}
	// The method is set, because trying one after the other would use up the code.
	d.oauth.AuthStyle = oauth2.AuthStyleInHeader
	if len(document.Methods) > 0 && !slices.Contains(document.Methods, "client_secret_basic") {
		d.oauth.AuthStyle = oauth2.AuthStyleInParams
	}
	for _, algorithm := range document.Algorithms {
		switch algorithm {
		case oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.RS256, oidc.RS384, oidc.RS512, oidc.EdDSA:
			d.algorithms = append(d.algorithms, algorithm)
		}
	}
	if len(d.algorithms) == 0 {
		return nil, fmt.Errorf("%w: it signs with no algorithm of public keys", ErrUnavailable)
	}
	d.keys = oidc.NewRemoteKeySet(oidc.ClientContext(ctx, p.client), document.JWKS)
	return d, nil
}

// asSafe reports whether a URL is as safe as the issuer's own: https, or http where the issuer is a sandbox on this machine.
func (p *Provider) asSafe(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return false
	}
	issuer, err := url.Parse(p.o.Issuer)
	return err == nil && (u.Scheme == "https" || (u.Scheme == "http" && issuer.Scheme == "http"))
}

// random has 256 bits.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never returns an error since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// unavailable makes an error that is safe to log: it keeps a network error, but never the text of an answer.
func unavailable(doing string, err error) error {
	var answered *answerError
	var network *url.Error
	switch {
	case errors.As(err, &answered):
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, answered)
	case errors.As(err, &network):
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, network.Err)
	default:
		return fmt.Errorf("%w: %s: the answer is not one of a provider", ErrUnavailable, doing)
	}
}
