package idp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// codeLifetime is how long an authorization code may be exchanged.
const codeLifetime = 60 * time.Second

// challengeForm is a SHA-256 in base64url (RFC 7636 §4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// maxParameter limits state and nonce.
const maxParameter = 512

// authorize serves GET and POST /authorize. With login_hint, or with "person" in a POST, it answers at once; otherwise it shows a
// page to choose a person. A wrong client or redirect URI is answered here and not redirected (RFC 6749 §4.1.2.1); all other
// errors go back to the client.
func (s *System) authorize(w http.ResponseWriter, r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(w, r.Body, scenario.MaxBodyBytes)
	if err := r.ParseForm(); err != nil {
		return nil, fault.New(fault.Invalid, domain, reasonRequestInvalid, "the request is not a form")
	}
	client, ok := s.client(r.Form.Get("client_id"))
	redirectURI := r.Form.Get("redirect_uri")
	if !ok || !slices.Contains(client.RedirectURIs, redirectURI) {
		return nil, fault.New(fault.Invalid, domain, reasonRequestInvalid, "client_id or redirect_uri is not registered")
	}
	if code := authorizeError(r.Form); code != "" {
		return redirect(w, r, redirectURI, url.Values{"error": {code}, "state": {r.Form.Get("state")}})
	}
	chosen := r.PostForm.Get("person")
	if chosen == "" {
		chosen = r.Form.Get("login_hint")
	}
	if chosen == "" {
		return s.showPersons(w, r)
	}
	person, err := s.findPerson(r.Context(), chosen)
	switch {
	case errors.Is(err, errNoPerson):
		return redirect(w, r, redirectURI, url.Values{"error": {"access_denied"}, "state": {r.Form.Get("state")}})
	case err != nil:
		return nil, err
	}
	code, err := s.newCode(r.Context(), client.ID, redirectURI, person.ID, r.Form.Get("nonce"), r.Form.Get("code_challenge"))
	if err != nil {
		return nil, err
	}
	return redirect(w, r, redirectURI, url.Values{"code": {code}, "state": {r.Form.Get("state")}, "iss": {s.config.Issuer}})
}

// authorizeError returns the OAuth error of a request, or an empty string.
func authorizeError(form url.Values) string {
	for name, values := range form {
		if len(values) > 1 && name != "person" {
			return "invalid_request"
		}
	}
	switch {
	case form.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(form.Get("scope")), "openid"):
		return "invalid_scope"
	case form.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(form.Get("code_challenge")):
		return "invalid_request" // every client must use PKCE
	case len(form.Get("state")) > maxParameter || len(form.Get("nonce")) > maxParameter:
		return "invalid_request"
	}
	return ""
}

func (s *System) client(clientID string) (Client, bool) {
	for _, c := range s.config.Clients {
		if c.ID == clientID {
			return c, true
		}
	}
	return Client{}, false
}

// redirect redirects to a registered URI with added query values.
func redirect(w http.ResponseWriter, r *http.Request, to string, values url.Values) (any, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fault.New(fault.Invalid, domain, reasonRequestInvalid, "redirect_uri is not a URL")
	}
	query := u.Query()
	for name, v := range values {
		if v[0] != "" {
			query[name] = v
		}
	}
	u.RawQuery = query.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return scenario.Written{}, nil
}

const insertCodeSQL = `
	insert into authorization_code (digest, client_id, redirect_uri, person_id, nonce, challenge, auth_time, expires_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8)`

func (s *System) newCode(ctx context.Context, clientID, redirectURI, personID, nonce, challenge string) (string, error) {
	code, now := rand.Text(), s.Clock.Now()
	digest := sha256.Sum256([]byte(code))
	return code, pg.Exec(ctx, s.DB, "store authorization code", insertCodeSQL, digest[:], clientID, redirectURI, personID, nonce, challenge, now, now.Add(codeLifetime))
}

var page = template.Must(template.New("persons").Parse(`<!DOCTYPE html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>시험용 본인확인</title>
<style>
body { font-family: sans-serif; max-width: 32rem; margin: 2rem auto; padding: 0 1rem; }
button { display: block; width: 100%; margin: .5rem 0; padding: .8rem; font-size: 1rem; text-align: left; }
</style>
</head>
<body>
<h1>시험용 본인확인</h1>
<p>실제 본인확인이 아닙니다. 아래는 모두 지어낸 인물입니다. 누구로 확인할지 고르십시오.</p>
<form method="post" action="authorize">
{{- range $name, $value := .Parameters}}
<input type="hidden" name="{{$name}}" value="{{$value}}">
{{- end}}
{{- range .Persons}}
<button name="person" value="{{.ID}}">{{.Name}} ({{.BirthDate}})</button>
{{- else}}
<p>등록된 시험용 인물이 없습니다.</p>
{{- end}}
</form>
</body>
</html>
`))

// carried lists the parameters that the page repeats in its own POST.
func carried() []string {
	return []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}
}

func (s *System) showPersons(w http.ResponseWriter, r *http.Request) (any, error) {
	persons, err := s.persons(r.Context())
	if err != nil {
		return nil, err
	}
	parameters := map[string]string{}
	for _, name := range carried() {
		if v := r.Form.Get(name); v != "" {
			parameters[name] = v
		}
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	if err := page.Execute(w, map[string]any{"Parameters": parameters, "Persons": persons}); err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "page of test persons not fully written", slog.Any("error", err))
	}
	return scenario.Written{}, nil
}
