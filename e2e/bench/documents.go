package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/archivecert"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const certificateLife = 24 * time.Hour

// authority opens the sandbox's keys, to certify as its archive does without asking it over HTTP for each document.
func (r *relay) authority() (*pki.Store, error) {
	return pki.Open(pki.Options{Dir: filepath.Join(r.dir, "sandbox", "pki"), Clock: r.clock})
}

// document makes the send request for an invented document of its own hash, certified by the signer as the archive would.
func (c *chain) document(ownKey, recipient string, signer pki.Signer) (*intakev1.SendItem, error) {
	hash := sha256.Sum256([]byte(rand.Text()))
	now := c.relay.clock.Now()
	certificate, err := archivecert.IssueRegistration(archivecert.Statement{
		CertificateNumber: "R-" + ownKey, DocumentID: uuid.NewString(), Issuer: pki.ArchiveName, Owner: "시험용 발송기관",
		Hash: hex.EncodeToString(hash[:]), RegisteredAt: now, ValidFrom: now, ValidUntil: now.Add(certificateLife),
	}, archivecert.Signer(signer), now)
	if err != nil {
		return nil, fmt.Errorf("certify document: %w", err)
	}
	return &intakev1.SendItem{
		OwnKey: ownKey, Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(recipient)}, Title: "시험용 재산세 납부 안내문",
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_BILL,
		DocumentHash:            &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(hash[:])},
		Viewing:                 &intakev1.Viewing{Url: "https://viewing.example/documents/" + uuid.NewString(), ViewingSystem: c.viewingSystem},
		RegistrationCertificate: certificate,
	}, nil
}

// batches makes a round's send requests. Own keys begin with the round's name and a hyphen.
func (c *chain) batches(name string) ([]*intakev1.BatchSendRequest, error) {
	var made []*intakev1.BatchSendRequest
	signer := c.authority.Signer(pki.Archive)
	for i := range c.options.documents {
		if i%batchItems == 0 {
			made = append(made, &intakev1.BatchSendRequest{})
		}
		item, err := c.document(fmt.Sprintf("%s-%07d", name, i), c.recipients[i%len(c.recipients)], signer)
		if err != nil {
			return nil, err
		}
		last := made[len(made)-1]
		last.Items = append(last.Items, item)
	}
	return made, nil
}

// check is something the relay must refuse, and the reason it gave.
type check struct {
	Defect string `json:"defect"`
	Reason string `json:"refusedWith"`
}

// proveChecks sends items with one defect each through the same door, and wants all of them refused.
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
		item, err := c.document(fmt.Sprintf("check-%d", n), c.recipients[0], d.signer)
		if err != nil {
			return nil, err
		}
		d.spoil(item)
		request.Items = append(request.Items, item)
	}
	sender, err := c.relay.withToken(ctx, c.conns[0])
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
