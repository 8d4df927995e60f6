// Package archivecert reads and makes the certificates of a certified archive (공인전자문서센터): the registration certificate (최초등록증명서)
// given when a document is stored, and the original certificate (원본증명서) given when it is issued again.
//
// The official structure of these certificates is not public; no conformity is claimed. How an archive's certificates are read is
// a profile, chosen for each archive by configuration (Config): time stamp tokens (RFC 3161), DVCS responses (RFC 3029),
// signatures over the document (CMS), and the sandbox archive's own format, the only one that is issued here: CMS SignedData
// (package cms) over deterministic JSON, "one value, one encoding", so that a certificate that was read and written again is the
// same bytes:
//
//	{"format":"naru-sandbox-archive/1","kind":"registration","certificateNumber":…,"issuer":…,"owner":…,
//	 "onBehalfOf":…,"documentId":…,"hashAlgorithm":"SHA-256","hash":…,"attachmentHashes":[…],
//	 "registeredAt":…,"validFrom":…,"validUntil":…}
//
// onBehalfOf is absent when the owner deposited for itself, attachmentHashes when there are none; an original certificate has
// kind "original" and ends with "registrationCertificateDigest". Hashes are hexadecimal (lower case when made, either case when
// read), times RFC 3339 UTC with six fractional digits, validFrom the moment of issue.
//
// A certificate is accepted when its signature and digest hold, the signer's chain reaches a pinned root, the signer is an
// allowed issuer and the very one the content names, and both the signer and the content are valid at the time asked about. What
// a profile's certificates do not say (owner, attachments, validity) is not checkable, and refused unless the issuer's policy
// names it.
package archivecert
