// Package rpc is how the units of Naru call each other, in one process or over mutual TLS, and how every call is judged.
//
// A Server enforces on every RPC, in this order: recovery from panics, the identity of the calling unit, the access rule the RPC
// carries in its method option (naru.platform.v1.access), a deadline of at most 30 s, and the rules of the request message
// (protovalidate). Handlers return faults; the server maps them to gRPC and logs each failed call once, without payload. A server
// does not start with an RPC that has no access rule.
//
// An access rule is one of three. Every unit may call an open RPC; the gateway does so for calls without a token. An RPC with
// kinds may be called by the gateway with a bearer token of one of these kinds that has the scope. An RPC with units may be
// called by these units.
//
// A stream is judged like a call when it begins, and each of its messages like a request. It has no deadline of a call: it ends
// when it stands still for MaxStill, and after MaxStream.
//
// A Network says where units are. Local connects the units of one process by in-memory channels. TLSNetwork connects units in
// many processes by TLS 1.3, with certificates on both sides whose URI SAN is naru://unit/<name>. Both run the same interceptors.
// Connections of Dial restore faults (fault.KindOf works on the caller's side), give a call without a deadline one of 10 s, and
// repeat reads that found a unit unavailable.
package rpc
