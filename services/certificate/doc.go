// Package certificate is the unit that obtains distribution certificates (유통증명서, guide 5.1.2 ❶ and ❷) for the parties of a
// document.
//
// The sender of a document (the tenant) and its recipient may ask, each for itself and with its own certified address as the
// applicant. Anybody else is refused, which is recorded, and gets the same answer as for a document that does not exist.
//
// Nothing about a document is stored before its certificate is requested. The request is recorded first. Then delivery (for a
// sender whose document is not received, intake, too) and circulation are asked, and acceptance or refusal is recorded. While one
// of them cannot be asked nothing is decided: the caller is told to try again, and the request waits under its id.
//
//	             hub unavailable: again after a while
//	               ┌───────┐
//	               ▼       │
//	accepted ─► REQUESTED ─┴─► every check passed ──► ISSUED   (event CertificateIssued)
//	               │
//	               ├─────────► a check failed ──────► FAILED, CHECK_FAILED   (event CertificateFailed; the file is kept)
//	               └─────────► refused too long ────► FAILED, HUB_REFUSED    (event CertificateFailed)
//
// The checks (pkg/distcert): the signature is valid and covers the whole file; the signer leads to a configured root and is the
// pinned one; signer and certificate are valid now; number, hashes, both parties and the times sent, received and read are those
// of the document as this relay knows it; the applicant is who asked. Times are compared as the hub has them, in whole seconds.
// The read time may be missing unless the hub was known to have it before it was asked. A file is handed out only in the state
// ISSUED, which the database allows only with all checks passed.
//
// A certificate that the hub pushes (HubPushReceived) is judged for the oldest open request with its edoc number and applicant by
// the same checks. Only one that passes ends the request.
//
// The hub is called outside of transactions, by claimed work. After an unknown outcome the same is asked again. The hub may then
// have issued two certificates; both results are recorded.
package certificate
