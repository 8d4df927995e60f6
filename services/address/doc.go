// Package address is the unit that finds recipients (공인전자주소 검색) and keeps the memberships of this relay.
//
// It owns the proved identities, the members with their consents, designations and refusals, the certified addresses of this relay
// with their history, and for each accepted document the search for its recipient. It alone opens a sender's description of a
// recipient, and it alone holds blind indexes; everything it tells others carries a random recipient id.
//
// # Member
//
//	            Join                 hub confirms
//	(none) ───────────▶ registering ─────────────▶ active
//	   ▲                     │                        │
//	   │ Join (new address)  │ Withdraw               │ Withdraw
//	   └──── withdrawn ◀─────┴────────────────────────┘
//
// Consent (수신동의) and the designation of the inbox (Act 6) are given with Join. SetConsent takes consent back and gives it again;
// designation ends with Withdraw.
//
// # Certified address
//
//	registering ──hub: registered──▶ registered ──Withdraw──▶ withdrawn ──hub: removed──▶ (removed_at)
//	   │    ▲                            │
//	   │    └── ConfirmAddress: missing ─┘ (a member's; an institution's becomes refused, because its papers are gone)
//	   └──hub: refuses──▶ refused ── Join (another address), ResubmitInstitution (other papers) ──▶ registering
//
// An address is folded to lower case, unique on this platform and never used twice. Each change is a row of address_history. What
// the hub has to be told follows from the state alone, so one claimed row per address (due_address) suffices, and a registration and
// a withdrawal of one address never overtake each other.
//
// # Open document
//
//	                ┌── recipient found, member, consented ──▶ own        (delivery's from here on)
//	                ├── recipient refuses the sender or all ─▶ refused
//	DocumentAccepted│── several persons match ───────────────▶ ambiguous
//	 ──────▶ open ──┤── CancelRequested ─────────────────────▶ cancelled
//	         ▲   │  └── send deadline ───────────────────────▶ expired  (told as unknown where there was no outcome)
//	         └───┘ own without consent, peer, none: told, and the document stays open
//
// Every outcome is a RecipientResolved with the next ordinal; an outcome equal to the latest is not told
// again. Beyond its sender's quota of the day a fruitless first outcome is withheld until the send deadline (Act 18-6), and the document
// stays open. An outcome is decided only under an advisory lock on the description's blind index: documents share it, a change of a
// membership has it alone. So a document and a joining at the same moment see each other whatever their order: either the document
// finds the member, or the joining finds the document. Locks are taken in the order identity row, blind index (ascending), document
// rows (ascending), counts of senders (ascending).
//
// A search at the hub is claimed work (due_document) outside any transaction. While the hub does not answer, the document stays open
// without an outcome and is tried again; nothing is guessed. If the send deadline passes so, that it is not known is the outcome, and
// the document's only one. A due row also looks again at what waits, ends documents at their deadline, and takes what a joining left
// over.
//
// # Personal data
//
// Tables hold it sealed or as blind index only; logs, errors and facts never hold it.
package address
