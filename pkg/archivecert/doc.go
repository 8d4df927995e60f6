// Package archivecert reads and makes the certificates of a certified archive (공인전자문서센터): the registration certificate (최초등록증명서)
// given when a document is stored, and the original certificate (원본증명서) given when it is issued again.
//
// The official structure of these certificates is not public and is NOT implemented here; no conformity is claimed. This is the
// adapter for the sandbox archive's own format: CMS SignedData (package cms) over deterministic JSON, "one value, one encoding",
// so that a certificate that was read and written again is the same bytes:
//
//	{"format":"naru-sandbox-archive/1","kind":"registration","certificateNumber":…,"issuer":…,"owner":…,
//	 "documentId":…,"hashAlgorithm":"SHA-256","hash":…,"attachmentHashes":[…],
//	 "registeredAt":…,"validFrom":…,"validUntil":…}
//
// attachmentHashes is absent when there are none; an original certificate has kind "original" and ends with
// "registrationCertificateDigest". Hashes are hexadecimal (lower case when made, either case when read), times RFC 3339 UTC with
// six fractional digits, validFrom the moment of issue. Another archive's format goes beside this one, behind the interface its
// consumer declares.
//
// A certificate is accepted when its signature and digest hold, the signer's chain reaches a pinned root, the signer is an
// allowed issuer and the very one the content names, and both the signer and the content are valid at the time asked about.
package archivecert
