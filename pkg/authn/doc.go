// Package authn says who calls: it mints and verifies the short-lived ES256 access tokens of Naru and carries the caller through a
// context.
//
// A token is a compact JWS (RFC 7515) with header {alg: ES256, kid, typ: at+jwt} and the claims iss, sub, aud ("naru"), iat, exp, jti,
// kind, scope, client and, for sessions of recipients, sid. Two units mint: "naru-gateway" for senders, agents, viewing systems and
// the operator, "naru-viewing" for recipients; a Verifier is told which kinds each issuer may speak for and refuses the rest.
//
// Everything that is wrong with a token is the same to a caller: a fault of kind Unauthenticated with reason TOKEN_INVALID, or
// TOKEN_EXPIRED when only its life has ended. A key set that cannot be had is Unavailable. Tokens never appear in errors or logs.
package authn
