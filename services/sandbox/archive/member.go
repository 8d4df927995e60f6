package archive

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	// passwordIterations make one guess cost about 20 ms on the reference machine.
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

// putMember creates a member, or changes the name and password of an existing one.
func (s *System) putMember(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request memberRequest
	if err := decode(r.Body, &request); err != nil {
		return nil, err
	}
	if err := request.check(); err != nil {
		return nil, err
	}
	m := member{ID: request.MemberID, Name: request.Name, Salt: make([]byte, 16)}
	_, _ = rand.Read(m.Salt) // never fails (crypto/rand)
	var err error
	if m.Hash, err = passwordHash(request.Password, m.Salt); err != nil {
		return nil, err
	}
	created, err := saveMember(r.Context(), s.DB, m, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	answer := map[string]string{"memberId": m.ID, "name": m.Name}
	if created {
		return scenario.Created{Value: answer}, nil
	}
	return answer, nil
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

func (s *System) listMembers(_ http.ResponseWriter, r *http.Request) (any, error) {
	members, err := listMembers(r.Context(), s.DB)
	return map[string]any{"members": members}, err
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

// logIn takes the same time whether or not the member exists, so that its duration does not reveal member ids.
func (s *System) logIn(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request loginRequest
	if err := decode(r.Body, &request); err != nil {
		return nil, err
	}
	m, known, err := findMember(r.Context(), s.DB, request.MemberID)
	if err != nil {
		return nil, err
	}
	if known = known && len(request.Password) <= maxPasswordBytes; !known {
		m, request.Password = member{Salt: make([]byte, 16), Hash: make([]byte, sha256.Size)}, ""
	}
	hash, err := passwordHash(request.Password, m.Salt)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(hash, m.Hash) != 1 || !known {
		return nil, fault.New(fault.Unauthenticated, domain, reasonLogIn, "member id or password is wrong")
	}
	token, now := rand.Text(), s.Clock.Now()
	expires := now.Add(time.Duration(s.config.TokenLifetime))
	return loginAnswer{Token: token, ExpiresAt: expires}, saveSession(r.Context(), s.DB, tokenDigest(token), m.ID, now, expires)
}

func tokenDigest(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// memberHandler serves an authenticated member.
type memberHandler func(w http.ResponseWriter, r *http.Request, m member) (any, error)

func (s *System) authenticated(next memberHandler) http.HandlerFunc {
	return scenario.Serve(s.Log, func(w http.ResponseWriter, r *http.Request) (any, error) {
		var m member
		var known bool
		token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if given {
			var err error
			if m, known, err = findSession(r.Context(), s.DB, tokenDigest(token), s.Clock.Now()); err != nil {
				return nil, err
			}
		}
		if !known {
			w.Header().Set("WWW-Authenticate", `Bearer realm="archive"`)
			return nil, fault.New(fault.Unauthenticated, domain, reasonToken, "the token is missing, wrong or expired")
		}
		return next(w, r, m)
	})
}
