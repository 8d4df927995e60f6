package receipt

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/naru-relay/naru/pkg/merkle"
)

// Key signs receipts: P-256, with the id it is published under.
type Key interface {
	crypto.Signer
	KeyID() string
}

// Signer signs receipts; safe for concurrent use.
type Signer struct {
	key Key
}

// NewSigner makes a signer with a key.
func NewSigner(key Key) (*Signer, error) {
	if key == nil {
		return nil, errors.New("make receipt signer: no key")
	}
	return &Signer{key: key}, nil
}

// Sign gives the receipts of at most MaxTogether documents, in their order, under one signature.
func (s *Signer) Sign(claims ...Claims) ([]string, error) {
	receipts, err := s.sign(claims)
	if err != nil {
		return nil, fmt.Errorf("sign %d receipts: %w", len(claims), err)
	}
	return receipts, nil
}

func (s *Signer) sign(claims []Claims) ([]string, error) {
	if len(claims) == 0 || len(claims) > MaxTogether {
		return nil, fmt.Errorf("not 1 to %d", MaxTogether)
	}
	leaves := make([][]byte, len(claims))
	for i, c := range claims {
		var err error
		if leaves[i], err = json.Marshal(c); err != nil {
			return nil, fmt.Errorf("encode claims of %s: %w", c.EdocNum, err)
		}
	}
	tree, err := merkle.New(leaves)
	if err != nil {
		return nil, err
	}
	signature, err := s.signRoot(tree, len(claims))
	if err != nil {
		return nil, err
	}
	receipts := make([]string, len(claims))
	for i, leaf := range leaves {
		proof, err := tree.Prove(i)
		if err != nil {
			return nil, err
		}
		var path []byte
		for _, node := range proof {
			path = append(path, node[:]...)
		}
		receipts[i] = strings.Join([]string{
			signature, base64.RawURLEncoding.EncodeToString(leaf), strconv.Itoa(i), base64.RawURLEncoding.EncodeToString(path),
		}, separator)
	}
	return receipts, nil
}

// signRoot gives the compact JWS over a tree's root and size.
func (s *Signer) signRoot(tree *merkle.Tree, size int) (string, error) {
	root, err := tree.Root()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(statement{Root: base64.RawURLEncoding.EncodeToString(root[:]), Size: int64(size)})
	if err != nil {
		return "", fmt.Errorf("encode the root: %w", err)
	}
	headers := jws.NewHeaders() // of this call alone: signing writes into them
	if err := errors.Join(headers.Set(jws.KeyIDKey, s.key.KeyID()), headers.Set(jws.TypeKey, Type)); err != nil {
		return "", err
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256, s.key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", err
	}
	return string(signed), nil
}
