// Package certificate is the unit that obtains distribution certificates (유통증명서, guide 5.1.2 ❶ and ❷) for the parties of a
// document.
//
// Entitled are the sender of a document (the tenant) and its recipient, each for itself and with its own certified address as the
// applicant. Whoever else asks is refused, which is recorded, and told the same as if there were no such document.
//
// Nothing of a document is kept until its certificate is asked for. The request is recorded first; then delivery (for a sender whose document is
// not received, intake too) and circulation are asked, and acceptance or refusal is recorded. While one of them cannot be asked nothing is
// decided: the caller is told to come again, and the request waits under its id.
//
//	             hub unavailable: again after a while
//	               ┌───────┐
//	               ▼       │
//	accepted ─► REQUESTED ─┴─► every check passed ──► ISSUED   (event CertificateIssued)
//	               │
//	               ├─────────► a check failed ──────► FAILED, CHECK_FAILED   (event CertificateFailed; the file is kept, not given)
//	               └─────────► the hub refused ─────► FAILED, HUB_REFUSED    (event CertificateFailed)
//
// The checks (pkg/distcert): the signature covers the whole file and holds, the signer leads to a configured root, is the pinned
// one, signer and certificate are valid now; number, hashes, both parties and the times sent, received and read inside are those of the
// document as this relay knows it, and the applicant is who asked. Times are compared as the hub has them, in whole seconds. The read time
// may be missing unless the hub was known to have it before it was asked.
// A file is handed out only in the state ISSUED, which the database allows only with all checks passed.
//
// The hub is called outside of transactions, by claimed work. After an unknown outcome the same is asked again; the hub may then have
// issued two certificates, and what came of both is recorded.
package certificate
