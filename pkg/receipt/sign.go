package receipt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/merkle"
)

// Signer signs receipts; safe for concurrent use.
type Signer struct {
	key jws.Key
}

// NewSigner makes a signer with a key.
func NewSigner(key jws.Key) (*Signer, error) {
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
	return profile.Sign(s.key, payload)
}
