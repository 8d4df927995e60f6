// Package authn says who calls: it mints and verifies the short-lived ES256 access tokens of Naru and carries the caller through a
// context.
//
// A token is a compact JWS (RFC 7515) with header {alg: ES256, kid, typ: at+jwt} and the claims iss, sub, aud ("naru"), iat, exp, jti,
// kind, scope, client and, for sessions of recipients, sid. What kinds of principals there are, which unit mints for each ("naru-gateway" or
// "naru-viewing" as iss) and what scopes they may hold is told by the options of platform.v1.PrincipalKind and by nothing else.
//
// Everything that is wrong with a token is the same to a caller: a fault of kind Unauthenticated with reason TOKEN_INVALID, or
// TOKEN_EXPIRED when only its life has ended. A key set that cannot be had is Unavailable. Tokens never appear in errors or logs.
package authn
