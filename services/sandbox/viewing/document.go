package viewing

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// domain of the problem documents.
const domain = "sandbox"

const (
	reasonSenderRefused   scenario.Reason = "VIEWING_SENDER_REFUSED"
	reasonDocumentInvalid scenario.Reason = "VIEWING_DOCUMENT_INVALID"
)

// maxMeta limits the JSON part of a stored document.
const maxMeta = 64 << 10

// meta is the part "meta" of POST /documents.
type meta struct {
	// Recipient has exactly one kind of identifier.
	Recipient viewingkit.Recipient `json:"recipient"`
	// EdocHash is the sender's hash of the document.
	EdocHash viewingkit.Hash `json:"edocHash"`
	// EdocNum and CertificateDigest are optional; if given, the viewer compares them too.
	EdocNum           string `json:"edocNum"`
	CertificateDigest string `json:"certificateDigest"`
	// ContentType defaults to application/pdf; FileName may be empty.
	ContentType string `json:"contentType"`
	FileName    string `json:"fileName"`
}

func invalid(field, message string) error {
	return fault.New(fault.Invalid, domain, reasonDocumentInvalid, "the document cannot be stored",
		fault.WithViolations(fault.Violation{Field: field, Rule: "document", Message: message}))
}

// storeDocument serves POST /documents (열람 전자문서 저장, guide 5.1.1 ❷): multipart/form-data with the parts "meta" (JSON) and
// "document".
func (s *System) storeDocument(w http.ResponseWriter, r *http.Request) (any, error) {
	sender, ok := s.authenticate(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="viewing"`)
		return nil, fault.New(fault.Unauthenticated, domain, reasonSenderRefused, "the sender is unknown or its secret wrong")
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.config.MaxDocumentBytes+maxMeta)
	m, content, err := readStored(r)
	if err != nil {
		return nil, err
	}
	documentID := id.New().String()
	if err := s.insertDocument(r.Context(), documentID, sender, m, content); err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(s.config.BaseURL, "/")
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	return scenario.Created{Value: map[string]string{"documentId": documentID, "viewingUrl": base + "/view/" + documentID}}, nil
}

// authenticate accepts basic credentials, or a secret as bearer token.
func (s *System) authenticate(r *http.Request) (string, bool) {
	name, secret, basic := r.BasicAuth()
	if !basic {
		secret = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	given := sha256.Sum256([]byte(secret))
	for _, sender := range s.config.Senders {
		want := sha256.Sum256([]byte(sender.SecretFile.Value()))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 && (!basic || name == sender.ID) {
			return sender.ID, true
		}
	}
	return "", false
}

func readStored(r *http.Request) (meta, []byte, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		return meta{}, nil, invalid("", "must be multipart/form-data")
	}
	found := map[string][]byte{}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return meta{}, nil, invalid("", "must be multipart/form-data within the size limit")
		}
		name := part.FormName()
		if _, twice := found[name]; twice || (name != "meta" && name != "document") {
			return meta{}, nil, invalid("", "must have exactly the parts meta and document")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return meta{}, nil, invalid(name, "must be within the size limit")
		}
		found[name] = content
	}
	m, err := checkStored(found["meta"], found["document"])
	return m, found["document"], err
}

func checkStored(rawMeta, content []byte) (meta, error) {
	if rawMeta == nil || content == nil {
		return meta{}, invalid("", "must have exactly the parts meta and document")
	}
	var m meta
	dec := json.NewDecoder(strings.NewReader(string(rawMeta)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return meta{}, invalid("meta", "must be the JSON of a document")
	}
	if m.Recipient.Validate() != nil {
		return meta{}, invalid("meta.recipient", "must have exactly one complete identifier")
	}
	hash, err := viewingkit.HashOf(m.EdocHash.Algorithm, content)
	if err != nil || !hash.Equal(m.EdocHash) {
		return meta{}, invalid("meta.edocHash", "must be the hash of the part document")
	}
	if m.EdocNum != "" {
		if _, err := id.ParseEdocNumber(m.EdocNum); err != nil {
			return meta{}, invalid("meta.edocNum", "must be an edoc number")
		}
	}
	if m.ContentType == "" {
		m.ContentType = "application/pdf"
	}
	if _, _, err := mime.ParseMediaType(m.ContentType); err != nil {
		return meta{}, invalid("meta.contentType", "must be a media type")
	}
	return m, nil
}

const insertDocumentSQL = `
	insert into document (document_id, sender, recipient, edoc_num, certificate_digest, content_type, file_name,
	                      hash_algorithm, hash_value, content, stored_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

func (s *System) insertDocument(ctx context.Context, documentID, sender string, m meta, content []byte) error {
	return pg.Exec(ctx, s.DB, fmt.Sprintf("store document %s", documentID), insertDocumentSQL, documentID, sender, m.Recipient, m.EdocNum,
		m.CertificateDigest, m.ContentType, m.FileName, m.EdocHash.Algorithm, m.EdocHash.Value, content, s.Clock.Now())
}

// shelf implements viewingkit.Store with the documents' table.
type shelf struct{ *System }

const findDocumentSQL = `
	select document_id, recipient, edoc_num, certificate_digest, content_type, file_name
	  from document
	 where document_id = $1`

// Find implements viewingkit.Store.
func (s shelf) Find(ctx context.Context, documentID string) (viewingkit.Document, error) {
	var d viewingkit.Document
	known, err := pg.Scan(ctx, s.DB, fmt.Sprintf("find document %s", documentID), []any{&d.ID, &d.Recipient, &d.EdocNum, &d.CertificateDigest,
		&d.ContentType, &d.FileName}, findDocumentSQL, documentID)
	if err == nil && !known {
		err = viewingkit.ErrNoDocument
	}
	return d, err
}

const contentSQL = `
	select content
	  from document
	 where document_id = $1`

// Content implements viewingkit.Store.
func (s shelf) Content(ctx context.Context, documentID string) ([]byte, error) {
	return pg.Value[[]byte](ctx, s.DB, fmt.Sprintf("read document %s", documentID), contentSQL, documentID)
}

// defaultAdvance is how much too early report-early reports if the scenario names no delay.
const defaultAdvance = time.Second

// badReporter is the system's report sink with the scenarios for false reports. They match by edoc number.
type badReporter struct{ *System }

// Put implements viewingkit.ReportSink.
func (s badReporter) Put(ctx context.Context, p viewingkit.PendingReport) error {
	if _, ok := s.Scenarios.Take(scenario.NeverReport, p.Report.EdocNum); ok {
		return nil
	}
	number := p.Report.EdocNum
	if sc, ok := s.Scenarios.Take(scenario.ReportEarly, number); ok {
		advance := time.Duration(sc.Delay)
		if advance == 0 {
			advance = defaultAdvance
		}
		p.Report.ReadAt = p.Report.ReadAt.Add(-advance)
	}
	if sc, ok := s.Scenarios.Take(scenario.ReportForeignDocument, number); ok {
		p.Report.EdocNum = sc.Body
	}
	return s.reporter.Put(ctx, p)
}

// otherContent is what show-other-bytes shows.
const otherContent = "시험용: 등록된 문서가 아닙니다\n"

// otherBytes is a store that returns other bytes than those stored.
type otherBytes struct{ shelf }

// Content implements viewingkit.Store.
func (otherBytes) Content(context.Context, string) ([]byte, error) { return []byte(otherContent), nil }

// selfDeceit is a relay whose hashes always match the other bytes, so the viewer behaves like one that does not compare. The hash
// it reports in the end is that of the shown bytes.
type selfDeceit struct{ viewingkit.Relay }

// VerifyToken implements viewingkit.Relay.
func (r selfDeceit) VerifyToken(ctx context.Context, token, requestID string) (viewingkit.Verified, error) {
	v, err := r.Relay.VerifyToken(ctx, token, requestID)
	if err != nil {
		return v, err
	}
	other, err := viewingkit.HashOf(v.DocumentHash.Algorithm, []byte(otherContent))
	if err != nil {
		return v, err
	}
	v.DocumentHash, v.RegisteredHash = other, other
	return v, nil
}
