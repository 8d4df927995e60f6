// Package intake is the unit that takes send requests (발송요청, guide 5.1.1 ❸): it judges them, gives each its number (전자문서번호) and a
// signed receipt, keeps them durably, and states DocumentAccepted.
//
// An item has one of four outcomes:
//
//	           rules broken ─────────────────────────────► refused (INVALID_ITEM), whatever its key
//	item ──┤
//	           judged: deadlines, sender, viewing system, certificate, repeated document
//	             │
//	             ├─ something found ── key known? ── no ─► refused with everything found
//	             │                        │
//	             │                        └─ yes ┐
//	             └─ nothing found ── commit ─────┼── key new ───────────► accepted: number, receipt, facts
//	                                             ├── same content ──────► first number, first receipt, duplicate
//	                                             └── other content ─────► refused (OWN_KEY_CONFLICT, existing number)
//
// So a repeat of an accepted item gets the first answer, even if its deadline has passed or its certificate has expired
// meanwhile. A normal item needs no look-up of its key, because the commit finds known keys.
//
// The same commit states that the document was accepted (DocumentAccepted). Single documents are published at once. For those of
// batches the senders take turns, and the journal is their queue. After acceptance only one thing can change here:
//
//	accepted ── Cancel ─► cancel requested (once; whoever would commit the next step decides)
//
// Other units state what happens to it afterwards.
//
// Guarantees: a number is given once, by however many replicas; number, row and fact commit together; after a crash between
// commit and answer, the caller repeats the key. Tenant is the sender: every read and write is by the caller's principal id.
package intake
