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
// Sent and received are stamped from one clock reading in one transaction: the document is transmitted to the system the recipient
// designated in the moment it enters there (Act 6). They are never earlier than acceptance, registration at the archive, the
// recipient's resolution or the addresses' own beginnings: delivery waits for its clock, and gives the event back if that is far off.
// Nothing moves them afterwards.
package delivery
