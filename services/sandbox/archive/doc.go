// Package archive is the sandbox's certified archive (공인전자문서센터). It stores documents for its members, issues a registration
// certificate (최초등록증명서) for each, and issues a document again together with an original certificate (원본증명서).
//
// The official interface is not public; only the names of two operations are known (문서 등록 SubmitDocument, 문서 발급). The interface
// below is ours and no conformity is claimed.
//
//	POST /archive/login                                    member id and password → short-lived bearer token
//	POST /archive/documents                                multipart/form-data: meta (JSON), then document (bytes)
//	GET  /archive/documents?reference=… or ?hash=…         the member's own registrations, the first one first
//	GET  /archive/documents/{id}                           what was stored, with the registration certificate
//	GET  /archive/documents/{id}/registration-certificate  the certificate's bytes
//	POST /archive/documents/{id}/issue                     multipart/mixed: JSON with the original certificate, then the bytes
//	POST /archive/verify                                   for anybody: is this certificate genuine, and ours?
//
// A member may deposit for another: meta names it (onBehalfOf), and the certificate states it beside the owner, who is the
// member.
//
// It guarantees three things. What a member submits under its own reference, or else a document by its hash, is registered once,
// and a repeated registration returns the first certificate's bytes. Before the archive answers, bytes and row are on disk.
// Bytes that no longer match their hash are never issued. Errors are problem documents (RFC 9457).
//
// Documents lie in a folder and not in the database, because they may have 1 GiB; they are hashed while they arrive and never
// held in memory. The row is written after the file is synced; a background task removes files without a row.
//
// Every path under /sandbox requires the admin token. The scenarios certificate-forged, certificate-expired,
// certificate-foreign-signer, certificate-other-document, certificate-other-owner and certificate-backdated (business key: the
// document's hash) change only the certificate in an answer. The stored one stays genuine, so a repeated call after the scenario
// returns it. forgetful registers every submission anew and refuses look-ups; deposit-refused refuses a document. down, slow and
// the other transport scenarios apply to every path except /sandbox.
package archive
