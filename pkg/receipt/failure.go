package receipt

import "github.com/naru-relay/naru/pkg/proof"

// Check names what is wrong with a receipt. A Check is itself an error: errors.Is(err, receipt.ErrInclusion).
type Check string

// The checks, in the order they are made.
const (
	// ErrForm: not signature~claims~index~path, each in its one spelling, of at most MaxBytes.
	ErrForm Check = "form"
	// ErrKey: the key that the signature names is not published for receipts.
	ErrKey Check = "key"
	// ErrSignature: not a JWS of a receipt, or not by that key.
	ErrSignature Check = "signature"
	// ErrStatement: what was signed is not the root and size of a tree of receipts.
	ErrStatement Check = "statement"
	// ErrInclusion: the claims are not the leaf of that index in the tree that was signed.
	ErrInclusion Check = "inclusion"
	// ErrClaims: what was signed are no claims.
	ErrClaims Check = "claims"
	// ErrMismatch: a genuine receipt about something else.
	ErrMismatch Check = "mismatch"
)

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "receipt " + string(c) + " check" }

// Failure is one failed check; it never repeats what was read.
type Failure = proof.Failure[Check]

func failed(check Check, detail string) error { return &Failure{Check: check, Detail: detail} }
