package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// upload is a certificate that a sender brings ahead of its documents.
type upload struct {
	digest certificateID
	der    []byte
	// sealed is der as it is kept.
	sealed      []byte
	tenant      uuid.UUID
	caller      authn.Principal
	at          time.Time
	traceparent string
	// profile by which it was read, and the checks that could not be made.
	profile      string
	notCheckable []string
}

// UploadRegistrationCertificate judges a certificate as Send does and keeps it by its digest; others may have supplied it before.
func (s *server) UploadRegistrationCertificate(ctx context.Context, req *intakev1.UploadRegistrationCertificateRequest) (*intakev1.UploadRegistrationCertificateResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	u := &upload{der: req.GetRegistrationCertificate(), caller: caller, at: s.clock.Now(), traceparent: journal.Traceparent(ctx)}
	if u.tenant, err = tenantOf(caller); err != nil {
		return nil, err
	}
	registration, err := s.verifier.Registration(u.der, u.at)
	if err != nil {
		return nil, refusalOf([]finding{certificateFinding(fieldCertificate, err)})
	}
	sender, err := s.directory.sender(ctx, u.tenant, caller.Kind, u.at)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !sender.owns(registration) {
		return nil, refusalOf([]finding{ownerDiffers(fieldCertificate)})
	}
	u.profile, u.notCheckable = registration.Profile, registration.NotCheckable
	u.digest = sha256.Sum256(u.der)
	if u.sealed, err = sealCertificate(ctx, s.box, u.digest, u.der); err != nil {
		return nil, err
	}
	if err := s.uploads.Commit(ctx, u); err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &intakev1.UploadRegistrationCertificateResponse{Digest: hex.EncodeToString(u.digest[:])}, nil
}

// keepUploads keeps certificates, unless they are kept already, and states who supplied them for the first time.
func keepUploads(ctx context.Context, tx *journal.Tx, uploads []*upload) error {
	if err := insertCertificates(ctx, tx, uploads); err != nil {
		return err
	}
	first, err := insertSuppliers(ctx, tx, uploads)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		if !first[supply{u.digest, u.tenant}] {
			continue
		}
		if err := u.recordSupplied(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
