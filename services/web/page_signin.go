package web

import (
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// callbackPath is where the identity provider sends people back; viewing's settings name it.
const callbackPath = "/signin/callback"

// signinLife is how long somebody has to come back; viewing ends it by itself after five minutes.
const signinLife = 5 * time.Minute

// signIn sends the person to the identity provider. The browser keeps the state, so that nobody finishes in it what was begun
// elsewhere.
func (v *visit) signIn() error {
	started, err := v.relay.signin.StartSession(v.r.Context(), &viewingv1.StartSessionRequest{RedirectUri: v.config.PublicURL + callbackPath})
	if err != nil {
		return err
	}
	setCookie(v.w, signinCookie, started.GetState(), signinLife)
	v.redirect(started.GetAuthorizationUrl())
	return nil
}

// signedIn takes the person back, and begins a session under a new id.
func (v *visit) signedIn() error {
	query := v.r.URL.Query()
	kept, state := cookie(v.r, signinCookie), query.Get("state")
	dropCookie(v.w, signinCookie)
	if kept == "" || subtle.ConstantTimeCompare([]byte(kept), []byte(state)) != 1 {
		return v.tell(locale.SigninElse, locale.SigninElseText)
	}
	if query.Get("code") == "" {
		return v.tell(locale.SigninDenied, locale.SigninDeniedText)
	}
	proved, err := v.relay.signin.CompleteSession(v.r.Context(), &viewingv1.CompleteSessionRequest{State: state, Code: query.Get("code")})
	if err != nil {
		return err
	}
	who, err := v.verifier.Verify(v.r.Context(), proved.GetSessionToken())
	if err != nil {
		return err
	}
	person, err := uuid.Parse(who.ID)
	if err != nil {
		return fault.New(fault.Internal, domain, nil, "a session's subject is no id", fault.Wrap(err))
	}
	if v.session != nil { // the browser's former session ends
		if err := deleteSession(v.r.Context(), v.sessions.db, v.session.IDHash); err != nil {
			return err
		}
	}
	opened, err := v.sessions.open(v.r.Context(), person, proved.GetSessionToken(), agentOf(v.r.UserAgent()), proved.GetExpiresAt().AsTime())
	if err != nil {
		return err
	}
	v.keep(opened)
	if !proved.GetMember() {
		v.redirect("/join")
		return nil
	}
	v.redirect("/inbox")
	return nil
}

// keep gives the browser the session's id.
func (v *visit) keep(s *session) {
	v.session = s
	setCookie(v.w, sessionCookie, s.id, s.ExpiresAt.Sub(v.clock.Now()))
}

// tell answers with a page that only says something.
func (v *visit) tell(heading, text locale.Text) error {
	return v.show(http.StatusBadRequest, ui.MessagePage(v.frame(heading), ui.Message{Heading: heading, Text: v.say.Say(text), To: "/signin", ToText: locale.SignIn}))
}

// signOut ends the session and has the browser forget what it keeps of these pages.
func (v *visit) signOut() error {
	if err := deleteSession(v.r.Context(), v.sessions.db, v.session.IDHash); err != nil {
		return err
	}
	dropCookie(v.w, sessionCookie)
	v.w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	v.redirect("/?out=1")
	return nil
}

func (v *visit) showSessions() error {
	rows, err := listSessions(v.r.Context(), v.sessions.db, v.session.Person, v.clock.Now())
	if err != nil {
		return err
	}
	var done *locale.Text
	if v.r.URL.Query().Has("done") {
		done = &locale.SessionsEnded
	}
	views := make([]ui.SessionView, len(rows))
	for i, row := range rows {
		views[i] = ui.SessionView{
			Device: row.Device.String(), Agent: row.Agent, CreatedAt: row.CreatedAt, SeenAt: row.SeenAt, This: row.Device == v.session.Device,
		}
	}
	return v.show(http.StatusOK, ui.Sessions(v.frame(locale.SessionsTitle), done, views))
}

// endSessions ends another session of the person, or all others.
func (v *visit) endSessions() error {
	var err error
	if device := v.form("device"); device == "others" {
		err = deleteOthers(v.r.Context(), v.sessions.db, v.session.Person, v.session.Device)
	} else if id, bad := uuid.Parse(device); bad == nil {
		err = deleteDevice(v.r.Context(), v.sessions.db, v.session.Person, id)
	} else {
		err = invalidForm("device is no id")
	}
	if err != nil {
		return err
	}
	v.redirect("/sessions?done=1")
	return nil
}
