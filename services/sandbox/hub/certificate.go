package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// CertificateDraft is the content of a distribution certificate (유통증명서).
type CertificateDraft struct {
	// Number is YYYY-MMDD-NNNN-NNNN.
	Number string
	// Circulation is the registered record. With the scenario certificate-other-document its ContentHash is another document's.
	Circulation Circulation
	// Applicant is the certified address of the party who asked; Reason is that party's text.
	Applicant string
	Reason    string
	IssuedAt  time.Time
	// Fault selects a wrong key for the signature: scenario.CertificateExpired or scenario.CertificateForeignSigner. Empty means
	// the genuine key.
	Fault scenario.Kind
	// LongTerm adds validation data and a document time stamp after the signature.
	LongTerm bool
}

// ErrNotCertifiable is wrapped by a renderer whose format cannot express a circulation, for example a hash of another algorithm.
var ErrNotCertifiable = errors.New("not certifiable")

// CertificateRenderer draws and signs a distribution certificate as PDF.
type CertificateRenderer interface {
	RenderCertificate(ctx context.Context, draft CertificateDraft) ([]byte, error)
	// RenderFigures does so with a certificate of monthly figures.
	RenderFigures(ctx context.Context, draft FiguresDraft) ([]byte, error)
}

type certificateRequest struct {
	EdocNum string  `json:"edocNum"`
	Eaddr   string  `json:"eaddr"`
	Reason  *string `json:"reason"`
}

type certificateHead struct {
	result
	CertNum string `json:"certNum,omitempty"`
}

type issuedCertificate struct {
	number string
	pdf    []byte
}

// certificateCall serves POST /api/cert and the certificate of figures, which answer unlike all other calls: multipart/mixed with
// JSON and PDF, or a failure as text/plain (or multipart).
func (s *System) certificateCall(issue func(context.Context, call) (head any, pdf []byte, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		var head any
		var pdf, body []byte
		platformID, err := s.authenticate(r)
		if err == nil {
			head, pdf, err = issue(ctx, call{r: r, w: w, platformID: platformID})
		}
		var contentType string
		if err == nil {
			contentType, body, err = certificateParts(head, pdf)
		}
		if err == nil {
			write(w, http.StatusOK, contentType, body)
			return
		}
		f, status := s.failureOf(ctx, r.URL.Path, err)
		s.exchanges.fail(r)
		s.writeCertificateFailure(w, status, f)
	})
}

func (s *System) writeCertificateFailure(w http.ResponseWriter, status int, f *failure) {
	head := certificateHead{result: f.result()}
	if s.config.CertificateFailureForm == FailureMultipart {
		if contentType, body, err := certificateParts(head, nil); err == nil {
			write(w, status, contentType, body)
			return
		}
	}
	body, err := encode(head)
	if err != nil {
		body = []byte(`{"resultCode":0}`)
	}
	write(w, status, "text/plain; charset=utf-8", body)
}

// certificateParts builds multipart/mixed from the JSON head and, if there is one, the PDF. The real hub names the file by a UUID
// although its specification says otherwise; so do we.
func certificateParts(head any, pdf []byte) (contentType string, body []byte, err error) {
	text, err := encode(head)
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	add := func(header textproto.MIMEHeader, content []byte) error {
		part, err := parts.CreatePart(header)
		if err != nil {
			return fmt.Errorf("make part: %w", err)
		}
		_, err = part.Write(content)
		return err
	}
	if err := add(textproto.MIMEHeader{"Content-Type": {"application/json"}}, text); err != nil {
		return "", nil, err
	}
	if pdf != nil {
		disposition := fmt.Sprintf(`attachment; filename="%s.pdf"`, uuid.New())
		if err := add(textproto.MIMEHeader{"Content-Type": {"application/pdf"}, "Content-Disposition": {disposition}}, pdf); err != nil {
			return "", nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return "", nil, fmt.Errorf("end multipart: %w", err)
	}
	return "multipart/mixed; boundary=" + parts.Boundary(), b.Bytes(), nil
}

// issueCertificate serves POST /api/cert. The applicant must be a party of the document and on the caller's platform; otherwise
// the answer is ERR-01-501 (no circulation). Each call issues a new certificate.
func (s *System) issueCertificate(ctx context.Context, c call) (head any, pdf []byte, err error) {
	issued, err := s.issue(ctx, c)
	return certificateHead{result: success, CertNum: issued.number}, issued.pdf, err
}

func (s *System) issue(ctx context.Context, c call) (issuedCertificate, error) {
	var req certificateRequest
	if err := readMessage(c, s.config.MaxBodyBytes, &req); err != nil {
		return issuedCertificate{}, err
	}
	if _, err := id.ParseEdocNumber(req.EdocNum); err != nil {
		return issuedCertificate{}, badForm("edocNum")
	}
	if !isAddress(req.Eaddr) {
		return issuedCertificate{}, badForm("eaddr")
	}
	reason := ""
	if req.Reason != nil && *req.Reason != "" {
		if reason = *req.Reason; !isText(reason, maxReason) {
			return issuedCertificate{}, badForm("reason")
		}
	}
	held, err := findCirculation(ctx, s.DB, req.EdocNum)
	if errors.Is(err, errNotFound) || (err == nil && (!isParty(held, c.platformID, req.Eaddr) || held.RegisteredAt.After(s.known(c)))) {
		return issuedCertificate{}, errNoCirculation
	}
	if err != nil {
		return issuedCertificate{}, err
	}
	return s.render(ctx, held, c.platformID, req.Eaddr, reason)
}

func isParty(c Circulation, platformID, eaddr string) bool {
	return (c.SendPlatformID == platformID && fold(c.SendEaddr) == fold(eaddr)) ||
		(c.RecvPlatformID == platformID && fold(c.RecvEaddr) == fold(eaddr))
}

func (s *System) render(ctx context.Context, held Circulation, platformID, applicant, reason string) (issuedCertificate, error) {
	now := s.Clock.Now()
	number, err := s.nextCertificateNumber(ctx, now)
	if err != nil {
		return issuedCertificate{}, err
	}
	draft := CertificateDraft{Number: number, Circulation: held, Applicant: applicant, Reason: reason, IssuedAt: now}
	for _, kind := range []scenario.Kind{scenario.CertificateExpired, scenario.CertificateForeignSigner} {
		if _, ok := s.Scenarios.Take(kind, held.EdocNum); ok {
			draft.Fault = kind
		}
	}
	_, draft.LongTerm = s.Scenarios.Take(scenario.CertificateLongTerm, held.EdocNum)
	misdeed := draft.Fault
	if _, ok := s.Scenarios.Take(scenario.CertificateOtherDocument, held.EdocNum); ok {
		misdeed = scenario.CertificateOtherDocument
		other := sha256.Sum256([]byte("other document than " + held.ContentHash))
		draft.Circulation.ContentHash = fmt.Sprintf("%x", other)
	}
	pdf, err := s.renderer.RenderCertificate(ctx, draft)
	if errors.Is(err, ErrNotCertifiable) {
		return issuedCertificate{}, errNotCertifiable
	}
	if err != nil {
		return issuedCertificate{}, fmt.Errorf("render certificate %s: %w", number, err)
	}
	if _, ok := s.Scenarios.Take(scenario.CertificateForged, held.EdocNum); ok {
		misdeed = scenario.CertificateForged
		pdf = forge(pdf)
	}
	if err := s.storeCertificate(ctx, draft, platformID, misdeed, pdf); err != nil {
		return issuedCertificate{}, err
	}
	s.pusher.issued(ctx, platformID, pushHead{number, held.EdocNum, applicant}, pdf)
	if _, ok := s.Scenarios.Take(scenario.PushOnly, held.EdocNum); ok {
		return issuedCertificate{}, errors.New("it is pushed alone")
	}
	return issuedCertificate{number: number, pdf: pdf}, nil
}

// forge changes one byte of the signed range: the first byte of the second line, which in every PDF is a comment of binary bytes,
// so the file still opens.
func forge(pdf []byte) []byte {
	forged := bytes.Clone(pdf)
	if i := bytes.IndexByte(forged, '\n'); i >= 0 && i+2 < len(forged) {
		forged[i+2] ^= 0x01
	}
	return forged
}

const nextSerialSQL = `
	insert into certificate_serial as c (day, last)
	values ($1, 1)
	    on conflict (day) do update
	   set last = c.last + 1
	returning last`

// nextCertificateNumber draws YYYY-MMDD-NNNN-NNNN. The date is in KST; the eight digits count the certificates of the day.
func (s *System) nextCertificateNumber(ctx context.Context, now time.Time) (string, error) {
	day := now.In(id.KST)
	last, err := pg.Value[int64](ctx, s.DB, "draw certificate number", nextSerialSQL, day.Format(time.DateOnly))
	digits := fmt.Sprintf("%08d", last)
	return strings.Join([]string{day.Format("2006-0102"), digits[:4], digits[4:]}, "-"), err
}

const insertCertificateSQL = `
	insert into certificate (cert_num, edoc_num, applicant, reason, platform_id, issued_at, scenario, digest, pdf)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

func (s *System) storeCertificate(ctx context.Context, d CertificateDraft, platformID string, misdeed scenario.Kind, pdf []byte) error {
	digest := sha256.Sum256(pdf)
	return pg.Exec(ctx, s.DB, fmt.Sprintf("store certificate %s", d.Number), insertCertificateSQL, d.Number, d.Circulation.EdocNum, d.Applicant,
		d.Reason, platformID, d.IssuedAt, string(misdeed), digest[:], pdf)
}

const certificateIssuedSQL = `
	select cert_num
	  from certificate
	 where digest = $1
	 limit 1`

// issuedNumber returns the number under which exactly these bytes were issued.
func issuedNumber(ctx context.Context, db pg.DBTX, pdf []byte) (string, error) {
	digest := sha256.Sum256(pdf)
	var number string
	known, err := pg.Scan(ctx, db, "find certificate by digest", []any{&number}, certificateIssuedSQL, digest[:])
	if err == nil && !known {
		err = errNotFound
	}
	return number, err
}
