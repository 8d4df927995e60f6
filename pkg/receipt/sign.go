package receipt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/merkle"
)

// Sign returns the receipts of at most MaxTogether documents, in their order, under one signature.
func Sign(key jws.Key, claims ...Claims) ([]string, error) {
	if len(claims) == 0 || len(claims) > MaxTogether {
		return nil, fmt.Errorf("sign %d receipts: not 1 to %d", len(claims), MaxTogether)
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
	signature, err := signRoot(key, tree, len(claims))
	if err != nil {
		return nil, fmt.Errorf("sign %d receipts: %w", len(claims), err)
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
func signRoot(key jws.Key, tree *merkle.Tree, size int) (string, error) {
	root, err := tree.Root()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(statement{Root: base64.RawURLEncoding.EncodeToString(root[:]), Size: int64(size)})
	if err != nil {
		return "", fmt.Errorf("encode the root: %w", err)
	}
	return profile.Sign(key, payload)
}
