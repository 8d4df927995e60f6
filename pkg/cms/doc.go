// Package cms signs and verifies CMS SignedData (RFC 5652) in the one narrow form the relay accepts as proof.
//
// What is accepted: DER without trailing bytes, the content type of the kind that is asked for (id-data, a time stamp token, a
// DVCS response), exactly one SignerInfo with signed attributes (contentType, messageDigest, at most one signingTime and one
// signingCertificateV2), SHA-256, SHA-384 or SHA-512, and a signer key of P-256, P-384 or RSA from 2,048 to 4,096 bits (PKCS #1
// v1.5). Everything else is refused with a Failure that names the check, never repaired.
//
// A verdict is always "at" a time the caller gives and under roots the caller pins; the time the signer claims is returned but
// decides nothing except that it must lie inside the signer certificate's own life and not in the future. Revocation is judged by
// what the message carries (CRLs, OCSP answers) and what the caller configures (Revocations); nothing is fetched.
//
// Go's encoding/asn1 tolerates extra elements at the end of a SEQUENCE, and common CMS libraries put the current time into
// signingTime, default to SHA-1 and skip the content type; so parsing and building are done here with cryptobyte.
package cms

import "encoding/asn1"

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

	oidTSTInfo          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidDVCSResponseData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 8}

	oidContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSignatureTimeStamp   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}

	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}

	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidSHA256WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidSHA384WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidSHA512WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}

	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSAWithSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSAWithSHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}

	// RFC 9336: the extended key usage for signing documents.
	oidDocumentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
	oidTimeStamping    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidDVCS            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 10}

	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

const (
	// DefaultMaxBytes bounds the encoded SignedData when VerifyOptions.MaxBytes is zero.
	DefaultMaxBytes = 1 << 20
	// maxCertificates bounds the certificates carried in one SignedData.
	maxCertificates = 8
	// maxAttributes bounds the signed attributes of the one signer.
	maxAttributes = 16

	minRSABits = 2048
	maxRSABits = 4096
)
