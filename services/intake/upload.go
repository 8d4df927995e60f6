package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// upload is a certificate that a sender brings ahead of its documents.
type upload struct {
	digest      certificateID
	der         []byte
	tenant      uuid.UUID
	caller      authn.Principal
	at          time.Time
	traceparent string
}

// subject of the fact that a sender supplied a certificate; the fact is stated once for each sender.
func (u *upload) subject() string { return hex.EncodeToString(u.digest[:]) + "/" + u.caller.ID }

// UploadRegistrationCertificate verifies a certificate and keeps it by its digest; others may have supplied it before.
func (s *server) UploadRegistrationCertificate(ctx context.Context, req *intakev1.UploadRegistrationCertificateRequest) (*intakev1.UploadRegistrationCertificateResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	u := &upload{der: req.GetRegistrationCertificate(), caller: caller, at: s.clock.Now(), traceparent: journal.Traceparent(ctx)}
	if _, err := s.verifier.Registration(u.der, u.at); err != nil {
		return nil, refusalOf([]finding{certificateFinding(fieldCertificate, err)})
	}
	u.digest = sha256.Sum256(u.der)
	if u.tenant, err = tenantOf(caller); err != nil {
		return nil, err
	}
	if err := s.uploads.Commit(ctx, u); err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &intakev1.UploadRegistrationCertificateResponse{Digest: hex.EncodeToString(u.digest[:])}, nil
}

// keepUploads keeps certificates, unless they are kept already, and states who supplied them for the first time.
func keepUploads(ctx context.Context, tx *journal.Tx, uploads []*upload) error {
	const keep = `
		insert into registration_certificate (digest, certificate, kept_at)
		select * from unnest($1::bytea[], $2::bytea[], $3::timestamptz[])
		on conflict (digest) do nothing`
	const supplied = `
		insert into certificate_supplier (digest, tenant, commit_id)
		select digest, tenant, $3 from unnest($1::bytea[], $2::uuid[]) u(digest, tenant)
		on conflict (digest, tenant) do nothing
		returning digest, tenant`
	digests := pg.Column(uploads, func(u *upload) []byte { return u.digest[:] })
	if err := pg.Exec(ctx, tx, fmt.Sprintf("keep %d registration certificates", len(uploads)), keep, digests,
		pg.Column(uploads, func(u *upload) []byte { return u.der }),
		pg.Column(uploads, func(u *upload) time.Time { return u.at })); err != nil {
		return err
	}
	type supply struct {
		digest certificateID
		tenant uuid.UUID
	}
	first := map[supply]bool{}
	var digest []byte
	var tenant uuid.UUID
	if err := pg.Each(ctx, tx, "remember who supplied certificates", []any{&digest, &tenant}, func() error {
		first[supply{certificateID(digest), tenant}] = true
		return nil
	}, supplied, digests, pg.Column(uploads, func(u *upload) uuid.UUID { return u.tenant }), tx.CommitID()); err != nil {
		return err
	}
	for _, u := range uploads {
		if !first[supply{u.digest, u.tenant}] {
			continue
		}
		if err := tx.Record(ctx, journal.Fact{Subject: u.subject(), Sender: u.caller.ID, Actor: u.caller.ID, OccurredAt: u.at, Traceparent: u.traceparent,
			Message: &intakev1.RegistrationCertificateSupplied{Authentication: authenticationOf(u.caller)}}); err != nil {
			return err
		}
	}
	return nil
}
