package web

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"google.golang.org/grpc/metadata"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	"github.com/naru-relay/naru/services/web/assets"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// contentSecurityPolicy of every answer. form-action keeps forms here; signing in leaves by a link, which it does not bind.
	contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
		"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	permissionsPolicy = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
	// formBytes bounds an ordinary form.
	formBytes = 64 << 10
	// tokenField and tokenHeader carry the session's token of forms.
	tokenField  = "csrf"
	tokenHeader = "X-Naru-Csrf"
)

// route is an address of the pages.
type route struct {
	pattern string
	serve   func(v *visit) error
	// open routes are for everybody, the others for people who have signed in.
	open bool
	// streams says that serve reads the body itself, and checks the token of the form (visit.checkToken).
	streams bool
	// signin routes count against the quota of signing in.
	signin bool
	// coded routes do what the code in their form says, in nobody's name: no token of a form guards them, as whoever knows the
	// code needs no browser of somebody else's. They count against the quota of invitations.
	coded bool
}

// visit is a request at work.
type visit struct {
	*service
	w       http.ResponseWriter
	r       *http.Request
	say     locale.Language
	session *session
	// list is where a page that says what is the matter leads; empty: to the start.
	list     string
	listText locale.Text
}

// handler serves the pages.
func (s *service) handler(env *unit.Env) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", assets.Handler())
	for _, r := range s.routes() {
		mux.Handle(r.pattern, s.page(r))
	}
	mux.Handle("/", s.page(route{pattern: "none", open: true, serve: func(*visit) error { return noSuchPage() }}))
	return gateway.Edge(gateway.EdgeDeps{Log: env.Log, Clock: env.Clock, Tracer: env.Tracer, Meter: env.Meter}, secured(s.config.Sandbox, mux))
}

// secured writes the headers of every answer.
func secured(sandbox bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Permissions-Policy", permissionsPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !sandbox { // on a laptop it would bind every other program of the host
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.Set("X-Robots-Tag", "noindex")
		next.ServeHTTP(w, r)
	})
}

// page serves a route; what it returns as an error becomes a page that says what to do.
func (s *service) page(route route) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.SetRouteName(r.Context(), route.pattern)
		v := &visit{service: s, w: w, r: r, say: languageOf(r)}
		if err := v.run(route, foreign); err != nil {
			v.fail(err)
		}
	})
}

func (v *visit) run(route route, foreign *http.CrossOriginProtection) error {
	if err := v.limits.admit(v, route); err != nil {
		return err
	}
	if foreign.Check(v.r) != nil {
		return formExpired()
	}
	if err := v.recognise(); err != nil {
		return err
	}
	if v.session == nil && !route.open {
		if v.changes() {
			return formExpired() // what was sent is not repeated after signing in
		}
		v.redirect("/?ended=1")
		return nil
	}
	if v.changes() && !route.streams {
		if err := v.readForm(); err != nil {
			return err
		}
		if !route.coded {
			if err := v.checkForm(); err != nil {
				return err
			}
		}
	}
	return route.serve(v)
}

// changes tells a request that may change something.
func (v *visit) changes() bool { return v.r.Method != http.MethodGet && v.r.Method != http.MethodHead }

// recognise finds the session of the browser's cookie. One that acts for an organisation is asked about each time, so that it
// ends with the authority, and goes on with the rights that the person has now.
func (v *visit) recognise() error {
	id := cookie(v.r, sessionCookie)
	if id == "" {
		return nil
	}
	found, err := v.sessions.find(v.r.Context(), id)
	if err != nil {
		return err
	}
	v.session = found
	if found == nil {
		dropCookie(v.w, sessionCookie)
		return nil
	}
	if found.Organisation == nil {
		return nil
	}
	held, err := v.relay.authorities.TakeAuthority(v.r.Context(), &addressv1.TakeAuthorityRequest{Person: found.Person.String(), Organisation: found.Organisation.String()})
	switch {
	case errors.Is(err, fault.Denied):
		if actErr := v.actFor(nil, acting{}); actErr != nil {
			return actErr
		}
		return err
	case err != nil || slices.Equal(held.GetScopes(), found.acting.Scopes):
		return err
	}
	return v.takeUp(*found.Organisation)
}

// readForm reads a form.
func (v *visit) readForm() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formBytes)
	if err := v.r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return bodyTooLarge()
		}
		return invalidForm("the body is no form")
	}
	return nil
}

// checkForm checks that a form is one of the session's.
func (v *visit) checkForm() error {
	token := v.r.Header.Get(tokenHeader)
	if token == "" {
		token = v.r.PostForm.Get(tokenField)
	}
	return v.checkToken(token)
}

func (v *visit) checkToken(token string) error {
	if v.session == nil || subtle.ConstantTimeCompare([]byte(token), []byte(v.session.csrf())) != 1 {
		return formExpired()
	}
	return nil
}

// as is the context of a call in the name of whoever the person acts for.
func (v *visit) as() context.Context { return bearing(v.r.Context(), v.session.bearer()) }

// self is the context of a call in the person's own name.
func (v *visit) self() context.Context { return bearing(v.r.Context(), v.session.token) }

func bearing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// form is a field of the form, without white space around it.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// redirect leads to an address of ours, by GET.
func (v *visit) redirect(to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
}

// frame is what stands around a page.
func (v *visit) frame(title locale.Text) ui.Frame {
	f := ui.Frame{
		Language: v.say, Title: title, Relay: v.say.Say(v.name), Sandbox: v.config.Sandbox, Path: v.path(),
	}
	if v.session != nil {
		f.SignedIn, f.CSRF, f.EndsAt, f.Acting, f.May = true, v.session.csrf(), v.session.ExpiresAt, v.session.acting.Name, v.session.may
	}
	return f
}

// path is where the language link leads back to: a page that can be had by GET.
func (v *visit) path() string {
	for _, form := range []string{noticePath, invitationPath} {
		if v.changes() && strings.HasPrefix(v.r.URL.Path, form) {
			return form
		}
	}
	// What the identity provider gave is repeated nowhere.
	if v.changes() || strings.HasPrefix(v.r.URL.Path, "/signin") {
		return "/"
	}
	return v.r.URL.RequestURI()
}

// show answers with a page. It is made whole before anything is sent, so that none ends halfway.
func (v *visit) show(status int, page templ.Component) error {
	var made bytes.Buffer
	if err := page.Render(v.r.Context(), &made); err != nil {
		return fmt.Errorf("make a page: %w", err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.say.Tag())
	v.w.WriteHeader(status)
	if _, err := made.WriteTo(v.w); err != nil {
		v.log.LogAttrs(v.r.Context(), slog.LevelDebug, "a page was not fully written", slog.Any("error", err))
	}
	return nil
}

// belongsTo names the list to which whatever goes wrong leads back, for whoever may see it.
func (v *visit) belongsTo(list string, title locale.Text, scope string) {
	if v.session.may(scope) {
		v.list, v.listText = list, title
	}
}

// fail answers with what is the matter and what to do.
func (v *visit) fail(err error) {
	found := fault.As(err)
	if v.session != nil && tokenEnded(err) {
		if ended := deleteSession(context.WithoutCancel(v.r.Context()), v.sessions.db, v.session.IDHash); ended != nil {
			v.log.LogAttrs(v.r.Context(), slog.LevelWarn, "a session was not deleted", slog.Any("error", ended))
		}
		dropCookie(v.w, sessionCookie)
		v.redirect("/?ended=1")
		return
	}
	problem, _ := locale.ProblemOf(fault.ReasonOf(err))
	level := slog.LevelDebug
	if found.Kind.HTTPStatus() >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	v.log.LogAttrs(v.r.Context(), level, "a page was not served", slog.Any("error", err))
	title := locale.ProblemTitle
	if errors.Is(err, fault.NotFound) {
		title = locale.NotThereTitle
	}
	view := ui.Message{Heading: title, Text: v.say.Say(problem.What), Advice: v.say.Say(problem.Do), Reason: fault.ReasonOf(err), To: v.list, ToText: v.listText}
	if found.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", fmt.Sprint(int(found.RetryAfter/time.Second)+1))
	}
	if err := v.show(found.Kind.HTTPStatus(), ui.MessagePage(v.frame(title), view)); err != nil {
		v.log.LogAttrs(v.r.Context(), slog.LevelError, "a page that says what is the matter was not served", slog.Any("error", err))
		http.Error(v.w, v.say.Say(locale.ProblemTitle), http.StatusInternalServerError)
	}
}

// tokenEnded tells that a unit did not take the session's token any more.
func tokenEnded(err error) bool {
	reason := fault.ReasonOf(err)
	return errors.Is(err, fault.Unauthenticated) && (reason == authn.ReasonTokenExpired.String() || reason == authn.ReasonTokenInvalid.String())
}

// languageOf is the language that a reader has chosen, or else that the browser asks for.
func languageOf(r *http.Request) locale.Language {
	if chosen, ours := locale.Named(cookie(r, languageCookie)); ours {
		return chosen
	}
	return locale.Accepted(r.Header.Get("Accept-Language"))
}
