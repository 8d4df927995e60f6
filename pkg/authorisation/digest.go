package authorisation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	itemVersion        = "naru.authorisation.item.v1"
	certificateVersion = "naru.authorisation.certificate.v1"
	listVersion        = "naru.authorisation.v1"
	// SaltBytes is how long a salt is.
	SaltBytes = 32
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String is the digest in lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// OfItem is the digest of an item, whose authorisation does not count. Its texts must have the form in which the relay keeps
// them.
func OfItem(item *intakev1.SendItem) Digest { return OfItemWith(item, CertificateDigest(item)) }

// OfItemWith is OfItem for whoever knows the digest of the item's certificate already.
func OfItemWith(item *intakev1.SendItem, certificate []byte) Digest {
	var e encoding
	e.text(itemVersion, item.GetOwnKey())
	e.recipient(item.GetRecipient())
	e.text(item.GetTitle())
	e.number(int64(item.GetDocumentType()), int64(item.GetCategory()), flag(item.GetWithoutCirculation()))
	e.hashes(item.GetDocumentHash())
	e.number(int64(len(item.GetAttachmentHashes())))
	e.hashes(item.GetAttachmentHashes()...)
	e.text(item.GetViewing().GetUrl(), strings.ToLower(item.GetViewing().GetViewingSystem()))
	e.times(item.GetViewing().GetDeadline(), item.GetSendDeadline())
	e.part(certificate)
	e.text(item.GetSenderSubAddress(), item.GetRepeats(), item.GetBatch())
	e.number(flag(item.Contact != nil))
	e.text(item.GetContact().GetPhone(), item.GetContact().GetEmail())
	e.text(strings.ToLower(item.GetContent()))
	e.number(int64(len(item.GetAttachmentContents())))
	for _, upload := range item.GetAttachmentContents() {
		e.text(strings.ToLower(upload))
	}
	return e.digest()
}

// OfCertificate is the digest of a document whose certificates are to be obtained for a reason, in the form in which the relay
// keeps it.
func OfCertificate(edocNum, reason string) Digest {
	var e encoding
	e.text(certificateVersion, edocNum, reason)
	return e.digest()
}

// Of is the digest of an authorisation by its salt and the digests of its items.
func Of(salt []byte, items ...Digest) Digest {
	var e encoding
	e.text(listVersion)
	e.part(salt)
	e.number(int64(len(items)))
	for _, item := range items {
		e.part(item[:])
	}
	return e.digest()
}

// CertificateDigest is the SHA-256 of the certificate that an item holds, or the one it names; nil for an item without a
// certificate.
func CertificateDigest(item *intakev1.SendItem) []byte {
	if held := item.GetRegistrationCertificate(); len(held) > 0 {
		sum := sha256.Sum256(held)
		return sum[:]
	}
	named, err := hex.DecodeString(item.GetRegistrationCertificateDigest())
	if err != nil { // no item that the relay accepts
		return nil
	}
	return named
}

// encoding is a list of values, each after its length.
type encoding struct{ bytes []byte }

func (e *encoding) part(value []byte) {
	e.bytes = binary.BigEndian.AppendUint32(e.bytes, uint32(len(value))) //nolint:gosec // a request is far shorter
	e.bytes = append(e.bytes, value...)
}

func (e *encoding) text(values ...string) {
	for _, v := range values {
		e.part([]byte(v))
	}
}

func (e *encoding) number(values ...int64) {
	for _, v := range values {
		e.part(binary.BigEndian.AppendUint64(nil, uint64(v))) //nolint:gosec // two's complement is the encoding
	}
}

func (e *encoding) hashes(values ...*platformv1.Digest) {
	for _, v := range values {
		e.text(v.GetAlgorithm(), v.GetValue())
	}
}

func (e *encoding) times(values ...*timestamppb.Timestamp) {
	for _, v := range values {
		if v == nil {
			e.part(nil)
			continue
		}
		e.number(v.AsTime().UnixMicro())
	}
}

func (e *encoding) recipient(r *platformv1.RecipientIdentifier) {
	switch {
	case r.GetPlatformAddress() != nil:
		a := r.GetPlatformAddress()
		e.text("platform_address", a.GetPlatformId(), a.GetAddress(), a.GetSubAddress())
	case r != nil && r.Ci != nil:
		e.text("ci", r.GetCi())
	case r.GetPerson() != nil:
		p := r.GetPerson()
		e.text("person", p.GetName(), p.GetBirthDate(), p.GetPhone())
	default:
		e.text("business_number", r.GetBusinessNumber())
	}
}

func (e *encoding) digest() Digest { return sha256.Sum256(e.bytes) }

func flag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}
