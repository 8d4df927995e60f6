// Package attestation reads what a time stamp token (RFC 3161) or the response of a data validation and certification server (RFC
// 3029) says: that its issuer saw a hash at a time. Both are CMS SignedData, which package cms judges first: these functions are
// for messages that were verified as of the kind TimeStampToken or DVCSResponse.
//
// What is read is DER of one form, bounded, with nothing after it; a critical extension is refused, since none is known.
package attestation

import "time"

// Attestation is what both say.
type Attestation struct {
	// Hash that was seen: SHA-256, lower-case hexadecimal.
	Hash string
	// At is when, in microseconds.
	At time.Time
	// Serial number of the token or response, decimal.
	Serial string
	// Policy under which it was issued, dotted; empty where a response names none.
	Policy string
	// Nonce of the request that a token answers, decimal; empty where it names none.
	Nonce string
}
