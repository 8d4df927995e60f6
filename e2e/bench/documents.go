package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/archivecert"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const (
	certificateLife = 24 * time.Hour
	// ownerName is the archive's member that every institution here is, as the seeded one.
	ownerName = "시험용 발송기관"
)

// authority opens the sandbox's keys, to certify documents as the archive does but without an HTTP call for each.
func (s *stack) authority() (*pki.Store, error) {
	return pki.Open(pki.Options{Dir: filepath.Join(s.dir, "sandbox", "pki"), Clock: s.clock})
}

// document makes the send request for an invented document with a hash of its own, certified by the signer as by the archive.
func (c *chain) document(from *institution, ownKey, recipient string, signer pki.Signer) (*intakev1.SendItem, error) {
	hash := sha256.Sum256([]byte(rand.Text()))
	now := c.stack.clock.Now()
	certificate, err := archivecert.IssueRegistration(archivecert.Statement{
		CertificateNumber: "R-" + ownKey, DocumentID: uuid.NewString(), Issuer: pki.ArchiveName, Owner: ownerName,
		Hash: hex.EncodeToString(hash[:]), RegisteredAt: now, ValidFrom: now, ValidUntil: now.Add(certificateLife),
	}, archivecert.Signer(signer), now)
	if err != nil {
		return nil, fmt.Errorf("certify document: %w", err)
	}
	return &intakev1.SendItem{
		OwnKey: ownKey, Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(recipient)}, Title: "시험용 재산세 납부 안내문",
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_BILL,
		DocumentHash:            &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(hash[:])},
		Viewing:                 &intakev1.Viewing{Url: "https://viewing.example/documents/" + uuid.NewString(), ViewingSystem: from.viewingSystem},
		RegistrationCertificate: certificate,
	}, nil
}

// items makes count send requests of a round, numbered from first. Own keys begin with the round's name and a hyphen. The
// recipients alternate.
func (c *chain) items(ctx context.Context, from *institution, name string, first, count int) ([]*intakev1.SendItem, error) {
	made, signer := make([]*intakev1.SendItem, count), c.authority.Signer(pki.Archive)
	return made, each(ctx, runtime.GOMAXPROCS(0), count, func(_ context.Context, i int) (err error) {
		n := first + i
		made[i], err = c.document(from, fmt.Sprintf("%s-%07d", name, n), c.members[n%len(c.members)].ci, signer)
		return err
	})
}

// batches makes count documents of a round, in batches of the given size.
func (c *chain) batches(ctx context.Context, from *institution, name string, first, count, size int) ([]*intakev1.BatchSendRequest, error) {
	items, err := c.items(ctx, from, name, first, count)
	if err != nil {
		return nil, err
	}
	var made []*intakev1.BatchSendRequest
	for chunk := range slices.Chunk(items, size) {
		made = append(made, &intakev1.BatchSendRequest{Items: chunk})
	}
	return made, nil
}

// check is a defect that the relay must refuse, and the reason it gave.
type check struct {
	Defect string `json:"defect"`
	Reason string `json:"refusedWith"`
}

// proveChecks sends items with one defect each through the same door. All of them must be refused.
func (c *chain) proveChecks(ctx context.Context) ([]check, error) {
	expired, err := c.authority.Expired(pki.Archive)
	if err != nil {
		return nil, err
	}
	foreign, err := c.authority.Foreign(pki.Archive)
	if err != nil {
		return nil, err
	}
	genuine := c.authority.Signer(pki.Archive)
	defects := []struct {
		name   string
		signer pki.Signer
		spoil  func(*intakev1.SendItem)
	}{
		{"certificate about another document", genuine, func(i *intakev1.SendItem) { i.DocumentHash.Value = hex.EncodeToString(make([]byte, sha256.Size)) }},
		{"certificate with a changed byte", genuine, func(i *intakev1.SendItem) { i.RegistrationCertificate[len(i.RegistrationCertificate)-1] ^= 1 }},
		{"certificate of an expired signer", expired, func(*intakev1.SendItem) {}},
		{"certificate under a root nobody pinned", foreign, func(*intakev1.SendItem) {}},
		{"viewing system that does not serve the sender", genuine, func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = uuid.NewString() }},
		{"no recipient", genuine, func(i *intakev1.SendItem) { i.Recipient = nil }},
	}
	request := &intakev1.BatchSendRequest{}
	for n, d := range defects {
		item, err := c.document(c.sender, fmt.Sprintf("check-%d", n), c.members[0].ci, d.signer)
		if err != nil {
			return nil, err
		}
		d.spoil(item)
		request.Items = append(request.Items, item)
	}
	sender, err := c.sender.as(ctx)
	if err != nil {
		return nil, err
	}
	response, err := intakev1.NewIntakeServiceClient(c.conns[0]).BatchSend(sender, request)
	if err != nil {
		return nil, fmt.Errorf("send items with defects: %w", err)
	}
	proved := make([]check, len(defects))
	for n, outcome := range response.GetOutcomes() {
		if outcome.GetRefused() == nil {
			return nil, fmt.Errorf("a check is off: %s was accepted", defects[n].name)
		}
		proved[n] = check{Defect: defects[n].name, Reason: outcome.GetRefused().GetReason()}
	}
	return proved, nil
}
