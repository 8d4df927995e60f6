// Package limits is the one table of how long and of what kind a document's values may be. Each value is as large as the
// narrowest step of its way allows, so that what is accepted can be registered at the hub, certified and viewed. The rules in the
// protos say the same (a test holds them to this table); the hub's client, the formats of certificates and the published limits
// take them from here.
package limits

// Characters of a document's texts; the narrowest step is the hub's (hub-interface 3, 4 and 6).
const (
	Title      = 100
	Address    = 100
	SubAddress = 100
	PlatformID = 25
	// Reason of a request for a certificate (발급요청 사유).
	Reason = 200
	// PersonName and the names of institutions (hub-interface 3: name).
	PersonName = 40
	// CertifiedName is that of a party, an issuer or an owner in a certificate.
	CertifiedName = 100
	OwnKey        = 40
	// ViewingURL leaves place for the token within what relays take (sender-interface 3).
	ViewingURL = 1000
)

const (
	// Attachments of one document: the formats of registration and distribution certificates name no more.
	Attachments = 10
	// HashAlgorithm is the only one. The hub takes a hash of at most 100 characters and is not told its algorithm, and the
	// formats of certificates know no other.
	HashAlgorithm = "SHA-256"
	// RegistrationCertificateBytes of a registration certificate (최초등록증명서) in DER.
	RegistrationCertificateBytes = 16 << 10
)
