package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Message is a SignedData taken apart and not judged yet; slices point into the input.
type Message struct {
	version      int64
	digests      int // how many digest algorithms are announced
	contentType  asn1.ObjectIdentifier
	content      []byte // nil when detached
	attached     bool
	certificates []byte // the elements of the certificates field, not yet parsed
	revocation   revocationData
	revocations  bool // the field for revocation lists is there
	signer       signerInfo
}

// SignatureValue is the value of the signature, over which time stamps are made.
func (m *Message) SignatureValue() []byte { return m.signer.signature }

// TimeStamps are the time stamp tokens over the signature that came with it as unsigned attributes. They are not judged: anybody
// can add them.
func (m *Message) TimeStamps() [][]byte { return m.signer.stamps }

type signerInfo struct {
	sid        []byte // encoded SignerIdentifier
	issuer     []byte // RawIssuer, when named by issuer and serial number
	serial     []byte // content octets of the serial number
	keyID      []byte // when named by subject key identifier
	digest     crypto.Hash
	toVerify   []byte // signed attributes with the SET OF tag, as digested
	attributes attributes
	algorithm  asn1.ObjectIdentifier
	signature  []byte
	stamps     [][]byte // time stamp tokens over the signature
}

type attributes struct {
	contentType   asn1.ObjectIdentifier
	messageDigest []byte
	signingTime   time.Time // zero when absent
	bindings      []binding
	oldBinding    cryptobyte.String // the value of ESSCertID (SHA-1), not parsed yet
}

// binding is the first ESSCertIDv2 or ESSCertID: which certificate the signer meant.
type binding struct {
	hash        crypto.Hash
	fingerprint []byte
}

// parse reads ContentInfo { id-signedData, [0] SignedData } and nothing after it.
func parse(der []byte) (*Message, *Failure) {
	input := cryptobyte.String(der)
	var info, wrapped, signedData cryptobyte.String
	var contentType asn1.ObjectIdentifier
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) {
		return nil, malformed("not a DER sequence")
	}
	if !input.Empty() {
		return nil, malformed("bytes after the message")
	}
	if !info.ReadASN1ObjectIdentifier(&contentType) || !contentType.Equal(oidSignedData) {
		return nil, malformed("not SignedData")
	}
	if !info.ReadASN1(&wrapped, explicit(0)) || !info.Empty() ||
		!wrapped.ReadASN1(&signedData, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return nil, malformed("ContentInfo")
	}
	return parseSignedData(signedData)
}

func parseSignedData(input cryptobyte.String) (*Message, *Failure) {
	var m Message
	var version int64
	if !input.ReadASN1Integer(&version) || (version != 1 && version != 3) {
		return nil, malformed("version of SignedData")
	}
	digests, failure := parseDigestAlgorithms(&input)
	if failure != nil {
		return nil, failure
	}
	m.version, m.digests = version, len(digests)
	if failure := m.parseContent(&input); failure != nil {
		return nil, failure
	}
	var certificates cryptobyte.String
	if !input.ReadASN1(&certificates, explicit(0)) || certificates.Empty() {
		return nil, malformed("no certificates")
	}
	m.certificates = certificates
	if input.PeekASN1Tag(explicit(1)) {
		var lists cryptobyte.String
		if !input.ReadASN1(&lists, explicit(1)) {
			return nil, malformed("revocation lists")
		}
		if m.revocation, failure = parseRevocationData(lists); failure != nil {
			return nil, failure
		}
		m.revocations = true
	}
	var signers, signer cryptobyte.String
	if !input.ReadASN1(&signers, cbasn1.SET) || !input.Empty() {
		return nil, malformed("signerInfos")
	}
	if !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return nil, malformed("not exactly one signer")
	}
	info, failure := parseSignerInfo(signer)
	if failure != nil {
		return nil, failure
	}
	if !slices.Contains(digests, info.digest) {
		return nil, malformed("signer's digest algorithm is not announced")
	}
	m.signer = *info
	return &m, nil
}

func parseDigestAlgorithms(input *cryptobyte.String) ([]crypto.Hash, *Failure) {
	var set cryptobyte.String
	if !input.ReadASN1(&set, cbasn1.SET) || set.Empty() {
		return nil, malformed("digestAlgorithms")
	}
	var digests []crypto.Hash
	for !set.Empty() {
		hash, ok := ReadDigestAlgorithm(&set)
		if !ok || len(digests) == 3 {
			return nil, malformed("digest algorithm is not accepted")
		}
		digests = append(digests, hash)
	}
	return digests, nil
}

func (m *Message) parseContent(input *cryptobyte.String) *Failure {
	var encapsulated, wrapped, content cryptobyte.String
	if !input.ReadASN1(&encapsulated, cbasn1.SEQUENCE) || !encapsulated.ReadASN1ObjectIdentifier(&m.contentType) {
		return malformed("encapContentInfo")
	}
	if encapsulated.Empty() {
		return nil
	}
	if !encapsulated.ReadASN1(&wrapped, explicit(0)) || !encapsulated.Empty() ||
		!wrapped.ReadASN1(&content, cbasn1.OCTET_STRING) || !wrapped.Empty() {
		return malformed("encapContentInfo")
	}
	m.content, m.attached = content, true
	return nil
}

func parseSignerInfo(input cryptobyte.String) (*signerInfo, *Failure) {
	var s signerInfo
	var version int64
	if !input.ReadASN1Integer(&version) {
		return nil, malformed("version of SignerInfo")
	}
	if failure := s.parseIdentifier(&input, version); failure != nil {
		return nil, failure
	}
	var ok bool
	if s.digest, ok = ReadDigestAlgorithm(&input); !ok {
		return nil, malformed("signer's digest algorithm is not accepted")
	}
	var encoded cryptobyte.String
	if !input.ReadASN1Element(&encoded, explicit(0)) {
		return nil, malformed("no signed attributes")
	}
	// RFC 5652 section 5.4: digested with the SET OF tag in place of the IMPLICIT [0].
	s.toVerify = append([]byte{byte(cbasn1.SET)}, encoded[1:]...)
	if failure := s.attributes.parse(encoded); failure != nil {
		return nil, failure
	}
	if s.algorithm, ok = readAlgorithm(&input); !ok {
		return nil, malformed("signatureAlgorithm")
	}
	var signature cryptobyte.String
	if !input.ReadASN1(&signature, cbasn1.OCTET_STRING) {
		return nil, malformed("signature")
	}
	s.signature = signature
	if !input.Empty() {
		if failure := s.parseUnsigned(&input); failure != nil {
			return nil, failure
		}
	}
	return &s, nil
}

func (s *signerInfo) parseIdentifier(input *cryptobyte.String, version int64) *Failure {
	switch keyIDTag := cbasn1.Tag(0).ContextSpecific(); {
	case version == 1 && input.PeekASN1Tag(cbasn1.SEQUENCE):
		var element, body, issuer, serial cryptobyte.String
		if !input.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			return malformed("signer identifier")
		}
		s.sid = element
		if !element.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
			!body.ReadASN1(&serial, cbasn1.INTEGER) || !body.Empty() {
			return malformed("signer identifier")
		}
		s.issuer, s.serial = issuer, serial
		return nil
	case version == 3 && input.PeekASN1Tag(keyIDTag):
		var element, keyID cryptobyte.String
		if !input.ReadASN1Element(&element, keyIDTag) {
			return malformed("signer identifier")
		}
		s.sid = element
		if !element.ReadASN1(&keyID, keyIDTag) || len(keyID) == 0 {
			return malformed("signer identifier")
		}
		s.keyID = keyID
		return nil
	default:
		return malformed("signer identifier does not fit the version")
	}
}

// parse reads the signed attributes: each kind once, in DER order, one value each.
func (a *attributes) parse(encoded cryptobyte.String) *Failure {
	var set cryptobyte.String
	if !encoded.ReadASN1(&set, explicit(0)) {
		return malformed("signed attributes")
	}
	var previous []byte
	var kinds []string
	for !set.Empty() {
		var element, body, values cryptobyte.String
		var kind asn1.ObjectIdentifier
		if len(kinds) == maxAttributes || !set.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			return malformed("signed attributes")
		}
		// X.690 section 11.6; no complete DER element is a prefix of another, so plain byte order is enough.
		if previous != nil && bytes.Compare(previous, element) >= 0 {
			return malformed("signed attributes are not in DER order")
		}
		previous = element
		if !element.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&kind) ||
			!body.ReadASN1(&values, cbasn1.SET) || !body.Empty() || values.Empty() {
			return malformed("signed attribute")
		}
		if slices.Contains(kinds, kind.String()) {
			return malformed("signed attribute given twice")
		}
		kinds = append(kinds, kind.String())
		if failure := a.take(kind, values); failure != nil {
			return failure
		}
	}
	if !slices.Contains(kinds, oidContentType.String()) || a.messageDigest == nil {
		return malformed("contentType or messageDigest is missing")
	}
	return nil
}

func (a *attributes) take(kind asn1.ObjectIdentifier, values cryptobyte.String) *Failure {
	switch {
	case kind.Equal(oidContentType):
		if !values.ReadASN1ObjectIdentifier(&a.contentType) || !values.Empty() {
			return malformed("signed content type")
		}
	case kind.Equal(oidMessageDigest):
		var digest cryptobyte.String
		if !values.ReadASN1(&digest, cbasn1.OCTET_STRING) || !values.Empty() || len(digest) == 0 {
			return malformed("messageDigest")
		}
		a.messageDigest = digest
	case kind.Equal(oidSigningTime):
		at, ok := readTime(&values)
		if !ok || !values.Empty() {
			return malformed("signingTime")
		}
		a.signingTime = at
	case kind.Equal(oidSigningCertificate):
		a.oldBinding = values
	case kind.Equal(oidSigningCertificateV2):
		return a.takeBinding(values, crypto.SHA256)
	}
	return nil
}

// takeBinding reads RFC 5035 SigningCertificateV2 or, with the digest algorithm SHA-1, SigningCertificate; the first identifier
// is the signer's certificate.
func (a *attributes) takeBinding(values cryptobyte.String, algorithm crypto.Hash) *Failure {
	var body, ids cryptobyte.String
	if !values.ReadASN1(&body, cbasn1.SEQUENCE) || !values.Empty() || !body.ReadASN1(&ids, cbasn1.SEQUENCE) || ids.Empty() {
		return malformed("signingCertificateV2")
	}
	for count := 0; !ids.Empty(); count++ {
		var id, fingerprint cryptobyte.String
		if count == maxCertificates || !ids.ReadASN1(&id, cbasn1.SEQUENCE) {
			return malformed("signingCertificateV2")
		}
		hash := algorithm
		if algorithm != crypto.SHA1 && id.PeekASN1Tag(cbasn1.SEQUENCE) {
			var ok bool
			if hash, ok = ReadDigestAlgorithm(&id); !ok {
				return malformed("digest algorithm of signingCertificateV2 is not accepted")
			}
		}
		if !id.ReadASN1(&fingerprint, cbasn1.OCTET_STRING) {
			return malformed("signingCertificateV2")
		}
		if count == 0 {
			a.bindings = append(a.bindings, binding{hash: hash, fingerprint: fingerprint})
		}
	}
	return nil
}

// parseUnsigned allows time stamps over the signature, which are not judged here, and nothing else: unsigned attributes can be
// added by anybody.
func (s *signerInfo) parseUnsigned(input *cryptobyte.String) *Failure {
	var set cryptobyte.String
	if !input.ReadASN1(&set, explicit(1)) || !input.Empty() || set.Empty() {
		return malformed("unsigned attributes")
	}
	for !set.Empty() {
		var body, values, token cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !set.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&kind) ||
			!body.ReadASN1(&values, cbasn1.SET) || !body.Empty() {
			return malformed("unsigned attributes")
		}
		if !kind.Equal(oidSignatureTimeStamp) {
			return malformed("unsigned attribute is not accepted")
		}
		for !values.Empty() {
			if len(s.stamps) == maxAttributes || !values.ReadASN1Element(&token, cbasn1.SEQUENCE) {
				return malformed("time stamps over the signature")
			}
			s.stamps = append(s.stamps, token)
		}
	}
	return nil
}

// readTime reads UTCTime before 2050 or GeneralizedTime from then on, both in whole seconds and UTC.
func readTime(s *cryptobyte.String) (time.Time, bool) {
	var at time.Time
	if s.PeekASN1Tag(cbasn1.UTCTime) {
		return at, s.ReadASN1UTCTime(&at) && at.Location() == time.UTC
	}
	ok := s.ReadASN1GeneralizedTime(&at)
	return at, ok && at.Location() == time.UTC && (at.Year() < 1950 || at.Year() >= 2050)
}

// readAlgorithm reads an AlgorithmIdentifier whose parameters are absent or NULL.
func readAlgorithm(s *cryptobyte.String) (asn1.ObjectIdentifier, bool) {
	var body, null cryptobyte.String
	var algorithm asn1.ObjectIdentifier
	if !s.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&algorithm) {
		return nil, false
	}
	if !body.Empty() && (!body.ReadASN1(&null, cbasn1.NULL) || len(null) != 0 || !body.Empty()) {
		return nil, false
	}
	return algorithm, true
}

// ReadDigestAlgorithm reads an AlgorithmIdentifier of an accepted digest algorithm; its parameters are absent or NULL.
func ReadDigestAlgorithm(s *cryptobyte.String) (crypto.Hash, bool) {
	algorithm, ok := readAlgorithm(s)
	switch {
	case ok && algorithm.Equal(oidSHA256):
		return crypto.SHA256, true
	case ok && algorithm.Equal(oidSHA384):
		return crypto.SHA384, true
	case ok && algorithm.Equal(oidSHA512):
		return crypto.SHA512, true
	default:
		return 0, false
	}
}
