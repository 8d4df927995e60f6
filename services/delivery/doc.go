// Package delivery puts documents into the recipient's inbox (수신함 전달, guide 5.1.1 4) and tells the recipient that they arrived.
//
// One row per document, decided under its lock:
//
//	                              no row ─►    WAITING ─►   CANCELLING ─►  DEPOSITING ─►
//	RecipientResolved
//	  own                         DELIVERED    DELIVERED    CANCELLED
//	  own, shown by this relay    DEPOSITING   DEPOSITING   CANCELLED      (stays)
//	  own, its address has ended  FAILED       FAILED       CANCELLED      FAILED
//	  none, no consent, peer      WAITING      (stays)      (stays)        (stays)
//	  refused, ambiguous          CLOSED       CLOSED       CLOSED         CLOSED
//	  unknown; own, but too late  EXPIRED      EXPIRED      CANCELLED      EXPIRED
//	DocumentDeposited             DELIVERED    DELIVERED    CANCELLED      DELIVERED
//	DepositFailed                 FAILED       FAILED       CANCELLED      FAILED
//	CancelRequested               CANCELLING   CANCELLING   (stays)        CANCELLED
//	DocumentCancelled of address  CANCELLED    CANCELLED    CANCELLED      CANCELLED
//	send deadline                              EXPIRED      CANCELLED      EXPIRED
//
// A recipient who has changed consent or refusals since it was found, or deposited for, is sought anew: the document is WAITING
// again.
//
// A document that waits because its recipient is a member nowhere (none) may have an invitation, where a channel is configured:
//
//	no contact               it is stated as unreachable, and waits
//	refused                  FAILED (INVITATION_REFUSED), also later by whoever was invited
//	nobody at the contact    FAILED (NO_SUCH_PERSON)
//	the channel failed, or an operator gave it up
//	                         FAILED (INVITATION_FAILED)
//	given                    it is stated as invited, and waits
//
// One row per sender and contact: DUE is given by claimed work and is OPEN then; it is ENDED when no document waits for it any
// more, and DUE again with the next one. REFUSED is for good. Rows are locked in the order documents, invitations, links.
//
// The other states are final. A cancel of a DELIVERED document is refused; it only stops the notices.
//
// Sent and received are stamped from one clock reading in one transaction: a document is transmitted to the system that the
// recipient designated at the moment it enters it (Act 6). They are never earlier than acceptance, registration at the archive,
// the recipient's resolution or the start of the addresses' validity. Delivery waits until its clock has reached that time, and
// gives the event back if that takes too long. Later nothing changes these times.
package delivery
