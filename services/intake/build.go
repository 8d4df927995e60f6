package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/intake/internal/receipt"
)

// policyVersion names the rules of acceptance in evidence; it changes when they do.
const policyVersion = "intake/1"

// Kinds of evidence.
const (
	evidenceAccepted    = "send_request_accepted"
	evidenceCertificate = "registration_certificate_supplied"
	evidenceCancel      = "cancel_requested"
)

// sealer encrypts a value for a purpose's readers.
type sealer interface {
	Seal(ctx context.Context, p sealed.Purpose, subject string, plaintext []byte) ([]byte, error)
}

// builder makes of a good item what is committed of it.
type builder struct {
	// platform is this relay's platform id.
	platform string
	sealer   sealer
	receipts *receipt.Signer
}

// build makes the row of an item. Nothing personal is in it in clear.
func (b *builder) build(ctx context.Context, v *visit, c *candidate, number id.EdocNumber) (*row, error) {
	subject := string(number)
	values, err := b.seal(ctx, c.item, subject)
	if err != nil {
		return nil, err
	}
	facts := b.facts(v, c, number)
	facts.SealedTitle, facts.SealedViewingIdentifier = values.title, values.identifier
	r := &row{
		tenant: v.tenant, ownKey: c.item.GetOwnKey(), fingerprint: c.fingerprint, number: number, acceptedAt: v.at, lane: v.lane,
		digest: c.digest, sealedRecipient: values.recipient, traceparent: journal.Traceparent(ctx),
	}
	if !c.supplied.kept {
		r.certificate = c.supplied.der
	}
	if r.facts, err = (proto.MarshalOptions{Deterministic: true}).Marshal(facts); err != nil {
		return nil, fmt.Errorf("encode facts: %w", err)
	}
	if r.receipt, err = b.receipts.Sign(receipt.Claims{
		EdocNum: subject, DocumentHash: receipt.Digest{Algorithm: facts.GetDocumentHash().GetAlgorithm(), Value: facts.GetDocumentHash().GetValue()},
		RegistrationCertificateDigest: facts.GetRegistrationCertificateDigest(), AcceptedAt: receipt.Time(v.at),
		OwnKey: r.ownKey, Sender: facts.GetSender(),
	}); err != nil {
		return nil, err
	}
	if r.evidence, err = acceptedEvidence(v, r); err != nil {
		return nil, err
	}
	if v.lane != platformv1.Lane_LANE_BULK {
		if r.event, err = outbox.Encode(ctx, acceptedEvent(facts, r.sealedRecipient, r.traceparent)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// facts are what is known of a document at its acceptance. This relay registers the circulation record until another is found to.
func (b *builder) facts(v *visit, c *candidate, number id.EdocNumber) *platformv1.DocumentFacts {
	item := c.item
	facts := &platformv1.DocumentFacts{
		EdocNum: string(number), Sender: v.tenant.String(), Actor: v.tenant.String(), OwnKey: item.GetOwnKey(), Lane: v.lane,
		From: &platformv1.Party{
			PlatformId: v.sender.address.platform, Address: v.sender.address.address, SubAddress: item.GetSenderSubAddress(),
			ValidFrom: timestamppb.New(v.sender.address.validFrom),
		},
		DocumentType: item.GetDocumentType(), Category: item.GetCategory(), Circulation: !item.GetWithoutCirculation(),
		DocumentHash: item.GetDocumentHash(), AttachmentHashes: item.GetAttachmentHashes(),
		ViewingMode: platformv1.ViewingMode_VIEWING_MODE_SENDER, ViewingSystem: c.system.String(), ViewingUrl: item.GetViewing().GetUrl(),
		SendDeadline: timestamppb.New(c.deadlines.send), ViewingDeadline: timestamppb.New(c.deadlines.viewing),
		AcceptedAt: timestamppb.New(v.at), RegisteredAt: timestamppb.New(c.supplied.registration.RegisteredAt),
		RegistrationCertificateDigest: c.supplied.registration.Digest,
		// The archive's format knows this algorithm alone, and the certificate was found to be about the document's hash.
		RegisteredHash: &platformv1.Digest{Algorithm: item.GetDocumentHash().GetAlgorithm(), Value: c.supplied.registration.Hash},
		Repeats:        item.GetRepeats(),
	}
	if facts.GetCirculation() {
		facts.Registrar = b.platform
	}
	return facts
}

// sealedValues are the personal parts of an item, each for its readers.
type sealedValues struct{ title, recipient, identifier []byte }

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
		{sealed.Title, []byte(item.GetTitle()), &values.title},
		{sealed.RecipientDescription, recipient, &values.recipient},
		{sealed.ViewingIdentifier, recipient, &values.identifier},
	} {
		if *part.into, err = b.sealer.Seal(ctx, part.purpose, subject, part.clear); err != nil {
			return values, err
		}
	}
	return values, nil
}

// acceptedEvent is the fact that a document was accepted.
func acceptedEvent(facts *platformv1.DocumentFacts, sealedRecipient []byte, traceparent string) journal.Fact {
	return journal.Fact{
		Subject: facts.GetEdocNum(), Ordinal: 1, Sender: facts.GetSender(), Actor: facts.GetActor(), OccurredAt: facts.GetAcceptedAt().AsTime(),
		Traceparent: traceparent, Message: &intakev1.DocumentAccepted{Facts: facts, SealedRecipient: sealedRecipient},
	}
}

// acceptedEvidence binds everything that is kept of the item, by digest, to the caller's authentication. The fingerprint is keyed and the
// digests are over sealed values, so none of them can be tried out.
func acceptedEvidence(v *visit, r *row) (evidence.Entry, error) {
	return entryOf(v.caller, evidenceAccepted, string(r.number), v.at, struct {
		authentication
		Fingerprint                   string `json:"fingerprint"`
		RegistrationCertificateDigest string `json:"registrationCertificateDigest"`
		FactsDigest                   string `json:"factsDigest"`
		SealedRecipientDigest         string `json:"sealedRecipientDigest"`
		ReceiptDigest                 string `json:"receiptDigest"`
	}{
		authenticationOf(v.caller), hex.EncodeToString(r.fingerprint), hex.EncodeToString(r.digest[:]),
		digestOf(r.facts), digestOf(r.sealedRecipient), digestOf([]byte(r.receipt)),
	})
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// authentication is how and when the caller proved who it is.
type authentication struct {
	Client   string `json:"client"`
	Token    string `json:"token"`
	IssuedAt string `json:"tokenIssuedAt"`
}

func authenticationOf(p authn.Principal) authentication {
	return authentication{Client: p.Client, Token: p.TokenID, IssuedAt: receipt.Time(p.IssuedAt)}
}

// entryOf makes an evidence entry about what a sender did. The body is JSON whose members stand in the order of its type.
func entryOf(caller authn.Principal, kind, subject string, at time.Time, body any) (evidence.Entry, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return evidence.Entry{}, fmt.Errorf("encode evidence of %s: %w", subject, err)
	}
	return evidence.Entry{
		ID: id.New(), Kind: kind, Subject: subject, Tenant: caller.ID, Sender: caller.ID, Actor: caller.ID, PolicyVersion: policyVersion,
		OccurredAt: at, Body: encoded,
	}, nil
}
