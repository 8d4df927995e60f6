// Package viewing proves who a recipient is (본인확인), gives viewing tokens (열람인증토큰, guide 5.1.1 ❹), checks them for viewing systems
// (❻), and is the only judge of "read" (열람, guide 5.1.1 7).
//
// # Session
//
// StartSession and CompleteSession are an OpenID Connect code flow with PKCE and nonce. The provider's claims about the person
// are sent to AddressService once and are not kept. What stays is the fact that somebody's identity was proved: digest of the
// signed assertion, issuer, time. The session token is an access token of ten minutes for the random recipient id.
//
//	login:  StartSession ──► started ──CompleteSession──► used      (five minutes, once, whatever comes of it)
//
// # Viewing token
//
// A token is for one viewing system, ten minutes and one use; its format is pkg/viewingtoken. It expires at the viewing deadline
// at the latest, so every verification happens before the deadline.
//
//	                 VerifyViewingToken by the viewing system in aud
//	IssueViewingToken ──► unused ───────────────────────────────────► used by (viewing system, request id)
//	                        │                                            │  the same call again within a minute: the same answer
//	                        └── exp ──► expired: TOKEN_EXPIRED           └─ anything else: TOKEN_REPLAYED
//
// A token that a person got for an organisation is refused, and stays unused, once the person may not act for it any more
// (NOT_AUTHORISED); the address unit is asked at each verification of an unused one.
//
// One conditional update changes the state to used, so exactly one of any number of replicas and calls does it. Every attempt
// that was decided, also a refused one, is a row of token_check and a fact; one that was answered unavailable leaves nothing.
//
// # Read time
//
//	no read time ──first accepted report──► read_time, never changed
//
// A report is accepted when its verification is that viewing system's own and about that document, the document's kind has a read
// time, the shown hash is the document's, and verified ≤ read ≤ arrival and report.ahead. Both sides are truncated to the
// precision of the reported time: whole seconds, milliseconds or microseconds, as a Timestamp is written. Later good reports are
// recorded and answered with the first read time. A report after the viewing deadline counts, because its token was verified
// before.
//
// # Who sees what
//
// A recipient gets tokens only for documents of its own recipient id. A viewing system verifies only tokens made for itself, and
// only while it is not suspended and serves the document's sender. It learns nothing about the verifications of others.
package viewing
