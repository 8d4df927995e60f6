// Package address is the unit that finds recipients (공인전자주소 검색) and keeps the memberships of this relay.
//
// It owns the proved identities; the members with their consents, designations and refusals; the certified addresses of this
// relay with their history; and for each accepted document the search for its recipient. Only this unit opens a sender's
// description of a recipient, and only it has blind indexes. Everything it states for others contains a random recipient id.
//
// # Member
//
//	            Join                 hub confirms
//	(none) ───────────▶ registering ─────────────▶ active
//	   ▲                     │                        │
//	   │ Join (new address)  │ Withdraw               │ Withdraw
//	   └──── withdrawn ◀─────┴────────────────────────┘
//
// A member is a person or an organisation. An organisation joins by an application:
//
//	            ApplyForOrganisation            ConfirmApplication
//	(none) ──────────────────────────▶ waiting ───────────────────▶ confirmed   (the applicant represents it, and Join as above,
//	                                      │                                       unless it has joined and has its address)
//	                                      └─RefuseApplication────▶ refused
//
// Each person who acts for an organisation has an authority in force: a representative by a confirmed application, others
// because a representative named them. A named person takes the authority by acting for the first time. It ends by a
// representative or an operator.
//
// Consent (수신동의) and the designation of the inbox (Act 6) are given with Join. SetConsent takes consent back and gives it again;
// designation ends with Withdraw.
//
// # Certified address
//
//	registering ──hub: registered──▶ registered ──Withdraw──▶ withdrawn ──hub: removed──▶ (removed_at)
//	   │    ▲                            │
//	   │    └── ConfirmAddress: missing ─┘ (a person's; others become refused, because their papers are gone)
//	   └──hub: refuses──▶ refused ──hub, asked again by itself: registered──▶ registered
//	                         └── ResubmitInstitution (other papers) ──▶ registering;  Join (another address) ──▶ withdrawn
//
// An address is folded to lower case, unique on this platform and never used twice. Each change is a row of address_history. The
// state alone determines what the hub must be told. So one claimed row per address (due_address) is enough, and a registration
// and a withdrawal of one address never overtake each other.
//
// # Name
//
//	proof with another name, ChangeOrganisation, ChangeInstitution
//	       │
//	       ▼          hub: taken
//	     asked ─────────────────────▶ accepted   (the name is used from here on)
//	       │ ▲ hub: refuses               ▲
//	       │ └── refused ──hub, told again┘
//	       └──── newer change, or the address ends ──▶ replaced
//
// A change waits until its address is registered. The calls about one address never overlap (due_name_change), so the hub is told
// the newest name last. Until the hub has a change, the name before is used (atHub).
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
// Every outcome is a RecipientResolved with the next ordinal; an outcome equal to the latest is not stated again. When a sender
// has used up its quota of the day, a fruitless first outcome is withheld until the send deadline (Act 18-6), and the document
// stays open. An outcome is decided only under an advisory lock on the description's blind index: documents share the lock, a
// change of a membership holds it alone. So when a document and a joining come at the same moment, either the document finds
// the member, or the joining finds the document. Locks are taken in this order: application row, identity row, blind index
// (ascending), document rows (ascending), counts of senders (ascending).
//
// A search at the hub is claimed work (due_document) outside any transaction. While the hub does not answer, the document stays
// open without an outcome and is tried again; nothing is guessed. If the send deadline passes meanwhile, "unknown" is the
// document's only outcome. A due row also looks again at waiting documents, ends documents at their deadline, and handles what a
// joining left over.
//
// # Personal data
//
// Tables hold it only sealed or as a blind index; logs, errors and facts never hold it.
package address
