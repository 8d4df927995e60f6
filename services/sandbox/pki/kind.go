package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// Kind is a kind of outside system with its own root.
type Kind string

// The kinds.
const (
	// Hub signs distribution certificates.
	Hub Kind = "hub"
	// Archive signs registration and original certificates.
	Archive Kind = "archive"
	// TimeStamp signs the time stamps of long-term certificates.
	TimeStamp Kind = "tsa"
	// Relay signs certificate bundles.
	Relay Kind = "relay"
	// Requester signs the bundles that somebody assembles who obtained the certificates itself (guide 5.1.2).
	Requester Kind = "requester"
	// Server is the TLS identity of all sandbox systems.
	Server Kind = "server"
)

// Common names of the leaf certificates. A verifier that pins a subject or an issuer pins one of these.
const (
	HubName     = "시험용 유통허브"
	ArchiveName = "시험용 전자문서보관소"
	ServerName  = "시험용 서버"
	// TimeStampName is the common name of the time stamps' signer.
	TimeStampName = "시험용 시점확인센터"
	// RelayName is the common name of who signs bundles for the relay.
	RelayName = "시험용 중계자"
	// RequesterName is the common name of who assembles bundles itself.
	RequesterName = "시험용 발급요청자"
)

// Organization is the organisation of every certificate.
const Organization = "시험용"

// profile is what a kind's leaf certificate may do.
type profile struct {
	name       string
	usage      x509.KeyUsage
	extended   []x509.ExtKeyUsage
	extendedID []asn1.ObjectIdentifier
	// extensions are written as they are.
	extensions []pkix.Extension
}

// documentSigner has the key usages digitalSignature and nonRepudiation, and the extended usages of RFC 9336 (document signing)
// and e-mail protection; common PDF readers judge signatures by the latter.
func documentSigner(name string) profile {
	return profile{
		name: name, usage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		extended:   []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		extendedID: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}},
	}
}

func profiles() map[Kind]profile {
	return map[Kind]profile{
		Hub:     documentSigner(HubName),
		Archive: documentSigner(ArchiveName),
		Relay:   documentSigner(RelayName),
		// A sender, a recipient or an office: whoever needs the proof.
		Requester: documentSigner(RequesterName),
		TimeStamp: {
			name: TimeStampName, usage: x509.KeyUsageDigitalSignature,
			// RFC 3161 section 2.3 wants the extended key usage critical: SEQUENCE { id-kp-timeStamping }.
			extensions: []pkix.Extension{{
				Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08},
			}},
		},
		Server: {
			name: ServerName, usage: x509.KeyUsageDigitalSignature,
			extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		},
	}
}
