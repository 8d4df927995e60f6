// Package status tells senders what happened to their documents (처리상태 조회): a timeline of every fact that any unit stated about a
// document, and a summary of it.
//
// A fact has the identity of its event (number, kind, ordinal), so an event that comes twice gives one fact. Facts of the
// ordinary path (accepted, found, received, notice given, read, registered) happen once: they are columns of the summary, and the
// timeline shows them from there. All others are append-only entries. The summary keeps facts, not transitions. Each fact is
// merged by a rule that does not depend on the order of arrival (the earliest time, the highest ordinal), and the state follows
// from the facts by rank. A higher line wins over a lower one:
//
//	READ ◄── DocumentRead
//	  RECEIVED ◄── DocumentReceived             nothing undoes a receipt
//	    CANCELLED ◄── DocumentCancelled         of address or delivery      ┐
//	      FAILED ◄── DeliveryFailed                                         │
//	        or, by its reason, NO_SUCH_PERSON, INVITATION_REFUSED,          ├ final
//	        INVITATION_FAILED                                               │
//	        UNREACHABLE ◄── RecipientUnreachable, and the latest resolution
//	          is none                           final from the deadline on  │
//	        EXPIRED ◄── DeliveryExpired                                     ┘
//	          the latest RecipientResolved, by ordinal:
//	            REFUSED, RECIPIENT_AMBIGUOUS                                final
//	            AWAITING_CONSENT, AWAITING_MEMBERSHIP, RECIPIENT_AT_OTHER_RELAY
//	              ACCEPTED                                              also while nothing is known of the recipient
//
// If a document is missing here, the fact of its acceptance may still be on its way, so intake is asked once.
package status
