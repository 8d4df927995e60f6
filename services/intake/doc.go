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
// So a repeat of an accepted item is answered with what was answered first even when meanwhile its deadline has passed or its
// certificate has expired, and the usual item costs no look-up of its key: the commit tells.
//
// An accepted document is stated by the same commit (DocumentAccepted). Single ones are published at once, those of batches in turns
// between senders: the journal is their queue. It can then change once here:
//
//	accepted ── Cancel ─► cancel requested (once; whoever would commit the next step decides)
//
// What happens to it afterwards is told by other units.
//
// Guarantees: a number is given once, by however many replicas; number, row and fact commit together; a crash
// between commit and answer is healed by repeating the key. Tenant is the sender: every read and write is by the caller's principal id.
package intake
