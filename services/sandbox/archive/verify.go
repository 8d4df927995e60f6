package archive

import (
	"errors"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
)

type verifyRequest struct {
	// Certificate is a registration or original certificate, base64.
	Certificate []byte `json:"certificate"`
	// Hash is the hash of the document that the certificate should be about (hexadecimal); optional.
	Hash string `json:"hash,omitempty"`
}

type verifyAnswer struct {
	// Valid is true if the certificate is genuine, valid now and, if a hash was given, about that document.
	Valid bool `json:"valid"`
	// Issued is true if this archive's records hold exactly these bytes.
	Issued bool `json:"issued"`
	// Failures name the checks that failed: format, kind, signature, chain, foreign, expired, hash.
	Failures  []string         `json:"failures"`
	Kind      archivecert.Kind `json:"kind,omitempty"`
	Statement *statementAnswer `json:"statement,omitempty"`
}

type statementAnswer struct {
	CertificateNumber string    `json:"certificateNumber"`
	DocumentID        string    `json:"documentId"`
	HashAlgorithm     string    `json:"hashAlgorithm"`
	Hash              string    `json:"hash"`
	AttachmentHashes  []string  `json:"attachmentHashes,omitempty"`
	RegisteredAt      time.Time `json:"registeredAt"`
	ValidFrom         time.Time `json:"validFrom"`
	ValidUntil        time.Time `json:"validUntil"`
}

// verify answers anybody who holds a certificate. It returns nothing that the certificate does not say.
func (s *System) verify(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request verifyRequest
	if err := decode(r.Body, &request); err != nil {
		return nil, err
	}
	if request.Hash != "" && !isHash(request.Hash) {
		return nil, badForm("hash", "SHA-256 in hexadecimal")
	}
	answer := verifyAnswer{Failures: []string{}}
	kind, statement, err := s.read(request.Certificate)
	if err == nil && request.Hash != "" {
		err = statement.Covers(request.Hash, statement.AttachmentHashes)
	}
	for _, failed := range archivecert.FailedChecks(err) {
		answer.Failures = append(answer.Failures, failed.Name)
	}
	if statement != nil {
		answer.Kind, answer.Statement = kind, &statementAnswer{
			CertificateNumber: statement.CertificateNumber, DocumentID: statement.DocumentID,
			HashAlgorithm: archivecert.HashAlgorithm, Hash: statement.Hash, AttachmentHashes: statement.AttachmentHashes,
			RegisteredAt: statement.RegisteredAt, ValidFrom: statement.ValidFrom, ValidUntil: statement.ValidUntil,
		}
		if answer.Issued, err = issued(r.Context(), s.DB, request.Certificate); err != nil {
			return nil, err
		}
	}
	answer.Valid = answer.Issued && len(answer.Failures) == 0
	return answer, nil
}

// read verifies a certificate of either kind.
func (s *System) read(der []byte) (archivecert.Kind, *archivecert.Statement, error) {
	now := s.Clock.Now()
	registration, err := s.verifier.Registration(der, now)
	if err == nil {
		return archivecert.KindRegistration, &registration.Statement, nil
	}
	if !errors.Is(err, archivecert.ErrKind) {
		return "", nil, err
	}
	original, err := s.verifier.Original(der, now)
	if err != nil {
		return "", nil, err
	}
	return archivecert.KindOriginal, &original.Statement, nil
}
