// Package rpc is how the units of Naru call each other, in one process or over mutual TLS, and how every call is judged.
//
// A Server enforces on every RPC, in this order: recovery from panics, the identity of the calling unit, the access rule the RPC
// carries in its method option (naru.platform.v1.access), a deadline of at most 30 s, and the rules of the request message
// (protovalidate). Handlers return faults; the server maps them to gRPC and logs each failed call once, without payload. A server
// does not start with an RPC that has no access rule.
//
// An access rule is read so: open RPCs may be called by every unit, the gateway bringing calls without a token among them; an RPC with
// kinds may be called by the gateway with a bearer token of one of these kinds that holds the scope; an RPC with units may be called
// by these units.
//
// A Network says where units are. Local joins the units of one process by in-memory channels, TLSNetwork those of many by TLS 1.3
// with certificates whose URI SAN is naru://unit/<name> on both sides. Both run the same interceptors. Connections of Dial restore
// faults (fault.KindOf works on the caller's side), give calls without a deadline one of 10 s, and repeat reads that found a unit
// unavailable.
package rpc
