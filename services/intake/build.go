package intake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/sealed"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// policyVersion names the rules of acceptance; it changes with them.
const policyVersion = "intake/1"

// builder makes from a good item what is committed for it.
type builder struct{ sealer sealed.Sealer }

// build makes the row of an item, without the receipt, which is signed later together with others. The row holds no personal data
// in clear.
func (b *builder) build(ctx context.Context, v *visit, c *candidate, number id.EdocNumber) (*row, error) {
	subject := string(number)
	values, err := b.seal(ctx, c.item, subject)
	if err != nil {
		return nil, err
	}
	facts := b.facts(v, c, number)
	facts.SealedTitle, facts.SealedViewingIdentifier, facts.SealedContact = values.title, values.identifier, values.contact
	r := &row{
		tenant: v.tenant, ownKey: c.item.GetOwnKey(), fingerprint: c.fingerprint, number: number, acceptedAt: v.at, lane: v.lane,
		digest: c.digest, authorisation: c.authorisationID(), sealedRecipient: values.recipient, traceparent: journal.Traceparent(ctx),
	}
	if c.supplied != nil && !c.supplied.kept {
		if r.certificate, err = sealCertificate(ctx, b.sealer, c.digest, c.supplied.der); err != nil {
			return nil, err
		}
	}
	r.accepted = acceptedOf(v.caller, facts, r, c)
	r.factSize = proto.Size(r.accepted)
	return r, nil
}

// sign makes the receipts of rows, with as many of one sender's as possible under one signature. The facts contain the receipts'
// digests.
func (c *committer) sign(rows []*row) error {
	byTenant := map[uuid.UUID][]*row{}
	for _, r := range rows {
		if r.receipt == "" { // an earlier attempt may have signed it
			byTenant[r.tenant] = append(byTenant[r.tenant], r)
		}
	}
	for _, of := range byTenant {
		for together := range slices.Chunk(of, receipt.MaxTogether) {
			if err := c.signTogether(together); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *committer) signTogether(rows []*row) error {
	claims := make([]receipt.Claims, len(rows))
	for i, r := range rows {
		facts := r.accepted.GetFacts()
		claims[i] = receipt.Claims{
			EdocNum: facts.GetEdocNum(), DocumentHash: receipt.Digest{Algorithm: facts.GetDocumentHash().GetAlgorithm(), Value: facts.GetDocumentHash().GetValue()},
			RegistrationCertificateDigest: facts.GetRegistrationCertificateDigest(), AcceptedAt: receipt.Time(r.acceptedAt),
			OwnKey: r.ownKey, Sender: facts.GetSender(),
		}
	}
	receipts, err := receipt.Sign(c.receipts, claims...)
	if err != nil {
		return err
	}
	for i, r := range rows {
		digest := sha256.Sum256([]byte(receipts[i]))
		r.receipt, r.accepted.ReceiptDigest = receipts[i], digest[:]
	}
	return nil
}

// facts are what is known about a document at its acceptance.
func (b *builder) facts(v *visit, c *candidate, number id.EdocNumber) *platformv1.DocumentFacts {
	item := c.item
	facts := &platformv1.DocumentFacts{
		EdocNum: string(number), Sender: v.tenant.String(), Actor: v.caller.ActedBy(), OwnKey: item.GetOwnKey(), Lane: v.lane,
		From: &platformv1.Party{
			PlatformId: v.sender.address.platform, Address: v.sender.address.address, SubAddress: item.GetSenderSubAddress(),
			ValidFrom: timestamppb.New(v.sender.address.validFrom),
		},
		DocumentType: item.GetDocumentType(), Category: item.GetCategory(), Circulation: !item.GetWithoutCirculation(),
		DocumentHash: c.hash, AttachmentHashes: c.attachments,
		SendDeadline: timestamppb.New(c.deadlines.send), ViewingDeadline: timestamppb.New(c.deadlines.viewing),
		AcceptedAt: timestamppb.New(v.at), Repeats: item.GetRepeats(), Batch: item.GetBatch(),
	}
	if c.authorisation != nil {
		facts.Authorisation = c.authorisation.id.String()
	}
	if handedOver(item) {
		facts.ViewingMode = platformv1.ViewingMode_VIEWING_MODE_RELAY
		facts.DocumentContent, facts.AttachmentContents = item.GetContent(), item.GetAttachmentContents()
		return facts
	}
	facts.ViewingMode, facts.ViewingSystem, facts.ViewingUrl = platformv1.ViewingMode_VIEWING_MODE_SENDER, c.system.String(), item.GetViewing().GetUrl()
	facts.RegisteredAt, facts.RegistrationCertificateDigest = timestamppb.New(c.supplied.registration.RegisteredAt), c.supplied.registration.Digest
	// Every profile knows only this algorithm, and the certificate is known to be about the document's hash.
	facts.RegisteredHash = &platformv1.Digest{Algorithm: c.hash.GetAlgorithm(), Value: c.supplied.registration.Hash}
	return facts
}

// sealedValues are the personal parts of an item, each for its readers.
type sealedValues struct{ title, recipient, identifier, contact []byte }

func (b *builder) seal(ctx context.Context, item *intakev1.SendItem, subject string) (sealedValues, error) {
	var values sealedValues
	recipient, err := proto.MarshalOptions{Deterministic: true}.Marshal(item.GetRecipient())
	if err != nil {
		return values, fmt.Errorf("encode recipient: %w", err)
	}
	for _, part := range []struct {
		purpose sealed.Purpose
		clear   []byte
		into    *[]byte
	}{
		{sealedTitle, []byte(item.GetTitle()), &values.title},
		{sealedDescription, recipient, &values.recipient},
		{sealedIdentifier, recipient, &values.identifier},
	} {
		if *part.into, err = b.sealer.Seal(ctx, part.purpose, subject, part.clear); err != nil {
			return values, err
		}
	}
	values.contact, err = b.sealContact(ctx, item, subject)
	return values, err
}

// sealContact seals how the recipient can be invited; nil where nothing says how.
func (b *builder) sealContact(ctx context.Context, item *intakev1.SendItem, subject string) ([]byte, error) {
	contact := contactOf(item)
	if contact == nil {
		return nil, nil
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(contact)
	if err != nil {
		return nil, fmt.Errorf("encode contact: %w", err)
	}
	return b.sealer.Seal(ctx, sealedContact, subject, raw)
}
