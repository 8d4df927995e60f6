// Package viewingkit is what the viewing system of a sender (전자문서 열람시스템) is built with: an http.Handler for the viewing URL that
// keeps the guide's rules by itself (guide 3.2 and 5.1.1 steps 5 to 7).
//
// A GET or HEAD of <viewing url>?token=… shows a page with a button, and uses nothing: browsers prefetch, and scanners follow the
// links in mail. The button is a POST to the same URL. An application that shows documents itself makes the POST at once, without
// a body. For each POST <viewing url>?token=… the Viewer does, strictly in this order:
//
//  1. require a viewing token, and no header that says that nobody asked yet
//     (Sec-Purpose: prefetch);
//  2. have the relay the document was sent through verify it, server to server,
//     before anything is read for showing;
//  3. compare the recipient in the relay's answer with the stored one;
//  4. compare the registered hash, the sent hash and the hash of the bytes about
//     to be shown, recomputed from these bytes;
//  5. append the check to a tamper-evident Log, also when it refuses;
//  6. send exactly the bytes that were hashed, never to be cached;
//  7. only after the body was fully written, put a ReadReport in an Outbox, from
//     which a Reporter delivers it to the relay however long the relay is down.
//
// Refusals are RFC 9457 problem documents that never repeat the token. A request without a token is refused without a record:
// nothing was checked, and anybody could fill the log. A page of one's own is served for GET by the embedding program, which then
// gives the Viewer POST alone.
//
// Only what is known is reported: if the process dies between the last byte and the outbox, the document was shown but counts as
// unread.
//
// A sender supplies a Store, and either uses package viewingdb, which keeps Log and Outbox in PostgreSQL, or supplies its own. An
// embedding program MUST serve over TLS and MUST NOT log query strings, which carry tokens.
package viewingkit
