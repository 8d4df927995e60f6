// Package viewing proves who a recipient is (본인확인), gives viewing tokens (열람인증토큰, guide 5.1.1 ❹), checks them for viewing
// systems (❻), and is the only judge of "read" (열람, guide 5.1.1 7).
//
// # Session
//
// StartSession and CompleteSession are an OpenID Connect code flow with PKCE and nonce. What the provider asserts about the person
// goes to AddressService once and is then gone; what stays is the fact that somebody's identity was proved: digest of the signed
// assertion, issuer, time. The session token is an access token of ten minutes for the random recipient id.
//
//	login:  StartSession ──► started ──CompleteSession──► used      (five minutes, once, whatever comes of it)
//
// # Viewing token
//
// For one viewing system, ten minutes and one use; its format is pkg/viewingtoken. A token never outlives the viewing deadline, so what is
// verified was verified before it.
//
//	                 VerifyViewingToken by the viewing system in aud
//	IssueViewingToken ──► unused ───────────────────────────────────► used by (viewing system, request id)
//	                        │                                            │  the same call again within a minute: the same answer
//	                        └── exp ──► expired: TOKEN_EXPIRED           └─ anything else: TOKEN_REPLAYED
//
// The step to used is one conditional update, so of any number of replicas and calls exactly one takes it. Every attempt is a row of
// token_check and a fact, also a refused one.
//
// # Read time
//
//	no read time ──first accepted report──► read_time, never changed
//
// A report is accepted when its verification is that viewing system's own and about that document, the document's kind keeps a read
// time, the shown hash is the document's, and verified ≤ read ≤ arrival. Both sides are truncated to the precision the reporter gave:
// whole seconds, milliseconds or microseconds, the precisions a Timestamp is written in. Later good reports are recorded and answered
// with the first read time. A report that comes after the viewing deadline counts, because its token was verified before.
//
// # Who sees what
//
// A recipient gets tokens for documents of its own recipient id only. A viewing system verifies tokens made for itself only, and only
// while it is not suspended and serves the document's sender; of a verification that is not its own it learns nothing.
package viewing
