package cms

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Kind is what a message is: its content type, what its signer's certificate must be meant for, and how it may be bound.
type Kind uint8

// The kinds.
const (
	// Document: content of type id-data. A certificate that restricts its extended use must allow e-mail protection or document
	// signing (RFC 9336).
	Document Kind = iota
	// TimeStampToken: TSTInfo (RFC 3161). The signer's certificate is for time stamps alone, and says so critically (section
	// 2.3).
	TimeStampToken
	// DVCSResponse: DVCSResponse (RFC 3029). The signer's certificate says critically that it is for such responses.
	DVCSResponse
)

// kindRules are the rules of a kind.
type kindRules struct {
	contentType asn1.ObjectIdentifier
	// purpose is the extended key usage that must be named, critically; nil for documents.
	purpose asn1.ObjectIdentifier
	// alone: the certificate names no other.
	alone bool
	// oldBinding: the signing certificate may be bound by SHA-1 (ESSCertID, RFC 2634), which these formats demand since before
	// ESSCertIDv2. To bend it takes a second certificate of the same digest, which nobody can make.
	oldBinding bool
}

func (k Kind) rules() kindRules {
	switch k {
	case TimeStampToken:
		return kindRules{contentType: oidTSTInfo, purpose: oidTimeStamping, alone: true, oldBinding: true}
	case DVCSResponse:
		return kindRules{contentType: oidDVCSResponseData, purpose: oidDVCS, oldBinding: true}
	default:
		return kindRules{contentType: oidData}
	}
}

// checkUsage demands an end-entity certificate with digitalSignature or nonRepudiation (contentCommitment), for this kind.
func (k Kind) checkUsage(leaf *x509.Certificate) []*Failure {
	switch {
	case leaf.IsCA:
		return []*Failure{{Check: Usage, Detail: "signer certificate is a certification authority's"}}
	case leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return []*Failure{{Check: Usage, Detail: "key usage allows no signatures"}}
	case !k.allows(leaf):
		return []*Failure{{Check: Usage, Detail: "extended key usage does not allow signing such a message"}}
	}
	return nil
}

// allows reports whether the extended key usage of a signer's certificate is that of the kind.
func (k Kind) allows(leaf *x509.Certificate) bool {
	rules := k.rules()
	if rules.purpose == nil {
		return unrestricted(leaf) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) || names(leaf, oidDocumentSigning)
	}
	critical := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Critical && e.Id.Equal(oidExtKeyUsage) })
	return critical && names(leaf, rules.purpose) && (!rules.alone || len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 1)
}

// passes reports whether an authority between signer and root restricts its extended use so that the kind is left out.
func (k Kind) passes(authority *x509.Certificate) bool {
	purpose := k.rules().purpose
	if purpose == nil {
		return k.allows(authority)
	}
	return unrestricted(authority) || names(authority, purpose)
}

func unrestricted(certificate *x509.Certificate) bool {
	return slices.Contains(certificate.ExtKeyUsage, x509.ExtKeyUsageAny) || len(certificate.ExtKeyUsage)+len(certificate.UnknownExtKeyUsage) == 0
}

func names(certificate *x509.Certificate, purpose asn1.ObjectIdentifier) bool {
	if purpose.Equal(oidTimeStamping) {
		return slices.Contains(certificate.ExtKeyUsage, x509.ExtKeyUsageTimeStamping)
	}
	return slices.ContainsFunc(certificate.UnknownExtKeyUsage, purpose.Equal)
}
