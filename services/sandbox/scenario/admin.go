package scenario

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/naru-relay/naru/pkg/fault"
)

// MaxBodyBytes limits one JSON body or form of a sandbox system.
const MaxBodyBytes = 64 << 10

// Handler serves the admin API:
//
//	PUT    /sandbox/scenarios/{id}   adds or replaces a scenario
//	GET    /sandbox/scenarios        lists all scenarios with their counts
//	DELETE /sandbox/scenarios/{id}   removes one
//	DELETE /sandbox/scenarios        removes all
//
// A system adds its other paths for operators. Handler does not authenticate; wrap it with RequireAdmin.
func (s *Set) Handler() *http.ServeMux {
	mux := http.NewServeMux()
	log := slog.New(slog.DiscardHandler) // nothing to log: only the caller can be wrong here
	mux.HandleFunc("PUT /sandbox/scenarios/{id}", Serve(log, s.put))
	mux.HandleFunc("GET /sandbox/scenarios", Serve(log, s.list))
	mux.HandleFunc("DELETE /sandbox/scenarios/{id}", Serve(log, s.delete))
	mux.HandleFunc("DELETE /sandbox/scenarios", Serve(log, s.clear))
	return mux
}

func (s *Set) put(_ http.ResponseWriter, r *http.Request) (any, error) {
	var sc Scenario
	if err := Decode(r.Body, &sc); err != nil {
		return nil, fault.New(fault.Invalid, domain, reasonInvalid, "the body is not one JSON scenario", fault.Wrap(err))
	}
	sc.ID = r.PathValue("id")
	return NoContent{}, s.Put(sc)
}

func (s *Set) list(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"scenarios": s.List()}, nil
}

func (s *Set) delete(_ http.ResponseWriter, r *http.Request) (any, error) {
	if !s.Delete(r.PathValue("id")) {
		return nil, fault.New(fault.NotFound, domain, reasonNotFound, "no such scenario")
	}
	return NoContent{}, nil
}

func (s *Set) clear(http.ResponseWriter, *http.Request) (any, error) {
	s.Clear()
	return NoContent{}, nil
}

// Decode reads exactly one JSON value of at most 64 KiB that has only known names.
func Decode(r io.Reader, into any) error {
	dec := json.NewDecoder(io.LimitReader(r, MaxBodyBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// RequireAdmin passes a request that carries "Authorization: Bearer <token>". It guards every /sandbox path. An empty token
// refuses everybody, so that a forgotten setting does not open them.
func RequireAdmin(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if token == "" || !ok || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="sandbox"`)
			writeError(w, fault.New(fault.Unauthenticated, domain, reasonAdminRefused, "the admin token is missing or wrong"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// WriteJSON writes v as a JSON answer of a /sandbox path.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}

// Answers that a handler may return instead of a value that is sent as JSON with status 200.
type (
	// Created is sent with status 201.
	Created struct{ Value any }
	// NoContent is status 204.
	NoContent struct{}
	// Written says that the handler has already answered.
	Written struct{}
)

// Serve sends what a handler returns. It answers an error as Refuse does.
func Serve(log *slog.Logger, handle func(w http.ResponseWriter, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := handle(w, r)
		if err != nil {
			Refuse(w, r, log, err)
			return
		}
		switch answer := answer.(type) {
		case Created:
			WriteJSON(w, http.StatusCreated, answer.Value)
		case NoContent:
			w.WriteHeader(http.StatusNoContent)
		case Written:
		default:
			WriteJSON(w, http.StatusOK, answer)
		}
	}
}

// Refuse answers with a problem document, and logs errors that are the system's own fault.
func Refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Corrupt || kind == fault.Unavailable {
		log.LogAttrs(r.Context(), slog.LevelError, "sandbox call not answered", slog.String("path", r.Pattern), slog.Any("error", err))
	}
	writeError(w, err)
}

// writeError writes err as an RFC 9457 problem document.
func writeError(w http.ResponseWriter, err error) {
	fault.WriteProblem(w, fault.ProblemOf(err, ""))
}
