package archivecert

import (
	"crypto"
	"encoding/hex"
	"slices"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms"
)

// The profiles beside the sandbox's own Format. None of them says who owns the document, which attachments belong to it, or how
// long the certificate is valid.
const (
	// ProfileDetached is a signature over the document that does not hold it: the signed digest is the certified hash, the
	// signing time the time of registration, the certificate's own digest its number.
	ProfileDetached = "cms-detached"
	// ProfileEncapsulated is the same with the document inside, so the document stands wherever the certificate does.
	ProfileEncapsulated = "cms-encapsulated"
	// ProfileTimeStamp is a time stamp token (RFC 3161) over the document's hash.
	ProfileTimeStamp = "rfc3161-token"
	// ProfileDVCS is a response (RFC 3029) that certifies possession of the document (cpd) or of its hash (ccpd).
	ProfileDVCS = "rfc3029-response"
)

// What certificates of some profiles do not say. An issuer's policy may accept that a check is not checkable for it.
const (
	CheckOwner       = "owner"
	CheckAttachments = "attachments"
	CheckValidity    = "validity"
)

var checkable = []string{CheckOwner, CheckAttachments, CheckValidity}

// profile says how what is certified is found in one format of certificates.
type profile struct {
	kind cms.Kind
	// detached: the certificate must not hold what is signed.
	detached bool
	// full: it says owner, attachments and validity, too.
	full bool
	read func(signed *cms.Result, der []byte) (*content, error)
}

// content is what a certificate says.
type content struct {
	Statement
	kind               Kind
	registrationDigest string
	// policy is the object identifier of the policy under which it was issued, dotted; empty where it names none.
	policy string
}

var profiles = map[string]profile{
	Format:              {full: true, read: readSandbox},
	ProfileDetached:     {detached: true, read: readDetached},
	ProfileEncapsulated: {read: readEncapsulated},
	ProfileTimeStamp:    {kind: cms.TimeStampToken, read: readAttestation(attestation.TimeStamp)},
	ProfileDVCS:         {kind: cms.DVCSResponse, read: readAttestation(attestation.DVCS)},
}

// Profiles are the known ones, sorted.
func Profiles() []string {
	return []string{ProfileDetached, ProfileEncapsulated, Format, ProfileDVCS, ProfileTimeStamp}
}

// says reports whether certificates of the profile say what the check needs.
func (p profile) says(check string) bool { return p.full || !slices.Contains(checkable, check) }

func readSandbox(signed *cms.Result, _ []byte) (*content, error) {
	w, failure := decode(signed.Content)
	if failure != nil {
		return nil, failure
	}
	s, err := w.statement()
	if err != nil {
		return nil, err
	}
	return &content{Statement: *s, kind: w.Kind, registrationDigest: w.RegistrationCertificateDigest}, nil
}

func readDetached(signed *cms.Result, der []byte) (*content, error) {
	if signed.Digest != crypto.SHA256 {
		return nil, malformed("hash algorithm")
	}
	return readDocument(signed, der, signed.MessageDigest)
}

func readEncapsulated(signed *cms.Result, der []byte) (*content, error) {
	hash := crypto.SHA256.New()
	hash.Write(signed.Content)
	return readDocument(signed, der, hash.Sum(nil))
}

// readDocument is a signature over the document itself. Two signatures of one moment are told apart by their own digests.
func readDocument(signed *cms.Result, der, hash []byte) (*content, error) {
	if signed.SigningTime.IsZero() {
		return nil, malformed("no signing time")
	}
	return &content{kind: KindRegistration, Statement: Statement{
		CertificateNumber: Digest(der), Hash: hex.EncodeToString(hash), RegisteredAt: signed.SigningTime,
	}}, nil
}

// readAttestation reads what a time stamp or a DVCS response says.
func readAttestation(read func(*cms.Result) (*attestation.Attestation, error)) func(*cms.Result, []byte) (*content, error) {
	return func(signed *cms.Result, _ []byte) (*content, error) {
		a, err := read(signed)
		if err != nil {
			return nil, malformed(err.Error())
		}
		return &content{kind: KindRegistration, policy: a.Policy, Statement: Statement{CertificateNumber: a.Serial, Hash: a.Hash, RegisteredAt: a.At}}, nil
	}
}
