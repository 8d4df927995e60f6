package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
)

// Cookies. Their prefix has browsers take them from this host over https only (RFC 6265bis 4.1.3.2).
const (
	sessionCookie  = "__Host-naru"
	signinCookie   = "__Host-naru-signin"
	languageCookie = "__Host-naru-language"
)

// session is a person at the pages.
type session struct {
	sessionRow
	// id is what the browser holds.
	id string
	// token is the person's own, acting that of the organisation for which the person acts.
	token  string
	acting acting
}

// acting is what is kept, sealed, while a person acts for an organisation.
type acting struct {
	Token string `json:"token"`
	Name  string `json:"name"`
	Role  int32  `json:"role"`
	// Scopes are what the person may do for it.
	Scopes []string `json:"scopes"`
}

// bearer is the token of whoever the person acts for now.
func (s *session) bearer() string {
	if s.Organisation != nil {
		return s.acting.Token
	}
	return s.token
}

// may tells whether the person may do what a scope is for, in the name of whoever it acts for now.
func (s *session) may(scope string) bool {
	return s.Organisation == nil || slices.Contains(s.acting.Scopes, scope)
}

// csrf is the token of the session's forms. It follows from the id, which the pages of another site do not know.
func (s *session) csrf() string {
	mac := hmac.New(sha256.New, []byte(s.id))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// newID makes an id of 256 bits, and what is kept of it.
func newID() (id string, hash []byte) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails (Go 1.24)
	id = base64.RawURLEncoding.EncodeToString(raw)
	return id, hashOf(id)
}

func hashOf(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

// sessions keeps them.
type sessions struct {
	db  pg.DBTX
	box *sealed.Box
	now func() time.Time
}

// open begins a session under a new id, whatever the browser held before: nobody can fix another's id.
func (s *sessions) open(ctx context.Context, person uuid.UUID, token, agent string, expires time.Time) (*session, error) {
	now := s.now()
	id, hash := newID()
	opened := &session{id: id, token: token, sessionRow: sessionRow{
		IDHash: hash, Device: uuid.New(), Person: person, Agent: agent, CreatedAt: now, SeenAt: now, ExpiresAt: expires,
	}}
	var err error
	if opened.SealedToken, err = s.box.Seal(ctx, sealedSession, opened.Device.String(), []byte(token)); err != nil {
		return nil, err
	}
	return opened, insertSession(ctx, s.db, opened.sessionRow)
}

// find is the session of an id; nil where there is none.
func (s *sessions) find(ctx context.Context, id string) (*session, error) {
	row, known, err := findSession(ctx, s.db, hashOf(id), s.now())
	if err != nil || !known {
		return nil, err
	}
	found := &session{sessionRow: row, id: id}
	token, err := s.box.Open(ctx, sealedSession, row.Device.String(), row.SealedToken)
	if sealed.Unreadable(err) {
		return nil, deleteSession(ctx, s.db, row.IDHash)
	}
	if err != nil {
		return nil, err
	}
	found.token = string(token)
	if row.Organisation != nil {
		raw, err := s.box.Open(ctx, sealedSession, row.Device.String(), row.SealedActing)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &found.acting); err != nil {
			return nil, fmt.Errorf("read for whom a session acts: %w", err)
		}
	}
	return found, touchSession(ctx, s.db, row.IDHash, s.now())
}

// act changes for whom a session acts, nobody being nil. What it may do changes, so its id does too.
func (s *sessions) act(ctx context.Context, of *session, organisation *uuid.UUID, as acting) (*session, error) {
	changed := *of
	changed.Organisation, changed.SealedActing, changed.acting = organisation, nil, as
	if organisation != nil {
		raw, err := json.Marshal(as)
		if err != nil {
			return nil, fmt.Errorf("write for whom a session acts: %w", err)
		}
		if changed.SealedActing, err = s.box.Seal(ctx, sealedSession, of.Device.String(), raw); err != nil {
			return nil, err
		}
	}
	changed.id, changed.IDHash = newID()
	there, err := replaceSession(ctx, s.db, of.IDHash, changed.sessionRow)
	if err == nil && !there {
		return nil, formExpired() // it was ended meanwhile
	}
	return &changed, err
}

// setCookie gives the browser a cookie of ours.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

func dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
}

// cookie is the value of a cookie that is there once.
func cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// agentOf says what kind of browser a User-Agent names, without version: enough to recognise one's own device by.
func agentOf(header string) string {
	first := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(header, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := first([][2]string{
		{"SamsungBrowser", "Samsung Internet"}, {"Whale", "Whale"}, {"Edg", "Edge"}, {"OPR", "Opera"}, {"Firefox", "Firefox"}, {"Chrome", "Chrome"}, {"Safari", "Safari"},
	})
	system := first([][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"Linux", "Linux"},
	})
	return strings.Trim(browser+" · "+system, " ·")
}
