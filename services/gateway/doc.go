// Package gateway is the unit at Naru's two public doors: REST (with the OAuth2 token endpoint) and gRPC.
//
// It owns the principals of this relay except recipients: who may call, with which credentials, and which senders each viewing system
// serves. What a sending institution is besides (name, papers, certified address) is the address unit's. It gives access tokens, and it
// passes calls on to the units with the caller's token, which the unit verifies again: nothing is decided here that the unit does not
// decide once more.
//
// A call at either door is judged in the same order: route or method is one of the catalogue (public or open by its access option),
// access token, kind and scope, quota. Only then is a body read.
package gateway
