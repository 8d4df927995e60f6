package receipt

import (
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
)

// Verify checks a receipt with the published key set and reads its claims. Its error is a *proof.Failure, or says that the key
// set cannot be read.
func Verify(receipt string, keySet []byte) (*Claims, error) {
	if len(receipt) > MaxBytes {
		return nil, failed(ErrForm, "too large")
	}
	parts := strings.Split(receipt, separator)
	if len(parts) != 4 {
		return nil, failed(ErrForm, "not signature~claims~index~path")
	}
	leaf, err := jws.DecodePart(parts[1])
	if err != nil {
		return nil, failed(ErrForm, "claims are not base64url")
	}
	index, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil || strconv.FormatUint(index, 10) != parts[2] {
		return nil, failed(ErrForm, "index is no number below 256")
	}
	path, err := jws.DecodePart(parts[3])
	if err != nil || len(path)%tlog.HashSize != 0 {
		return nil, failed(ErrForm, "path is not hashes in base64url")
	}
	signed, err := verifyRoot(parts[0], keySet)
	if err != nil {
		return nil, err
	}
	var inclusion tlog.RecordProof
	for ; len(path) > 0; path = path[tlog.HashSize:] {
		inclusion = append(inclusion, tlog.Hash(path[:tlog.HashSize]))
	}
	if int64(index) >= signed.N || tlog.CheckRecord(inclusion, signed.N, signed.Hash, int64(index), tlog.RecordHash(leaf)) != nil { //nolint:gosec // eight bits
		return nil, failed(ErrInclusion, "claims are not what was signed")
	}
	var claims Claims
	// A newer relay may have more claims.
	if jws.Decode(leaf, &claims) != nil {
		return nil, failed(ErrClaims, "not what receipts say")
	}
	return &claims, nil
}

// verifyRoot gives the tree that a signature is about.
func verifyRoot(compact string, keySet []byte) (tlog.Tree, error) {
	var said statement
	text, err := profile.Parse(compact, &said)
	if err != nil {
		return tlog.Tree{}, &proof.Failure{Check: ErrSignature, Detail: "not a JWS of receipts", Cause: err}
	}
	published, err := authn.ParseKeySet(keySet, keys.Receipt)
	if err != nil {
		return tlog.Tree{}, err
	}
	key := published[text.KeyID]
	if key == nil {
		return tlog.Tree{}, failed(ErrKey, "not published for receipts")
	}
	if err := text.Verify(key); err != nil {
		return tlog.Tree{}, &proof.Failure{Check: ErrSignature, Detail: "not the relay's", Cause: err}
	}
	root, err := jws.DecodePart(said.Root)
	if err != nil || len(root) != tlog.HashSize || said.Size < 1 || said.Size > MaxTogether {
		return tlog.Tree{}, failed(ErrStatement, "not the root and size of a tree")
	}
	return tlog.Tree{N: said.Size, Hash: tlog.Hash(root)}, nil
}
