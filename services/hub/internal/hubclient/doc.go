// Package hubclient implements the interface of the distribution hub (유통허브시스템) as far as it is publicly known: how a call is
// written, sent and its answer read. It keeps no state except connections. Tokens, limits and the record of every exchange belong
// to its caller.
//
// A call is written once (Call) and may be sent again with the same bytes; what differs between attempts is the Stamp and the
// access token. Whatever the hub answers is read by strict rules with bounded sizes, and judged into one of four outcomes:
//
//   - nil error: the hub says resultCode 1 and everything promised is there,
//   - *Refused: the hub says resultCode 0, with its error code,
//   - *TryLater: the same with a code the configuration says is no refusal (Client.Judge),
//   - ErrUnknown: nothing is known of the outcome (no connection, a timeout, a status that is no answer, garbage); the same
//     call may be sent again.
//
// A batch is matched by edoc number, never by position. An item that the answer leaves out has result 0; an item that was not
// asked for makes the whole answer garbage.
package hubclient
