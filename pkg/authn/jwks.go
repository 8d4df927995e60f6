package authn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// PublicKey is a P-256 verification key under its id. Purpose is what its signatures are for; only the keys of this relay have
// one.
type PublicKey struct {
	ID, Purpose string
	Key         crypto.PublicKey
}

// purposeMember of a published key says what its signatures are for, which use and alg do not (RFC 7517 §4 permits more members).
const purposeMember = "naru_purpose"

// KeySet writes public keys as a JSON Web Key Set (RFC 7517), in the order given.
func KeySet(keys ...PublicKey) ([]byte, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		public, ok := k.Key.(*ecdsa.PublicKey)
		if !ok || public.Curve != elliptic.P256() || k.ID == "" {
			return nil, fmt.Errorf("writing key set: key %q is not ECDSA P-256 with an id", k.ID)
		}
		key, err := jwk.FromRaw(public)
		if err != nil {
			return nil, fmt.Errorf("writing key set: key %q: %w", k.ID, err)
		}
		err = errors.Join(key.Set(jwk.KeyIDKey, k.ID), key.Set(jwk.KeyUsageKey, jwk.ForSignature), key.Set(jwk.AlgorithmKey, jwa.ES256), set.AddKey(key))
		if k.Purpose != "" {
			err = errors.Join(err, key.Set(purposeMember, k.Purpose))
		}
		if err != nil {
			return nil, fmt.Errorf("writing key set: key %q: %w", k.ID, err)
		}
	}
	out, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("writing key set: %w", err)
	}
	return out, nil
}

// Limits of key sets read from elsewhere.
const (
	maxKeySetBytes = 64 << 10
	maxKeys        = 64
)

// ParseKeySet reads the P-256 signature keys of one purpose from a relay's JSON Web Key Set of at most 64 KiB and 64 keys, by key
// id. It skips keys of other purposes or kinds and keys without id. It refuses a set that has one id twice, so no key has two
// purposes.
func ParseKeySet(raw []byte, purpose string) (map[string]*ecdsa.PublicKey, error) {
	if len(raw) > maxKeySetBytes {
		return nil, errors.New("reading key set: it is too large")
	}
	set, err := jwk.Parse(raw)
	if err != nil {
		return nil, errors.New("reading key set: it is not a JSON Web Key Set")
	}
	if set.Len() > maxKeys {
		return nil, errors.New("reading key set: it holds too many keys")
	}
	keys, seen := make(map[string]*ecdsa.PublicKey, set.Len()), make(map[string]bool, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		public, ok := p256(key)
		if !ok || key.KeyID() == "" {
			continue
		}
		if seen[key.KeyID()] {
			return nil, errors.New("reading key set: a key id occurs twice")
		}
		seen[key.KeyID()] = true
		if of, _ := key.Get(purposeMember); of == purpose {
			keys[key.KeyID()] = public
		}
	}
	return keys, nil
}

// ParsePublicKey reads one JWK that is a P-256 public key for ES256, e.g. what a client registers for private_key_jwt. It refuses
// a private key, because its sender has revealed a secret.
func ParsePublicKey(raw []byte) (*ecdsa.PublicKey, error) {
	key, err := jwk.ParseKey(bytes.TrimSpace(raw))
	if err != nil {
		return nil, errors.New("reading public key: it is not a JSON Web Key")
	}
	public, ok := p256(key)
	if !ok {
		return nil, errors.New("reading public key: it is not a public ECDSA P-256 key for ES256")
	}
	return public, nil
}

// p256 returns the key if it is a public P-256 key that may verify ES256; jwk has already checked that the point is on the curve.
func p256(key jwk.Key) (*ecdsa.PublicKey, bool) {
	ec, ok := key.(jwk.ECDSAPublicKey)
	if !ok || (ec.KeyUsage() != "" && ec.KeyUsage() != "sig") || (ec.Algorithm().String() != "" && ec.Algorithm().String() != "ES256") {
		return nil, false
	}
	var public ecdsa.PublicKey
	if ec.Raw(&public) != nil || public.Curve != elliptic.P256() {
		return nil, false
	}
	if _, err := public.Bytes(); err != nil {
		return nil, false
	}
	return &public, true
}
