package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// call is one request of the hub interface.
type call struct {
	r          *http.Request
	w          http.ResponseWriter
	platformID string
}

// action serves a call. It returns the value for the JSON answer, or a *failure.
type action func(ctx context.Context, c call) (any, error)

// anonymous serves a call that needs the three headers but no token.
func (s *System) anonymous(act action) http.Handler {
	return s.served(readHeaders, act)
}

// unnamed serves a call that needs neither headers nor token.
func (s *System) unnamed(act action) http.Handler {
	return s.served(func(*http.Request) (string, error) { return "", nil }, act)
}

// authenticated serves a call that needs the headers and an access token.
func (s *System) authenticated(act action) http.Handler {
	return s.served(s.authenticate, act)
}

func (s *System) served(admit func(*http.Request) (string, error), act action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		answer, err := func() (any, error) {
			platformID, err := admit(r)
			if err != nil {
				return nil, err
			}
			return act(ctx, call{r: r, w: w, platformID: platformID})
		}()
		status := http.StatusOK
		if err != nil {
			var f *failure
			f, status = s.failureOf(ctx, r.URL.Path, err)
			s.exchanges.fail(r)
			answer = f.result()
		}
		body, err := encode(answer)
		if err != nil {
			f, status := s.failureOf(ctx, r.URL.Path, err)
			write(w, status, "application/json", []byte(fmt.Sprintf(`{"resultCode":0,"errCode":%q}`, f.code)))
			return
		}
		write(w, status, "application/json", body)
	})
}

// readHeaders checks the headers that every call carries: platform-id, req-UUID (a v4 UUID) and req-date. It returns the platform
// id.
func readHeaders(r *http.Request) (string, error) {
	platformID := r.Header.Get("platform-id")
	if !isText(platformID, maxPlatformID) {
		return "", &failure{codeHeader, "헤더가 올바르지 않습니다: platform-id"}
	}
	if u, err := uuid.Parse(r.Header.Get("req-UUID")); err != nil || u.Version() != 4 {
		return "", &failure{codeHeader, "헤더가 올바르지 않습니다: req-UUID"}
	}
	if _, ok := parseDate(r.Header.Get("req-date")); !ok {
		return "", &failure{codeHeader, "헤더가 올바르지 않습니다: req-date"}
	}
	return platformID, nil
}

// authenticate checks headers and token. A token is valid only for the platform to which it was issued.
func (s *System) authenticate(r *http.Request) (string, error) {
	platformID, err := readHeaders(r)
	if err != nil {
		return "", err
	}
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || bearer == "" {
		return "", errTokenInvalid
	}
	ctx, digest := r.Context(), digestOf(bearer)
	if sc, ok := s.Scenarios.TakeCall(scenario.TokenLoss, r.Method, r.URL.Path); ok {
		if err := revokeToken(ctx, s.DB, digest, s.Clock.Now()); err != nil {
			return "", err
		}
		if sc.ErrCode == codeTokenExpired {
			return "", errTokenExpired
		}
		return "", errTokenInvalid
	}
	expires, known, err := findToken(ctx, s.DB, digest, platformID, tokenAccess)
	switch {
	case err != nil:
		return "", err
	case !known:
		return "", errTokenInvalid
	case !s.Clock.Now().Before(expires):
		return "", errTokenExpired
	}
	return platformID, nil
}

// known is up to when the hub knows what it recorded, for a question: until now, unless a scenario makes it lag.
func (s *System) known(c call) time.Time {
	now := s.Clock.Now()
	if sc, ok := s.Scenarios.TakeCall(scenario.ReplicaLag, c.r.Method, c.r.URL.Path); ok {
		return now.Add(-time.Duration(sc.Delay))
	}
	return now
}

// minutes converts a lifetime to the unit of the token answer.
func minutes(d time.Duration) int { return int(d / time.Minute) }
