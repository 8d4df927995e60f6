// Package identity proves the identity of a test person to a relay (본인확인) without a browser. It runs the OIDC code flow with the
// sandbox's identity provider, which takes the person from login_hint.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/naru-relay/naru/pkg/rest"

	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// Proof holds what an identity proof needs; all fields are required.
type Proof struct {
	// Door is the relay's door, used without credentials.
	Door *rest.Client
	// HTTP is the client for the identity provider.
	HTTP *http.Client
	// RedirectURI is one that the relay is configured with. Nothing needs to listen there.
	RedirectURI string
	// Person is the test person's id at the provider.
	Person string
}

// Prove returns a session of the recipient.
func (p Proof) Prove(ctx context.Context) (*viewingv1.CompleteSessionResponse, error) {
	started := &viewingv1.StartSessionResponse{}
	err := p.Door.Call(ctx, http.MethodPost, "/v1/sessions:start", nil, &viewingv1.StartSessionRequest{RedirectUri: p.RedirectURI}, started)
	if err != nil {
		return nil, err
	}
	code, state, err := p.authorize(ctx, started.GetAuthorizationUrl())
	if err != nil {
		return nil, err
	}
	if state != started.GetState() {
		return nil, errors.New("identity proof: the provider answered about another session")
	}
	session := &viewingv1.CompleteSessionResponse{}
	return session, p.Door.Call(ctx, http.MethodPost, "/v1/sessions:complete", nil, &viewingv1.CompleteSessionRequest{State: state, Code: code}, session)
}

// authorize acts as the browser at the provider's authorization endpoint.
func (p Proof) authorize(ctx context.Context, authorizationURL string) (code, state string, err error) {
	u, err := url.Parse(authorizationURL)
	if err != nil || u.Host == "" {
		return "", "", errors.New("identity proof: the authorization URL cannot be read")
	}
	query := u.Query()
	query.Set("login_hint", p.Person)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", "", fmt.Errorf("identity proof: %w", err)
	}
	browser := *p.HTTP
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := browser.Do(request)
	if err != nil {
		return "", "", errors.New("identity proof: the identity provider does not answer")
	}
	defer response.Body.Close()
	location, err := response.Location()
	if response.StatusCode/100 != 3 || err != nil {
		return "", "", fmt.Errorf("identity proof: the identity provider answered %d and no redirect", response.StatusCode)
	}
	if !strings.HasPrefix(location.String(), p.RedirectURI) {
		return "", "", errors.New("identity proof: the identity provider redirects elsewhere")
	}
	answer := location.Query()
	if refused := answer.Get("error"); refused != "" {
		return "", "", fmt.Errorf("identity proof: the identity provider refused: %s (is there a test person with this id?)", refused)
	}
	if answer.Get("code") == "" {
		return "", "", errors.New("identity proof: the identity provider gave no code")
	}
	return answer.Get("code"), answer.Get("state"), nil
}
