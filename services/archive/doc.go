// Package archive deposits the documents that senders hand over at a certified archive (공인전자문서센터), before they are delivered:
// only what the archive has registered can later be proved (guide 4.2, 5.2.1 4 ② 문서 등록).
//
// One row per document:
//
//	                                     no row ─►   DUE ─►                DEPOSITED ─►      FAILED, STOPPED ─►
//	DepositAwaited                       DUE         DUE (its ordinal)     DEPOSITED again   (stays)
//	the certificate is good                          DEPOSITED
//	the archive refuses for good                     FAILED
//	the content is lost                              FAILED
//	an operator gives it up                          FAILED
//	cancelled, expired, failed           STOPPED     STOPPED               (stays)           (stays)
//
// DEPOSITED is stated for each newer resolution, with the same certificate. Nothing else is deposited twice: before a call whose
// outcome may stay unknown the row is marked as uncertain, and an uncertain deposit is looked up at the archive first. Where the
// archive offers neither look-up nor idempotency, it is submitted again, the first certificate that comes counts, and
// DepositDoubled says so.
//
// The relay is the archive's member, and names the sender for whom it deposits (ADR 23).
package archive
