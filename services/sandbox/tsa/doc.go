// Package tsa is the sandbox's time-stamping authority (시점확인, RFC 3161 with RFC 5816): it signs that it saw a hash at a time.
//
//	POST /tsp    application/timestamp-query → application/timestamp-reply (RFC 3161 section 3.4)
//
// A request of that media type is always answered with status 200 and a TimeStampResp. One that gets no token gets the failure of
// RFC 3161 section 2.4.2 that says why:
//
//	badDataFormat         not the DER of a request, or more than 4 KiB
//	badAlg                hash algorithm other than SHA-256
//	unacceptedPolicy      another policy than Policy is asked for
//	unacceptedExtension   the request has extensions; none is known
//	systemFailure         its own database is away
//
// A token has the whole second, the nonce of its request and a serial number that no other token has; it carries the signer's
// certificate only where the request asks for it. Before the authority answers, its row is committed.
//
// Every path under /sandbox requires the admin token. The scenarios tsa-other-imprint, tsa-other-nonce, tsa-foreign-signer,
// tsa-expired and tsa-rejects (business key: the hash, lower-case hexadecimal) are for /tsp, as down, slow and the other
// transport scenarios are.
package tsa
