// Package delivery puts documents into the recipient's inbox (수신함 전달, guide 5.1.1 4) and tells the recipient that they arrived.
//
// One row per document, decided under its lock:
//
//	              RecipientResolved (none, no consent, peer)
//	(no row) ───────────────────────────────► WAITING ──send deadline──► EXPIRED
//	   │                                         │ ▲
//	   │ RecipientResolved (own)                 │ │ later resolution
//	   ├──────────────► DELIVERED ◄──────────────┘ │
//	   │                    ▲                      │
//	   │ CancelRequested    └── never after ───┐   │
//	   ├──────────────► CANCELLING ────────────┴───┘ (own, or send deadline: CANCELLED)
//	   │
//	   └─ RecipientResolved (refused, ambiguous) ► CLOSED      address withdrawn ► FAILED
//	                        (unknown, at the send deadline) ► EXPIRED
//
// Sent and received are stamped from one clock reading in one transaction: a document is transmitted to the system that the
// recipient designated at the moment it enters it (Act 6). They are never earlier than acceptance, registration at the archive,
// the recipient's resolution or the start of the addresses' validity. Delivery waits until its clock has reached that time, and
// gives the event back if that takes too long. Later nothing changes these times.
package delivery
