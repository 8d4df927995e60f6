// Package hub is the only unit that calls the distribution hub (유통허브시스템).
//
// Other units call it by gRPC. The unit waits until a call may run, takes the platform's token, and makes the call. Every attempt
// goes through the same steps, in this order:
//
//	breaker ─► request stored, sealed ─► call ─► answer read strictly ─► answer and fact stored ─► caller answered
//
// So the raw bytes of everything that another unit acts on are in this schema. The possible results:
//
//	resultCode 1                      the RPC's answer, with the id of the exchange
//	resultCode 0, a token's code      the token is renewed and the same bytes are sent once more (attempt 2 of the exchange)
//	resultCode 0, a retry code        HUB_UNAVAILABLE with metadata errCode: the neighbour sends the same again
//	resultCode 0, any other code      HUB_REFUSED with metadata errCode, or what the code means for this RPC
//	anything else                     HUB_UNAVAILABLE: the outcome is unknown, the neighbour sends the same again
//
// The operator configures which codes are retry codes (interface.retry_codes); none is publicly known. The breaker counts them as
// answers, not as failures.
//
// HUB_UNAVAILABLE is also the answer when the hub is down or slow, its answer is malformed, the breaker is open, there is no
// token, or the answer could not be stored. The unit repeats nothing else by itself: its callers repeat their calls.
//
// All replicas share one token (tokens).
//
// The hub may push certificates to a door of the unit's own (pushDoor), which is ours. A push whose signature holds is stored,
// sealed, and stated (HubPushReceived) before it is answered; nothing of the file is judged here. The unit consumes no events.
package hub
