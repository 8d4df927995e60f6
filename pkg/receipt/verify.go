package receipt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/keys"
)

var (
	errForm = errors.New("receipt is not of the form signature~claims~index~path")
	errSays = errors.New("receipt does not say what receipts say")
)

// Verify checks a receipt with the published key set and reads its claims.
func Verify(receipt string, keySet []byte) (*Claims, error) {
	if len(receipt) > MaxBytes {
		return nil, errors.New("receipt is too large")
	}
	parts := strings.Split(receipt, separator)
	if len(parts) != 4 {
		return nil, errForm
	}
	signed, err := verifyRoot(parts[0], keySet)
	if err != nil {
		return nil, err
	}
	leaf, err := decode(parts[1])
	if err != nil {
		return nil, errForm
	}
	index, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil || strconv.FormatUint(index, 10) != parts[2] {
		return nil, errForm
	}
	path, err := decode(parts[3])
	if err != nil || len(path)%tlog.HashSize != 0 {
		return nil, errForm
	}
	var proof tlog.RecordProof
	for ; len(path) > 0; path = path[tlog.HashSize:] {
		proof = append(proof, tlog.Hash(path[:tlog.HashSize]))
	}
	if int64(index) >= signed.size || tlog.CheckRecord(proof, signed.size, signed.root, int64(index), tlog.RecordHash(leaf)) != nil { //nolint:gosec // eight bits
		return nil, errors.New("claims of the receipt are not what was signed")
	}
	var claims Claims
	// A newer relay may say more.
	if err := json.Unmarshal(leaf, &claims); err != nil {
		return nil, errSays
	}
	return &claims, nil
}

// signedRoot is the tree that a signature is about.
type signedRoot struct {
	root tlog.Hash
	size int64
}

func verifyRoot(compact string, keySet []byte) (signedRoot, error) {
	message, err := jws.Parse([]byte(compact), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return signedRoot{}, errors.New("signature of the receipt is not a compact JWS")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if header.Algorithm() != jwa.ES256 || header.Type() != Type {
		return signedRoot{}, errors.New("receipt has another algorithm or type")
	}
	published, err := authn.ParseKeySet(keySet, keys.Receipt)
	if err != nil {
		return signedRoot{}, errors.New("published keys cannot be read")
	}
	key := published[header.KeyID()]
	if key == nil {
		return signedRoot{}, errors.New("receipt is signed with a key that is not published for receipts")
	}
	payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.ES256, key))
	if err != nil {
		return signedRoot{}, errors.New("signature of the receipt is wrong")
	}
	var said statement
	if err := json.Unmarshal(payload, &said); err != nil {
		return signedRoot{}, errSays
	}
	root, err := decode(said.Root)
	if err != nil || len(root) != tlog.HashSize || said.Size < 1 || said.Size > MaxTogether {
		return signedRoot{}, errSays
	}
	return signedRoot{root: tlog.Hash(root), size: said.Size}, nil
}

// decode reads base64url in its one spelling: without the line ends that the decoder would skip.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errForm
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}
