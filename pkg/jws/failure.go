package jws

import "github.com/naru-relay/naru/pkg/proof"

// What can be wrong with a text, in the order it is looked at. No failure repeats what was read.
var (
	// ErrSize: longer than such texts are.
	ErrSize = proof.Check{Of: "JWS", Name: "size"}
	// ErrForm: not three parts, each in base64url in its one spelling, the last of 64 bytes.
	ErrForm = proof.Check{Of: "JWS", Name: "form"}
	// ErrHeader: another algorithm, another typ, or members that must not be.
	ErrHeader = proof.Check{Of: "JWS", Name: "header"}
	// ErrClaims: not one JSON object in UTF-8 with each name once, or a claim of another type.
	ErrClaims = proof.Check{Of: "JWS", Name: "claims"}
	// ErrSignature: not signed with the key.
	ErrSignature = proof.Check{Of: "JWS", Name: "signature"}
)

func failed(check proof.Check, detail string) error {
	return &proof.Failure{Check: check, Detail: detail}
}
