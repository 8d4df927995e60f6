package tsp

import (
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/cms"
)

// Media types of RFC 3161 section 3.4.
const (
	MediaQuery = "application/timestamp-query"
	MediaReply = "application/timestamp-reply"
)

const (
	// MaxRequestBytes bounds a request: two hundred would do.
	MaxRequestBytes = 4 << 10
	// maxNonceBits bounds the nonce; 64 are asked with.
	maxNonceBits = 256
)

var oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

// Request is a TimeStampReq over a SHA-256 hash.
type Request struct {
	Hash [sha256.Size]byte
	// Nonce comes back in the token; nil for none.
	Nonce *big.Int
	// Policy that is asked for; nil for the authority's own.
	Policy asn1.ObjectIdentifier
	// Certificates asks for the authority's certificates in the token.
	Certificates bool
}

// Encode writes DER.
func (r Request) Encode() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidSHA256) })
			b.AddASN1OctetString(r.Hash[:])
		})
		if r.Policy != nil {
			b.AddASN1ObjectIdentifier(r.Policy)
		}
		if r.Nonce != nil {
			b.AddASN1BigInt(r.Nonce)
		}
		if r.Certificates {
			b.AddASN1Boolean(true)
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode time stamp request: %w", err)
	}
	return der, nil
}

// Errors of ParseRequest, each of which an authority tells by a failure of its own.
var (
	ErrRequest   = errors.New("not a time stamp request")
	ErrAlgorithm = errors.New("hash algorithm of a time stamp request is not SHA-256")
	ErrExtension = errors.New("extensions of a time stamp request are not known")
)

// ParseRequest reads DER of a request.
func ParseRequest(der []byte) (*Request, error) {
	input := cryptobyte.String(der)
	var body, imprint, hash cryptobyte.String
	var version int64
	if len(der) > MaxRequestBytes || !input.ReadASN1(&body, cbasn1.SEQUENCE) || !input.Empty() ||
		!body.ReadASN1Integer(&version) || version != 1 || !body.ReadASN1(&imprint, cbasn1.SEQUENCE) {
		return nil, ErrRequest
	}
	algorithm, known := cms.ReadDigestAlgorithm(&imprint)
	if !known {
		return nil, ErrAlgorithm
	}
	if !imprint.ReadASN1(&hash, cbasn1.OCTET_STRING) || !imprint.Empty() || len(hash) != algorithm.Size() {
		return nil, ErrRequest
	}
	if len(hash) != sha256.Size {
		return nil, ErrAlgorithm
	}
	r := &Request{Hash: [sha256.Size]byte(hash)}
	if body.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) && !body.ReadASN1ObjectIdentifier(&r.Policy) {
		return nil, ErrRequest
	}
	if body.PeekASN1Tag(cbasn1.INTEGER) {
		r.Nonce = new(big.Int)
		if !body.ReadASN1Integer(r.Nonce) || r.Nonce.BitLen() > maxNonceBits {
			return nil, ErrRequest
		}
	}
	if body.PeekASN1Tag(cbasn1.BOOLEAN) && !body.ReadASN1Boolean(&r.Certificates) {
		return nil, ErrRequest
	}
	if body.PeekASN1Tag(cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return nil, ErrExtension
	}
	if !body.Empty() {
		return nil, ErrRequest
	}
	return r, nil
}
