package receipt

import "github.com/naru-relay/naru/pkg/proof"

// What can be wrong with a receipt; the first that fails is the one that vectors name. No failure repeats the receipt's content.
var (
	// ErrForm: not signature~claims~index~path, each part in its only spelling, of at most MaxBytes.
	ErrForm = proof.Check{Of: "receipt", Name: "form"}
	// ErrKey: the key that the signature names is not published for receipts.
	ErrKey = proof.Check{Of: "receipt", Name: "key"}
	// ErrSignature: not a JWS of a receipt, or not by that key.
	ErrSignature = proof.Check{Of: "receipt", Name: "signature"}
	// ErrStatement: what was signed is not the root and size of a tree of receipts.
	ErrStatement = proof.Check{Of: "receipt", Name: "statement"}
	// ErrInclusion: the claims are not the leaf of that index in the tree that was signed.
	ErrInclusion = proof.Check{Of: "receipt", Name: "inclusion"}
	// ErrClaims: what was signed is not a receipt's claims.
	ErrClaims = proof.Check{Of: "receipt", Name: "claims"}
	// ErrMismatch: a genuine receipt about something else.
	ErrMismatch = proof.Check{Of: "receipt", Name: "mismatch"}
)

func failed(check proof.Check, detail string) error {
	return &proof.Failure{Check: check, Detail: detail}
}
