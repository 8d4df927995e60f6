package receipt

import (
	"crypto/ecdsa"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
)

// Judged is what a receipt says. It counts only if nothing failed.
type Judged struct {
	// Claims are nil where they cannot be read.
	Claims *Claims
	// KeyID names the key of the signature; empty where it cannot be read.
	KeyID string
	// Included: the claims are in the tree that the signature is about.
	Included bool
}

// Verify checks a receipt with the published key set and reads its claims. Its error joins a *proof.Failure for each check that
// failed, or says that the key set cannot be read.
func Verify(receipt string, keySet []byte) (*Claims, error) {
	published, err := authn.ParseKeySet(keySet, keys.Receipt)
	if err != nil {
		return nil, err
	}
	judged, err := Judge(receipt, published)
	if err != nil {
		return nil, err
	}
	return judged.Claims, nil
}

// Judge makes every check of a receipt that can be made with keys by their ids, and reads what can be read. Its error joins a
// *proof.Failure for each check that failed, in the order of the package's steps.
func Judge(receipt string, published map[string]*ecdsa.PublicKey) (Judged, error) {
	p, err := split(receipt)
	if !p.whole {
		return Judged{}, err
	}
	tree, keyID, ofRoot := judgeRoot(p.signature, published)
	j, problems := Judged{KeyID: keyID}, []error{err, ofRoot}
	if p.leaf == nil {
		return j, errors.Join(problems...)
	}
	if tree.N > 0 && p.path != nil {
		j.Included = p.index < tree.N && tlog.CheckRecord(p.path, tree.N, tree.Hash, p.index, tlog.RecordHash(p.leaf)) == nil
		if !j.Included {
			problems = append(problems, failed(ErrInclusion, "claims are not what was signed"))
		}
	}
	var claims Claims
	// A newer relay may have more claims.
	if jws.Decode(p.leaf, &claims) != nil {
		problems = append(problems, failed(ErrClaims, "not what receipts say"))
	} else {
		j.Claims = &claims
	}
	return j, errors.Join(problems...)
}

// parts of a receipt that could be read.
type parts struct {
	// whole: there are four.
	whole     bool
	signature string
	// leaf and path are nil where they cannot be read; the path of a document accepted alone is empty.
	leaf  []byte
	index int64
	path  tlog.RecordProof
}

// split reads the parts, and tells every one that is not in its form.
func split(receipt string) (parts, error) {
	if len(receipt) > MaxBytes {
		return parts{}, failed(ErrForm, "too large")
	}
	texts := strings.Split(receipt, separator)
	if len(texts) != 4 {
		return parts{}, failed(ErrForm, "not signature~claims~index~path")
	}
	p := parts{whole: true, signature: texts[0]}
	var problems []error
	leaf, err := jws.DecodePart(texts[1])
	if err != nil {
		problems = append(problems, failed(ErrForm, "claims are not base64url"))
	} else {
		p.leaf = leaf
	}
	index, err := strconv.ParseUint(texts[2], 10, 8)
	if p.index = int64(index); err != nil || strconv.FormatUint(index, 10) != texts[2] { //nolint:gosec // eight bits
		problems = append(problems, failed(ErrForm, "index is no number below 256"))
		return p, errors.Join(problems...)
	}
	path, err := jws.DecodePart(texts[3])
	if err != nil || len(path)%tlog.HashSize != 0 {
		problems = append(problems, failed(ErrForm, "path is not hashes in base64url"))
		return p, errors.Join(problems...)
	}
	p.path = tlog.RecordProof{}
	for ; len(path) > 0; path = path[tlog.HashSize:] {
		p.path = append(p.path, tlog.Hash(path[:tlog.HashSize]))
	}
	return p, errors.Join(problems...)
}

// judgeRoot gives the tree that a signature is about, of no leaf where that cannot be read, and the id of its key.
func judgeRoot(compact string, published map[string]*ecdsa.PublicKey) (tlog.Tree, string, error) {
	var said statement
	text, err := profile.Parse(compact, &said)
	if err != nil {
		return tlog.Tree{}, "", &proof.Failure{Check: ErrSignature, Detail: "not a JWS of receipts", Cause: err}
	}
	var problems []error
	if key := published[text.KeyID]; key == nil {
		problems = append(problems, failed(ErrKey, "not published for receipts"))
	} else if err := text.Verify(key); err != nil {
		problems = append(problems, &proof.Failure{Check: ErrSignature, Detail: "not the relay's", Cause: err})
	}
	root, err := jws.DecodePart(said.Root)
	if err != nil || len(root) != tlog.HashSize || said.Size < 1 || said.Size > MaxTogether {
		return tlog.Tree{}, text.KeyID, errors.Join(append(problems, failed(ErrStatement, "not the root and size of a tree"))...)
	}
	return tlog.Tree{N: said.Size, Hash: tlog.Hash(root)}, text.KeyID, errors.Join(problems...)
}
