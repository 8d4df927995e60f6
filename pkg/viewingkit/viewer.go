package viewingkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
)

// ViewerOptions configure a Viewer. All fields are required but DocumentID.
type ViewerOptions struct {
	Store    Store
	Relay    Relay
	Log      Log
	Reporter ReportSink
	Clock    Clock
	Logger   *slog.Logger
	// DocumentID finds the document's id in a request; the default takes the path value "id" of a pattern such as "GET
	// /view/{id}".
	DocumentID func(*http.Request) string
}

// ReportSink takes read reports durably; a Reporter is one.
type ReportSink interface {
	Put(ctx context.Context, p PendingReport) error
}

// Viewer serves viewing URLs. It is safe for concurrent use.
type Viewer struct {
	o ViewerOptions
}

// Limits of one request to view.
const (
	maxToken      = 1024 // the relay's tokens are not longer
	verifyTimeout = 15 * time.Second
	// clockPatience is how far our clock may be behind the relay's before a read time would be earlier than the verification; we
	// wait, never change a time.
	clockPatience = 200 * time.Millisecond
	clockStep     = 5 * time.Millisecond
)

// NewViewer makes a Viewer.
func NewViewer(o ViewerOptions) (*Viewer, error) {
	if o.Store == nil || o.Relay == nil || o.Log == nil || o.Reporter == nil || o.Clock == nil || o.Logger == nil {
		return nil, errors.New("make viewer: store, relay, log, reporter, clock and logger are required")
	}
	if o.DocumentID == nil {
		o.DocumentID = func(r *http.Request) string { return r.PathValue("id") }
	}
	return &Viewer{o: o}, nil
}

// ServeHTTP implements http.Handler.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("Referrer-Policy", "no-referrer") // the token stands in the URL
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Robots-Tag", "noindex, nofollow")
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		header.Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	token, ok := tokenOf(r)
	switch {
	case !ok:
		v.answer(w, ReasonTokenMissing.problem(nil))
		return
	case r.Method != http.MethodPost:
		ask(w)
		return
	case ahead(r):
		v.answer(w, ReasonNobodyAsks.problem(nil))
		return
	}
	s := sight{Viewer: v, check: Check{RequestID: uuid.NewString()}}
	if id := v.o.DocumentID(r); ValidID(id) {
		s.check.DocumentID = id
	}
	reason, cause := s.judge(r.Context(), token)
	s.check.At = v.o.Clock.Now()
	s.check.Outcome, s.check.Reason = OutcomeShow, string(reason)
	switch reason {
	case "":
	case ReasonRelayUnavailable:
		s.check.Outcome = OutcomeUnverified
	default:
		s.check.Outcome = OutcomeRefused
	}
	// The record must be written even when the caller has gone meanwhile.
	entry, err := v.o.Log.Append(context.WithoutCancel(r.Context()), s.check)
	if err != nil {
		v.o.Logger.LogAttrs(r.Context(), slog.LevelError, "viewing check not recorded", slog.Any("error", err))
		v.answer(w, ReasonLogUnavailable.problem(err))
		return
	}
	if reason != "" {
		v.tell(r.Context(), s.check, cause)
		v.answer(w, reason.problem(cause))
		return
	}
	s.show(w, r, entry)
}

// tokenOf takes the only query parameter "token".
func tokenOf(r *http.Request) (string, bool) {
	tokens := r.URL.Query()["token"]
	if len(tokens) != 1 || tokens[0] == "" || len(tokens[0]) > maxToken {
		return "", false
	}
	return tokens[0], true
}

func (v *Viewer) answer(w http.ResponseWriter, err *fault.Error) {
	fault.WriteProblem(w, fault.ProblemOf(err, ""))
}

func (v *Viewer) tell(ctx context.Context, c Check, cause error) {
	attrs := []slog.Attr{
		slog.String("outcome", c.Outcome), slog.String("reason", c.Reason),
		slog.String("request_id", c.RequestID), slog.String("edoc_num", c.EdocNum),
	}
	if cause != nil {
		attrs = append(attrs, slog.Any("error", cause))
	}
	v.o.Logger.LogAttrs(ctx, slog.LevelWarn, "viewing refused", attrs...)
}

// sight is one request to view.
type sight struct {
	*Viewer
	check    Check
	verified Verified
	document Document
	content  []byte
	shown    Hash
}

// judge does the steps that decide whether the document may be shown, and records its findings in the check. An empty reason
// means yes.
func (s *sight) judge(ctx context.Context, token string) (Reason, error) {
	call, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	verified, err := s.o.Relay.VerifyToken(call, token, s.check.RequestID)
	switch {
	case IsRefused(err):
		return ReasonTokenRefused, err
	case err != nil:
		return ReasonRelayUnavailable, err
	}
	s.verified = verified
	s.check.EdocNum, s.check.VerificationID, s.check.VerifiedAt = verified.EdocNum, verified.VerificationID, &verified.VerifiedAt
	s.check.RegisteredHash, s.check.SentHash = &verified.RegisteredHash, &verified.DocumentHash
	s.check.CertificateDigest = verified.RegistrationCertificateDigest

	if s.check.DocumentID == "" {
		return ReasonDocumentUnknown, nil
	}
	s.document, err = s.o.Store.Find(ctx, s.check.DocumentID)
	switch {
	case errors.Is(err, ErrNoDocument):
		return ReasonDocumentUnknown, nil
	case err != nil:
		return ReasonStoreUnavailable, err
	}
	if reason := s.compareFacts(); reason != "" {
		return reason, nil
	}
	return s.compareHashes(ctx)
}

// compareFacts compares recipient, number and certificate with what was stored.
func (s *sight) compareFacts() Reason {
	s.check.RecipientKind = s.document.Recipient.Kind()
	s.check.RecipientSame = s.document.Recipient.Same(s.verified.Recipient)
	switch {
	case !s.check.RecipientSame:
		return ReasonOtherRecipient
	case s.document.EdocNum != "" && s.document.EdocNum != s.verified.EdocNum:
		return ReasonOtherDocument
	case s.document.CertificateDigest != "" &&
		!(Hash{SHA256, s.document.CertificateDigest}).Equal(Hash{SHA256, s.verified.RegistrationCertificateDigest}):
		return ReasonOtherCertificate
	}
	return ""
}

// compareHashes computes the hash of exactly the bytes that will be sent, in the algorithm of each hash it is compared with.
func (s *sight) compareHashes(ctx context.Context) (Reason, error) {
	content, err := s.o.Store.Content(ctx, s.check.DocumentID)
	if err != nil {
		return ReasonStoreUnavailable, err
	}
	s.content = content
	shown, sentErr := shownAs(s.verified.DocumentHash, content)
	if shown.Value != "" {
		s.shown, s.check.ShownHash = shown, &shown
	}
	_, registeredErr := shownAs(s.verified.RegisteredHash, content)
	if err := errors.Join(sentErr, registeredErr); err != nil {
		return ReasonHashMismatch, err
	}
	return "", nil
}

// show sends the bytes and, when all of them were written, reports the read.
func (s *sight) show(w http.ResponseWriter, r *http.Request, entry Entry) {
	ctx := context.WithoutCancel(r.Context())
	header := w.Header()
	header.Set("Content-Type", s.document.ContentType)
	header.Set("Content-Length", strconv.Itoa(len(s.content)))
	disposition := map[string]string{}
	if s.document.FileName != "" {
		disposition["filename"] = s.document.FileName
	}
	header.Set("Content-Disposition", mime.FormatMediaType("inline", disposition))
	err := writeAll(w, r, s.content)
	if err == nil {
		err = s.report(ctx, entry)
		if err != nil {
			s.o.Logger.LogAttrs(ctx, slog.LevelError, "read not reported: outbox not written",
				slog.String("edoc_num", s.check.EdocNum), slog.String("verification_id", s.check.VerificationID), slog.Any("error", err))
		}
		return
	}
	interrupted := s.check
	interrupted.At, interrupted.Outcome = s.o.Clock.Now(), OutcomeInterrupted
	if _, err := s.o.Log.Append(ctx, interrupted); err != nil {
		s.o.Logger.LogAttrs(ctx, slog.LevelError, "interrupted viewing not recorded", slog.Any("error", err))
	}
	s.tell(ctx, interrupted, err)
}

// writeAll returns nil only when every byte has left this process. It checks before the first byte whether the caller is still
// there, not after the last: a caller that has read everything may hang up at once.
func writeAll(w http.ResponseWriter, r *http.Request, content []byte) error {
	if err := r.Context().Err(); err != nil {
		return fmt.Errorf("write document: the caller has gone: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	if n, err := w.Write(content); err != nil || n != len(content) {
		return fmt.Errorf("write document: %d of %d bytes: %w", n, len(content), errors.Join(err, r.Context().Err()))
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}

func (s *sight) report(ctx context.Context, entry Entry) error {
	readAt := s.o.Clock.Now()
	for waited := time.Duration(0); readAt.Before(s.verified.VerifiedAt) && waited < clockPatience; waited += clockStep {
		if lifecycle.Wait(ctx, clockStep) != nil {
			break
		}
		readAt = s.o.Clock.Now()
	}
	return s.o.Reporter.Put(ctx, PendingReport{
		ID:    uuid.NewString(),
		DueAt: readAt,
		Report: ReadReport{
			EdocNum: s.check.EdocNum, VerificationID: s.check.VerificationID, ReadAt: readAt.UTC().Truncate(time.Microsecond),
			ShownHash: s.shown, LogDigest: entry.Digest,
		},
	})
}
