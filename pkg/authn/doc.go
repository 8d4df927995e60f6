// Package authn says who calls: it mints and verifies the short-lived ES256 access tokens of Naru and carries the caller through
// a context.
//
// A token is a compact JWS (RFC 7515) with header {alg: ES256, kid, typ: at+jwt} and the claims iss, sub, aud ("naru"), iat, exp,
// jti, kind, scope, client and, for sessions of recipients, sid. Only the options of platform.v1.PrincipalKind say which kinds of
// principals there are, which unit mints for each ("naru-gateway" or "naru-viewing" as iss) and which scopes they may hold.
//
// Every fault of a token looks the same to a caller: a fault of kind Unauthenticated with reason TOKEN_INVALID, or TOKEN_EXPIRED
// if the token has only expired. If a key set cannot be fetched, the fault is Unavailable. Tokens never appear in errors or logs.
package authn
