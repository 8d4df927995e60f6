package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"google.golang.org/grpc/metadata"

	"github.com/naru-relay/naru/pkg/fault"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

const (
	// maxFormBytes bounds the body of a token request; an assertion has at most 4,096.
	maxFormBytes = 16 << 10
	// assertionType is RFC 7523 §2.2.
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// oauthError is an error of the token endpoint (RFC 6749 §5.2).
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	status      int
	// basic: the client tried HTTP Basic, so the answer has a Basic challenge.
	basic bool
}

// Error is the code.
func (e *oauthError) Error() string { return e.Code }

func badTokenRequest(description string) *oauthError {
	return &oauthError{Code: "invalid_request", Description: description, status: http.StatusBadRequest}
}

// tokenEndpoint is POST /oauth2/token.
func (d *restDoor) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), d.timeout)
	defer cancel()
	// RFC 6749 §5.1.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	request, basic, refusal := tokenRequest(w, r)
	if refusal != nil {
		writeOAuthError(w, refusal)
		return
	}
	answer, err := d.tokens.IssueToken(metadata.AppendToOutgoingContext(ctx, originHeader, originOf(ctx)), request)
	if err != nil {
		refuseToken(w, err, basic)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": answer.GetAccessToken(), "token_type": answer.GetTokenType(), "expires_in": answer.GetExpiresIn(), "scope": answer.GetScope(),
	})
}

func refuseToken(w http.ResponseWriter, err error, basic bool) {
	if after := fault.ProblemOf(err, "").RetryAfter; after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	writeOAuthError(w, oauthErrorOf(err, basic))
}

// tokenRequest reads the form and the client's proof, one of client_secret_basic, client_secret_post and private_key_jwt.
func tokenRequest(w http.ResponseWriter, r *http.Request) (_ *gatewayv1.IssueTokenRequest, basic bool, _ *oauthError) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, false, badTokenRequest("the body must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, false, &oauthError{Code: "invalid_request", Description: "the body is too large", status: http.StatusRequestEntityTooLarge}
		}
		return nil, false, badTokenRequest("the body is not a form")
	}
	if refusal := checkForm(r); refusal != nil {
		return nil, false, refusal
	}
	request := &gatewayv1.IssueTokenRequest{
		ClientId: r.PostForm.Get("client_id"), ClientSecret: r.PostForm.Get("client_secret"), ClientAssertion: r.PostForm.Get("client_assertion"),
		Scope: r.PostForm.Get("scope"),
	}
	if basic, refusal := takeBasic(r, request); refusal != nil || basic {
		return request, basic, refusal
	}
	return request, false, takeAssertionForm(r, request)
}

// checkForm allows one grant type, nothing twice, nothing in the query, and only text.
func checkForm(r *http.Request) *oauthError {
	for _, values := range r.PostForm {
		for _, value := range values {
			if len(values) > 1 || !utf8.ValidString(value) {
				return badTokenRequest("a parameter is given twice or is not UTF-8")
			}
		}
	}
	switch {
	case r.URL.RawQuery != "":
		return badTokenRequest("parameters belong in the body")
	case r.PostForm.Get("grant_type") == "":
		return badTokenRequest("grant_type is missing")
	case r.PostForm.Get("grant_type") != "client_credentials":
		return &oauthError{Code: "unsupported_grant_type", Description: "grant_type must be client_credentials", status: http.StatusBadRequest}
	}
	return nil
}

// takeBasic reads HTTP Basic, whose parts are form-encoded (RFC 6749 §2.3.1).
func takeBasic(r *http.Request, request *gatewayv1.IssueTokenRequest) (bool, *oauthError) {
	if r.Header.Get("Authorization") == "" {
		return false, nil
	}
	user, password, ok := r.BasicAuth()
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	if !ok || idErr != nil || secretErr != nil || !utf8.ValidString(id) || !utf8.ValidString(secret) {
		return true, &oauthError{Code: "invalid_client", Description: "the Authorization header is not HTTP Basic", status: http.StatusUnauthorized, basic: true}
	}
	if request.GetClientSecret() != "" || request.GetClientAssertion() != "" || (request.GetClientId() != "" && request.GetClientId() != id) {
		return true, badTokenRequest("the client is authenticated in more than one way")
	}
	request.ClientId, request.ClientSecret = id, secret
	return true, nil
}

// takeAssertionForm finds the client of an assertion; its id need not be given separately (RFC 7523 §3).
func takeAssertionForm(r *http.Request, request *gatewayv1.IssueTokenRequest) *oauthError {
	if request.GetClientAssertion() == "" {
		if request.GetClientId() == "" || request.GetClientSecret() == "" {
			return &oauthError{Code: "invalid_client", Description: "the client is not authenticated", status: http.StatusUnauthorized, basic: true}
		}
		return nil
	}
	if r.PostForm.Get("client_assertion_type") != assertionType {
		return badTokenRequest("client_assertion_type must be " + assertionType)
	}
	var claims assertionClaims
	if _, err := assertions.Parse(request.GetClientAssertion(), &claims); err != nil {
		return &oauthError{Code: "invalid_client", Description: "the client assertion cannot be read", status: http.StatusUnauthorized}
	}
	if request.GetClientId() == "" {
		request.ClientId = claims.Subject
	}
	return nil
}

// oauthErrorOf gives a fault the form of RFC 6749.
func oauthErrorOf(err error, basic bool) *oauthError {
	f := fault.As(err)
	switch {
	case f.Reason == fault.NameOf(gatewayv1.Reason_REASON_INVALID_CLIENT):
		return &oauthError{Code: "invalid_client", Description: f.Message, status: http.StatusUnauthorized, basic: basic}
	case f.Reason == fault.NameOf(gatewayv1.Reason_REASON_INVALID_SCOPE):
		return &oauthError{Code: "invalid_scope", Description: f.Message, status: http.StatusBadRequest}
	case f.Kind == fault.Invalid:
		return badTokenRequest("a parameter is too long or empty")
	case f.Kind == fault.Exhausted:
		return &oauthError{Code: "slow_down", Description: "too many requests for tokens", status: http.StatusTooManyRequests}
	case f.Kind == fault.Unavailable:
		return &oauthError{Code: "temporarily_unavailable", Description: "no tokens can be given now", status: http.StatusServiceUnavailable}
	default:
		return &oauthError{Code: "server_error", Description: "an internal error occurred", status: http.StatusInternalServerError}
	}
}

func writeOAuthError(w http.ResponseWriter, e *oauthError) {
	if e.basic && e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="naru", charset="UTF-8"`)
	}
	writeJSON(w, e.status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that went away needs no second error.
	_, _ = w.Write(raw)
}
