// Package hub is the unit that alone speaks to the distribution hub (유통허브시스템).
//
// Neighbours ask by gRPC; the unit waits for a place, takes the platform's token, and makes the call. Every attempt goes through
// the same steps, in this order:
//
//	breaker ─► request stored, sealed ─► call ─► answer read strictly ─► answer and fact stored ─► caller answered
//
// so nothing a neighbour acts on is without its raw bytes in this schema. What can come of it:
//
//	resultCode 1                      the RPC's answer, with the id of the exchange
//	resultCode 0, a token's code      the token is renewed and the same bytes are sent once more (attempt 2 of the exchange)
//	resultCode 0, a retry code        HUB_UNAVAILABLE with metadata errCode: the neighbour sends the same again
//	resultCode 0, any other code      HUB_REFUSED with metadata errCode, or what the code means for this RPC
//	anything else                     HUB_UNAVAILABLE: the outcome is unknown, the neighbour sends the same again
//
// Which codes are retry codes the operator says (interface.retry_codes); none is publicly known. To the breaker they are answers, not
// failures.
//
// HUB_UNAVAILABLE covers further a hub that is down or slow, an answer that cannot be one, an open breaker, a token that cannot be had, and
// an answer that could not be stored. The unit repeats nothing else by itself: its callers own their retries.
//
// The token is one for all replicas (tokens). The unit publishes and consumes no events.
package hub
