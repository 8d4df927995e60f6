// Package gateway is the unit at Naru's two public doors: REST (with the OAuth2 token endpoint) and gRPC.
//
// It owns the principals of this relay except recipients: who may call, with which credentials, and which senders each viewing
// system serves. The other data of a sending institution (name, papers, certified address) belong to the address unit. The
// gateway gives access tokens, and forwards calls to the units with the caller's token. The unit verifies the token again, and
// repeats the decisions about token, kind and scope. The quota is the gateway's alone; whether a person still may act for an
// organisation is repeated by address and viewing only.
//
// A call at either door is checked in the same order: route or method is in the catalogue (public or open by its access option),
// access token, kind and scope, authority, quota. Only then is the body read. Files are streamed through both doors, one message
// after the other, as the unit takes them.
package gateway
