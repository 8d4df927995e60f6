// Package keys gives a process its long-lived keys: signing keys (ECDSA P-256), key-encryption keys (AES-256-GCM by tink) and MAC
// keys (HMAC-SHA-256), each by a name.
//
// Consumers name the small interfaces they need; Store keeps the keys in files and is the default. A hardware module or a key
// service takes its place by offering the same three methods (Provider), so nothing outside this package sees key bytes.
//
// Files (mode 0600, in a folder nobody else can write):
//
//	<name>.signer.pem          PKCS#8, the key that signs now
//	<name>.<kid>.public.pem    PKIX, a key that signed before and is still published
//	<name>.aead.json           tink keyset
//	<name>.mac                 32 bytes in base64
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrNotFound says that a key does not exist and that the caller did not allow making it.
var ErrNotFound = errors.New("key does not exist")

// ErrExposed says that others can read or change a key file or its folder.
var ErrExposed = errors.New("key is exposed")

// Purposes of signing keys. The name of a signing key is its purpose and is published with it. A signature for one purpose is not
// accepted for another.
const (
	// AccessToken signs the tokens of the relay's callers, sessions of recipients among them.
	AccessToken = "access-token"
	// ViewingToken signs viewing tokens (열람인증토큰).
	ViewingToken = "viewing-token"
	// Receipt signs receipts of acceptance.
	Receipt = "receipt"
	// ViewingLog signs extracts of viewing logs (열람 기록).
	ViewingLog = "viewing-log"
)

// Provider is what a place that keeps keys offers. Names have 1-63 characters of a-z 0-9 -, beginning with a letter.
type Provider interface {
	// Signer gives the signing key of that name.
	Signer(ctx context.Context, name string) (Signer, error)
	// AEAD gives the key-encryption key of that name.
	AEAD(ctx context.Context, name string) (tink.AEAD, error)
	// MAC gives the MAC key of that name.
	MAC(ctx context.Context, name string) (*MAC, error)
}

// Signer is an ECDSA P-256 key; Sign takes a SHA-256 digest and gives an ASN.1 signature.
type Signer interface {
	crypto.Signer
	// KeyID is the RFC 7638 thumbprint of the public key (base64url, 43 characters).
	KeyID() string
}

// PublicKey is the public half of a signing key, to be published in a key set.
type PublicKey struct {
	// Name is the signing key's: its purpose.
	Name string
	// KeyID is the RFC 7638 thumbprint.
	KeyID string
	// Current is true for the key that signs now, false for one that is only still verified.
	Current bool
	Key     *ecdsa.PublicKey
}

// KeyID computes the RFC 7638 thumbprint of a P-256 key: SHA-256 over its required members in lexical order, in base64url.
func KeyID(key *ecdsa.PublicKey) (string, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return "", errors.New("computing a key id: not a P-256 key")
	}
	public, err := jwk.FromRaw(key)
	if err != nil {
		return "", fmt.Errorf("computing a key id: %w", err)
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("computing a key id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

type fileSigner struct {
	*ecdsa.PrivateKey
	id string
}

// KeyID is the thumbprint of the public key.
func (s *fileSigner) KeyID() string { return s.id }

// MAC is a keyed hash.
type MAC struct {
	key [macBytes]byte
}

const macBytes = 32

// Sum is HMAC-SHA-256 over the parts, each preceded by its length in eight bytes, so that no two lists of parts give one input.
func (m *MAC) Sum(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, m.key[:])
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// Equal compares a sum with the one of the parts in constant time.
func (m *MAC) Equal(sum []byte, parts ...[]byte) bool { return hmac.Equal(sum, m.Sum(parts...)) }

// Derive makes a key for one use out of this one. The derived key reveals neither this key nor the keys for other uses, so it may
// be given to another party.
func (m *MAC) Derive(use string) []byte { return m.Sum([]byte("derive"), []byte(use)) }

// MACOf makes a keyed hash of a derived key.
func MACOf(derived []byte) (*MAC, error) {
	if len(derived) != macBytes {
		return nil, fmt.Errorf("making a keyed hash: key has %d bytes instead of %d", len(derived), macBytes)
	}
	m := &MAC{}
	copy(m.key[:], derived)
	return m, nil
}
