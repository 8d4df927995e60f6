package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// certify draws a number, signs a genuine certificate for the document and stores it.
func (s *System) certify(ctx context.Context, db pg.DBTX, kind archivecert.Kind, d document, now time.Time) (certificate, error) {
	serial, err := nextSerial(ctx, db)
	if err != nil {
		return certificate{}, err
	}
	prefix, validity := "R", s.config.RegistrationValidity
	if kind == archivecert.KindOriginal {
		prefix, validity = "O", s.config.OriginalValidity
	}
	c := certificate{
		Number:     fmt.Sprintf("%s-%s-%010d", prefix, now.In(id.KST).Format("20060102"), serial),
		DocumentID: d.ID, Kind: kind, IssuedAt: now, ValidUntil: now.Add(time.Duration(validity)),
	}
	if c.DER, err = sign(c, d, archivecert.Signer(s.authority.Signer(pki.Archive)), d.Hash); err != nil {
		return certificate{}, err
	}
	return c, insertCertificate(ctx, db, c)
}

// sign returns a certificate that states the given hash for the document.
func sign(c certificate, d document, signer archivecert.Signer, hash string) ([]byte, error) {
	statement := archivecert.Statement{
		CertificateNumber: c.Number, DocumentID: d.ID.String(), Issuer: pki.ArchiveName, Owner: d.MemberName, OnBehalfOf: d.OnBehalfOf,
		Hash: hash, AttachmentHashes: d.AttachmentHashes,
		RegisteredAt: d.RegisteredAt, ValidFrom: c.IssuedAt, ValidUntil: c.ValidUntil,
	}
	if c.Kind == archivecert.KindOriginal {
		return archivecert.IssueOriginal(statement, archivecert.Digest(d.Certificate), signer, c.IssuedAt)
	}
	return archivecert.IssueRegistration(statement, signer, c.IssuedAt)
}

// distort returns the certificate for an answer: the genuine one, unless a scenario asks for a false one.
func (s *System) distort(c certificate, d document) ([]byte, error) {
	genuine := archivecert.Signer(s.authority.Signer(pki.Archive))
	if _, ok := s.Scenarios.Take(scenario.CertificateExpired, d.Hash); ok {
		expired, err := s.authority.Expired(pki.Archive)
		if err != nil {
			return nil, err
		}
		return sign(c, d, archivecert.Signer(expired), d.Hash)
	}
	if _, ok := s.Scenarios.Take(scenario.CertificateForeignSigner, d.Hash); ok {
		foreign, err := s.authority.Foreign(pki.Archive)
		if err != nil {
			return nil, err
		}
		return sign(c, d, archivecert.Signer(foreign), d.Hash)
	}
	if _, ok := s.Scenarios.Take(scenario.CertificateOtherDocument, d.Hash); ok {
		other := sha256.Sum256([]byte(d.Hash))
		return sign(c, d, genuine, hex.EncodeToString(other[:]))
	}
	if _, ok := s.Scenarios.Take(scenario.CertificateOtherOwner, d.Hash); ok {
		d.MemberName = "다른 기탁자"
		return sign(c, d, genuine, d.Hash)
	}
	if sc, ok := s.Scenarios.Take(scenario.CertificateBackdated, d.Hash); ok {
		d.RegisteredAt = d.RegisteredAt.Add(-time.Duration(sc.Delay))
		return sign(c, d, genuine, d.Hash)
	}
	if _, ok := s.Scenarios.Take(scenario.CertificateForged, d.Hash); ok {
		return forge(c.DER, d.Hash), nil
	}
	return c.DER, nil
}

// forge changes one digit of the stated hash and keeps the signature.
func forge(der []byte, hash string) []byte {
	forged := bytes.Clone(der)
	if at := bytes.Index(forged, []byte(hash)); at >= 0 {
		if forged[at] == '0' {
			forged[at] = '1'
		} else {
			forged[at] = '0'
		}
	}
	return forged
}
