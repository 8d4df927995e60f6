package jws

import "github.com/naru-relay/naru/pkg/proof"

// Check names what is wrong with a text. A Check is itself an error: errors.Is(err, jws.ErrSignature).
type Check string

// The checks, in the order they are made.
const (
	// ErrSize: longer than such texts are.
	ErrSize Check = "size"
	// ErrForm: not three parts, each in base64url in its one spelling, the last of 64 bytes.
	ErrForm Check = "form"
	// ErrHeader: another algorithm, another typ, or members that must not be.
	ErrHeader Check = "header"
	// ErrClaims: not one JSON object in UTF-8 with each name once, or a claim of another type.
	ErrClaims Check = "claims"
	// ErrSignature: not signed with the key.
	ErrSignature Check = "signature"
)

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "JWS " + string(c) + " check" }

// Failure is the failed check; it never repeats what was read.
type Failure = proof.Failure[Check]

func failed(check Check, detail string) error { return &Failure{Check: check, Detail: detail} }
