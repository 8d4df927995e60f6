package fault

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// TypeRoot begins the type of every problem document; <domain>/<reason> follow, the reason in lower case with hyphens.
const TypeRoot = "https://naru-relay.github.io/errors/"

// ProblemMediaType is that of RFC 9457 §3.
const ProblemMediaType = "application/problem+json"

// Problem is a problem document (RFC 9457) with the extension members reason, violations and metadata.
type Problem struct {
	// Type names the error; about:blank when there is no reason (RFC 9457 §4.2.1).
	Type string `json:"type"`
	// Title is the same for every problem of one kind.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail is the public message.
	Detail string `json:"detail,omitempty"`
	// Instance is the trace id, under which the log has details.
	Instance string `json:"instance,omitempty"`
	// Reason is the machine code, e.g. OWN_KEY_REUSED.
	Reason string `json:"reason,omitempty"`
	// Violations are the broken rules.
	Violations []ProblemViolation `json:"violations,omitempty"`
	// Metadata are machine-readable particulars.
	Metadata map[string]string `json:"metadata,omitempty"`
	// RetryAfter becomes the Retry-After header, rounded up to seconds.
	RetryAfter time.Duration `json:"-"`
}

// ProblemViolation is one broken rule as a problem document shows it.
type ProblemViolation struct {
	Field   string `json:"field"`
	Rule    string `json:"rule,omitempty"`
	Message string `json:"message"`
}

// ProblemOf returns the document that answers err; instance is the trace id of the call. For a plain or Internal error its text
// is generic.
func ProblemOf(err error, instance string) Problem {
	e := As(err)
	if e == nil {
		return Problem{Type: "about:blank", Title: http.StatusText(http.StatusOK), Status: http.StatusOK, Instance: instance}
	}
	e = e.public()
	line := e.row()
	p := Problem{
		Type: typeOf(e.Domain, e.Reason), Title: line.title, Status: line.http, Detail: valid(e.Message), Instance: instance,
		Reason: valid(e.Reason), Metadata: e.Metadata, RetryAfter: e.RetryAfter,
	}
	for _, v := range e.Violations {
		p.Violations = append(p.Violations, ProblemViolation(v))
	}
	return p
}

func typeOf(domain, reason string) string {
	if reason == "" {
		return "about:blank"
	}
	if domain == "" {
		domain = domainRoot
	}
	return TypeRoot + domain + "/" + strings.ReplaceAll(strings.ToLower(valid(reason)), "_", "-")
}

// WriteProblem answers with p. Nothing must have been written to w before.
func WriteProblem(w http.ResponseWriter, p Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, internalRow().generic, http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", ProblemMediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	w.WriteHeader(p.Status)
	// If the client has gone, there is nobody to report the error to.
	_, _ = w.Write(body)
}
