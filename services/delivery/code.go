package delivery

import (
	"encoding/base32"
	"strings"

	"github.com/naru-relay/naru/pkg/keys"
)

const (
	// codeAlphabet is Crockford's: nothing in it looks like another. 10 of them are 50 bits.
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLength   = 10
)

// codeFor makes the code by which this relay confirms a message as its own. It follows from the key: a message that goes twice
// has one code, and no table holds it.
func codeFor(key *keys.MAC, parts ...[]byte) string {
	return base32.NewEncoding(codeAlphabet).EncodeToString(key.Sum(parts...))[:codeLength]
}

// spoken is a code as it is written and read aloud.
func spoken(code string) string { return code[:codeLength/2] + "-" + code[codeLength/2:] }

// typed is a code as it was made, however somebody typed it.
func typed(code string) string {
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
}
