// Package archive is the sandbox's certified archive (공인전자문서센터): it stores documents for its members, gives a registration
// certificate (최초등록증명서) for each and issues a document again together with an original certificate (원본증명서).
//
// The official interface is not public; only the names of two operations are known (문서 등록 SubmitDocument, 문서 발급). The form below
// is ours and no conformity is claimed.
//
//	POST /archive/login                                    member id and password → short-lived bearer token
//	POST /archive/documents                                multipart/form-data: meta (JSON), then document (bytes)
//	GET  /archive/documents/{id}                           what was stored, with the registration certificate
//	GET  /archive/documents/{id}/registration-certificate  its bytes
//	POST /archive/documents/{id}/issue                     multipart/mixed: JSON with the original certificate, then the bytes
//	POST /archive/verify                                   anybody: is this certificate genuine, and ours?
//
// What it promises: a document is registered once for a member and hash, and a repetition answers the first certificate's bytes;
// an answer means that bytes and row are on disk; bytes that no longer have their hash are never issued. Errors are problem
// documents (RFC 9457).
//
// Documents lie in a folder, not in the database: they are up to 64 MiB, are hashed while they arrive and never held in memory;
// the row follows the synced file, and a file without a row is swept away.
//
// Everything under /sandbox asks for the admin token. The scenarios certificate-forged, certificate-expired,
// certificate-foreign-signer and certificate-other-document (business key: the document's hash) change only the certificate in an
// answer: what is stored stays genuine, so that a repetition after the scenario tells the truth. down, slow and the other
// transport scenarios work on every path but /sandbox.
package archive
