package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// submission is the part "meta" of a registration.
type submission struct {
	// FileName and MediaType are returned on issue. They have 1 to 255 and 1 to 100 printable characters.
	FileName  string `json:"fileName"`
	MediaType string `json:"mediaType"`
	// Hash is what the depositor expects (SHA-256, hexadecimal); optional.
	Hash string `json:"hash,omitempty"`
	// AttachmentHashes are covered by the registration too, 0 to 10. The attachments themselves are not stored.
	AttachmentHashes []string `json:"attachmentHashes,omitempty"`
	// Reference is the depositor's own key of this registration; optional. A repetition under it gets the first registration.
	Reference string `json:"reference,omitempty"`
	// OnBehalfOf is for whom the member deposits, as the certificate states it; optional.
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
}

// documentAnswer describes a stored document.
type documentAnswer = archiveclient.Document

// submit serves 문서 등록 (SubmitDocument).
func (s *System) submit(w http.ResponseWriter, r *http.Request, m member) (any, error) {
	ctx := r.Context()
	r.Body = http.MaxBytesReader(w, r.Body, s.config.MaxDocumentBytes+2*scenario.MaxBodyBytes)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, badForm("", "multipart/form-data")
	}
	meta, err := readMeta(parts)
	if err != nil {
		return nil, err
	}
	content, err := parts.NextPart()
	if err != nil || content.FormName() != "document" {
		return nil, badForm("document", "second part, after meta")
	}
	arrived, err := s.files.take(id.New(), content, s.config.MaxDocumentBytes)
	if err != nil {
		return nil, err
	}
	d, duplicate, err := s.register(ctx, m, meta, arrived, parts)
	// After any other error the row may have been committed, so the file stays; the sweep removes it if no row names it.
	if duplicate || errors.Is(err, fault.Invalid) || errors.Is(err, fault.Conflict) {
		err = errors.Join(err, s.files.remove(arrived.id))
	}
	if err != nil {
		return nil, err
	}
	answer, err := s.answerDocument(d, duplicate)
	if err == nil && !duplicate {
		return scenario.Created{Value: answer}, nil
	}
	return answer, err
}

// once is what makes a submission a repetition of an earlier one.
func (s *System) once(meta submission, arrived arrival) string {
	_, forgetful := s.Scenarios.Take(scenario.Forgetful, arrived.hash)
	switch {
	case forgetful:
		return arrived.id.String()
	case meta.Reference != "":
		return "reference/" + meta.Reference
	default:
		return "hash/" + arrived.hash
	}
}

// register turns an arrived file into a registered document, or finds the earlier registration of the same submission.
func (s *System) register(ctx context.Context, m member, meta submission, arrived arrival, rest *multipart.Reader) (d document, duplicate bool, err error) {
	if _, err := rest.NextPart(); !errors.Is(err, io.EOF) {
		return d, false, badForm("", "two parts, meta and document")
	}
	if meta.Hash != "" && !strings.EqualFold(meta.Hash, arrived.hash) {
		return d, false, fault.New(fault.Invalid, domain, reasonHashMismatch, "the document does not have the expected hash")
	}
	if _, refused := s.Scenarios.Take(scenario.DepositRefused, arrived.hash); refused {
		return d, false, fault.New(fault.Invalid, domain, reasonRefused, "the archive does not take this document")
	}
	now, once := s.Clock.Now(), s.once(meta, arrived)
	err = pg.InTx(ctx, s.DB, func(tx *pg.Tx) error {
		d = document{
			ID: arrived.id, MemberID: m.ID, MemberName: m.Name, Hash: arrived.hash, AttachmentHashes: meta.AttachmentHashes,
			Reference: meta.Reference, OnBehalfOf: meta.OnBehalfOf, Size: arrived.size, FileName: meta.FileName, MediaType: meta.MediaType, RegisteredAt: now,
		}
		inserted, err := insertDocument(ctx, tx, d, once)
		if err != nil {
			return err
		}
		if duplicate = !inserted; duplicate {
			d, err = findOnce(ctx, tx, m.ID, once)
			return err
		}
		c, err := s.certify(ctx, tx, archivecert.KindRegistration, d, now)
		d.CertificateNumber, d.Certificate = c.Number, c.DER
		return err
	})
	if err == nil && duplicate && d.Hash != arrived.hash {
		return d, duplicate, fault.New(fault.Conflict, domain, reasonReference, "another document is registered under this reference")
	}
	if err == nil && duplicate && !slices.Equal(d.AttachmentHashes, meta.AttachmentHashes) {
		err = fault.New(fault.Conflict, domain, reasonAttachments, "the document is registered with other attachments")
	}
	return d, duplicate, err
}

func readMeta(parts *multipart.Reader) (submission, error) {
	var meta submission
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "meta" {
		return meta, badForm("meta", "first part")
	}
	if err := decode(part, &meta); err != nil {
		return meta, err
	}
	if !printable(meta.FileName, 255) {
		return meta, badForm("meta.fileName", "1 to 255 printable characters")
	}
	if !printable(meta.MediaType, 100) {
		return meta, badForm("meta.mediaType", "1 to 100 printable characters")
	}
	if !referencePattern.MatchString(meta.Reference) {
		return meta, badForm("meta.reference", "0 to 64 of A-Z a-z 0-9 . _ -")
	}
	if meta.OnBehalfOf != "" && !printable(meta.OnBehalfOf, 100) {
		return meta, badForm("meta.onBehalfOf", "1 to 100 printable characters")
	}
	if meta.Hash != "" && !isHash(meta.Hash) {
		return meta, badForm("meta.hash", "SHA-256 in hexadecimal")
	}
	if len(meta.AttachmentHashes) > archivecert.MaxAttachments {
		return meta, badForm("meta.attachmentHashes", "0 to 10")
	}
	hashes := make([]string, 0, len(meta.AttachmentHashes)) // the column is not null
	for _, hash := range meta.AttachmentHashes {
		if !isHash(hash) {
			return meta, badForm("meta.attachmentHashes", "SHA-256 in hexadecimal")
		}
		hashes = append(hashes, strings.ToLower(hash))
	}
	meta.AttachmentHashes = hashes
	return meta, nil
}

var referencePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

func printable(text string, limit int) bool {
	n := utf8.RuneCountInString(text)
	return n >= 1 && n <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func isHash(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 32
}

// answerDocument builds the answer; scenarios may change the registration certificate in it.
func (s *System) answerDocument(d document, duplicate bool) (documentAnswer, error) {
	der, err := s.registrationFor(d)
	return answerOf(d, der, duplicate), err
}

// registrationFor returns the registration certificate for an answer; scenarios may change it.
func (s *System) registrationFor(d document) ([]byte, error) {
	return s.distort(certificate{
		Number: d.CertificateNumber, DocumentID: d.ID, Kind: archivecert.KindRegistration, DER: d.Certificate,
		IssuedAt: d.RegisteredAt, ValidUntil: d.RegisteredAt.Add(time.Duration(s.config.RegistrationValidity)),
	}, d)
}

func answerOf(d document, der []byte, duplicate bool) documentAnswer {
	return documentAnswer{
		DocumentID: d.ID.String(), HashAlgorithm: archivecert.HashAlgorithm, Hash: d.Hash, AttachmentHashes: d.AttachmentHashes,
		Size: d.Size, FileName: d.FileName, MediaType: d.MediaType, RegisteredAt: d.RegisteredAt,
		CertificateNumber: d.CertificateNumber, RegistrationCertificate: der, Reference: d.Reference, OnBehalfOf: d.OnBehalfOf, Duplicate: duplicate,
	}
}
