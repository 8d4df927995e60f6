package archive

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	// passwordIterations costs a guesser about 20 ms a guess on the reference machine.
	passwordIterations = 100_000
	minPasswordBytes   = 8
	maxPasswordBytes   = 200
)

var memberIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type memberRequest struct {
	MemberID string `json:"memberId"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// putMember makes a member or gives an existing one a new name and password.
func (s *System) putMember(w http.ResponseWriter, r *http.Request) {
	var request memberRequest
	if err := decode(r.Body, &request); err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	if err := request.check(); err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	m := member{ID: request.MemberID, Name: request.Name, Salt: make([]byte, 16)}
	_, _ = rand.Read(m.Salt) // never fails (crypto/rand)
	var err error
	if m.Hash, err = passwordHash(request.Password, m.Salt); err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	created, err := saveMember(r.Context(), s.db, m, s.clock.Now())
	if err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	scenario.WriteJSON(w, status, map[string]string{"memberId": m.ID, "name": m.Name})
}

func (m memberRequest) check() error {
	switch n := utf8.RuneCountInString(m.Name); {
	case !memberIDPattern.MatchString(m.MemberID):
		return badForm("memberId", "1 to 64 of A-Z a-z 0-9 . _ -")
	case n < 1 || n > 100 || strings.ContainsFunc(m.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return badForm("name", "1 to 100 printable characters")
	case len(m.Password) < minPasswordBytes || len(m.Password) > maxPasswordBytes:
		return badForm("password", "8 to 200 bytes")
	}
	return nil
}

func (s *System) listMembers(w http.ResponseWriter, r *http.Request) {
	members, err := listMembers(r.Context(), s.db)
	if err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	scenario.WriteJSON(w, http.StatusOK, map[string]any{"members": members})
}

func passwordHash(password string, salt []byte) ([]byte, error) {
	hash, err := pbkdf2.Key(sha256.New, password, salt, passwordIterations, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

type loginRequest struct {
	MemberID string `json:"memberId"`
	Password string `json:"password"`
}

type loginAnswer struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// logIn takes the same time whether the member exists or not.
func (s *System) logIn(w http.ResponseWriter, r *http.Request) {
	var request loginRequest
	if err := decode(r.Body, &request); err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	m, err := findMember(r.Context(), s.db, request.MemberID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	known := err == nil && len(request.Password) <= maxPasswordBytes
	if !known {
		m, request.Password = member{Salt: make([]byte, 16), Hash: make([]byte, sha256.Size)}, ""
	}
	hash, err := passwordHash(request.Password, m.Salt)
	if err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	if subtle.ConstantTimeCompare(hash, m.Hash) != 1 || !known {
		scenario.Refuse(w, r, s.log, fault.New(fault.Unauthenticated, domain, reasonLogIn, "member id or password is wrong"))
		return
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(secret)
	now := s.clock.Now()
	expires := now.Add(time.Duration(s.config.TokenLifetime))
	if err := saveSession(r.Context(), s.db, tokenDigest(token), m.ID, now, expires); err != nil {
		scenario.Refuse(w, r, s.log, err)
		return
	}
	scenario.WriteJSON(w, http.StatusOK, loginAnswer{Token: token, ExpiresAt: expires})
}

func tokenDigest(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// memberHandler serves a member that proved who it is.
type memberHandler func(w http.ResponseWriter, r *http.Request, m member)

func (s *System) authenticated(next memberHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			s.refuseToken(w, r)
			return
		}
		m, err := findSession(r.Context(), s.db, tokenDigest(token), s.clock.Now())
		if errors.Is(err, pgx.ErrNoRows) {
			s.refuseToken(w, r)
			return
		}
		if err != nil {
			scenario.Refuse(w, r, s.log, err)
			return
		}
		next(w, r, m)
	}
}

func (s *System) refuseToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="archive"`)
	scenario.Refuse(w, r, s.log, fault.New(fault.Unauthenticated, domain, reasonToken, "the token is missing, wrong or expired"))
}
