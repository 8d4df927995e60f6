package attestation

import (
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"regexp"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/cms"
)

const (
	// maxSerialBits is the largest serial number that a reader of time stamps has to take (RFC 3161 section 2.4.2).
	maxSerialBits = 160
	// maxExtensions bounds the extensions of one token or response.
	maxExtensions = 16
)

// TimeStamp reads the TSTInfo of a token (RFC 3161 section 2.4.2).
func TimeStamp(signed *cms.Result) (*Attestation, error) {
	outer := cryptobyte.String(signed.Content)
	var info cryptobyte.String
	var version int64
	var policy asn1.ObjectIdentifier
	a := &Attestation{}
	switch {
	case !outer.ReadASN1(&info, cbasn1.SEQUENCE) || !outer.Empty():
		return nil, errors.New("not a TSTInfo")
	case !info.ReadASN1Integer(&version) || version != 1:
		return nil, errors.New("version of TSTInfo")
	case !info.ReadASN1ObjectIdentifier(&policy):
		return nil, errors.New("policy")
	}
	a.Policy = policy.String()
	if err := a.readWhat(&info); err != nil {
		return nil, err
	}
	if !readAccuracy(&info) || !readOrdering(&info) || !a.readNonce(&info) || !readTSA(&info, signed.Signer.RawSubject) {
		return nil, errors.New("optional fields of TSTInfo")
	}
	var extensions cryptobyte.String
	tag := contextTag(1)
	if info.PeekASN1Tag(tag) && (!info.ReadASN1(&extensions, tag) || !readExtensions(extensions)) {
		return nil, errors.New("extensions")
	}
	if !info.Empty() {
		return nil, errors.New("something after TSTInfo")
	}
	return a, nil
}

func contextTag(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// readWhat reads what both forms say in this order: the hash, the serial number and the time.
func (a *Attestation) readWhat(info *cryptobyte.String) error {
	var ok bool
	if a.Hash, ok = readImprint(info); !ok {
		return errors.New("hash or its algorithm")
	}
	if a.Serial, ok = readSerial(info); !ok {
		return errors.New("serial number")
	}
	if a.At, ok = readMoment(info); !ok {
		return errors.New("time")
	}
	return nil
}

// readImprint reads MessageImprint or DigestInfo: both are an algorithm, SHA-256 alone, and the hash.
func readImprint(from *cryptobyte.String) (string, bool) {
	var body, value cryptobyte.String
	if !from.ReadASN1(&body, cbasn1.SEQUENCE) {
		return "", false
	}
	algorithm, known := cms.ReadDigestAlgorithm(&body)
	if !body.ReadASN1(&value, cbasn1.OCTET_STRING) || !body.Empty() {
		return "", false
	}
	return hex.EncodeToString(value), known && algorithm == crypto.SHA256 && len(value) == crypto.SHA256.Size()
}

// readSerial gives the number in decimal.
func readSerial(from *cryptobyte.String) (string, bool) {
	serial := new(big.Int)
	if !from.ReadASN1Integer(serial) || serial.Sign() < 0 || serial.BitLen() > maxSerialBits {
		return "", false
	}
	return serial.String(), true
}

// momentPattern is GeneralizedTime in DER: UTC, a fraction without a zero at its end (X.690 section 11.7).
var momentPattern = regexp.MustCompile(`^[0-9]{14}(\.[0-9]{0,8}[1-9])?Z$`)

// readMoment reads a GeneralizedTime, which may have fractions of a second. It is kept in microseconds, as all times are.
func readMoment(from *cryptobyte.String) (time.Time, bool) {
	var text cryptobyte.String
	if !from.ReadASN1(&text, cbasn1.GeneralizedTime) || !momentPattern.Match(text) {
		return time.Time{}, false
	}
	at, err := time.Parse("20060102150405Z", string(text)) // takes a fraction, too
	return at.UTC().Truncate(time.Microsecond), err == nil
}

// readAccuracy passes over Accuracy: the time that counts is the one that is stated.
func readAccuracy(info *cryptobyte.String) bool {
	if !info.PeekASN1Tag(cbasn1.SEQUENCE) {
		return true
	}
	var accuracy cryptobyte.String
	if !info.ReadASN1(&accuracy, cbasn1.SEQUENCE) || !skipInteger(&accuracy) {
		return false
	}
	for _, tag := range []cbasn1.Tag{cbasn1.Tag(0).ContextSpecific(), cbasn1.Tag(1).ContextSpecific()} {
		if !accuracy.SkipOptionalASN1(tag) {
			return false
		}
	}
	return accuracy.Empty()
}

// readOrdering passes over a BOOLEAN that is absent when false.
func readOrdering(info *cryptobyte.String) bool {
	ordering := true
	return !info.PeekASN1Tag(cbasn1.BOOLEAN) || info.ReadASN1Boolean(&ordering) && ordering
}

// readNonce reads the number that a request and its answer share.
func (a *Attestation) readNonce(info *cryptobyte.String) bool {
	if !info.PeekASN1Tag(cbasn1.INTEGER) {
		return true
	}
	nonce := new(big.Int)
	if !info.ReadASN1Integer(nonce) {
		return false
	}
	a.Nonce = nonce.String()
	return true
}

func skipInteger(from *cryptobyte.String) bool {
	return !from.PeekASN1Tag(cbasn1.INTEGER) || from.ReadASN1Integer(new(big.Int))
}

// readTSA holds the name that a token gives its issuer to the signer's certificate. Names of other forms say nothing that could
// be compared.
func readTSA(info *cryptobyte.String, subject []byte) bool {
	tag := contextTag(0)
	if !info.PeekASN1Tag(tag) {
		return true
	}
	var wrapped, name cryptobyte.String
	directory := contextTag(4)
	if !info.ReadASN1(&wrapped, tag) {
		return false
	}
	if !wrapped.PeekASN1Tag(directory) {
		return true
	}
	return wrapped.ReadASN1(&name, directory) && wrapped.Empty() && string(name) == string(subject)
}

// readExtensions refuses what is critical: none is known here.
func readExtensions(list cryptobyte.String) bool {
	for count := 0; !list.Empty(); count++ {
		var extension, value cryptobyte.String
		var id asn1.ObjectIdentifier
		critical := false
		if count == maxExtensions || !list.ReadASN1(&extension, cbasn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&id) {
			return false
		}
		if extension.PeekASN1Tag(cbasn1.BOOLEAN) && !extension.ReadASN1Boolean(&critical) {
			return false
		}
		if critical || !extension.ReadASN1(&value, cbasn1.OCTET_STRING) || !extension.Empty() {
			return false
		}
	}
	return true
}
