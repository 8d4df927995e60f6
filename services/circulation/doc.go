// Package circulation is the unit that keeps circulation records (유통정보) and registers them, and their read times, at the
// distribution hub.
//
// A record exists for every document that was received or read, whichever fact comes first. The hub is called only if the sender
// wanted circulation and this relay is the registrar. A record has two calls, and its row holds the state of each:
//
//	registration (due when the document was received)
//
//	     ┌──── answer unknown, left out; 6, 7, 9, a code nobody knows, refused alone: same content again ────┐
//	     ▼                                                                                                   │
//	    DUE ──── 1, or 2 after an attempt that may have registered it ──► DONE                               │
//	     │ ▲                                                              │                                  │
//	     │ └──── read time answered 4: the registration is checked again ─┘                                  │
//	     ├── 4, 5 ──► CONFIRMING (AddressService.ConfirmAddress) ──► DUE                                     │
//	     ├───────────────────────────────────────────────────────────────────────────────────────────────────┘
//	     └── 3, 2 that nobody of ours can have registered, content differs, refused for longer than patience ──► QUEUED
//	                                                                                    QUEUED ── RetryQueued ──► DUE
//	                                                       QUEUED because of 2 ── AcceptQueued ──► DONE
//	                                                                                    QUEUED ── GiveUpQueued ──► GIVEN_UP
//
//	read time (due when the document was read and is registered; never for a document kind without read time)
//
//	    WAITING ── registration DONE ──► DUE ── 1, 2 ──► DONE
//	       ▲                              ├── 4 ──► WAITING
//	       └──────────────────────────────┘
//	                                      ├── 9, a code nobody knows, refused alone ──► DUE
//	                                      └── 3, content differs, refused for longer than patience ──► QUEUED
//
// A refusal that may change is retried after growing pauses, and the sender sees the hub's reason. A call waits for a person
// only if its refusal is final, or stood for longer than the patience. If the hub gives no answer, the call is retried without
// end. When an outage ends, calls do not wait for the rest of their pauses (outage.go).
//
// Calls are claimed by lease in batches and made outside of transactions. A batch is a row of hub_call: inserting it is the
// claim. The digests of the contents are written to it before anything is sent. At the end the results are written to it, in the
// same transaction as one update of each record. If the lease runs out before the claim is settled, the claim lapses: its
// attempts count, and its documents are due again.
//
// The content is hashed before the first attempt, and an attempt with another content is never made. When the hub refuses a batch
// as a whole, the batch is halved until the item that causes the refusal is alone. Nothing here changes a time.
//
// A 2 that no attempt of ours can have caused stays a 2, however often the hub is asked. A person finds out whether the hub's
// record is ours. AcceptQueued then settles the call as that answer would have; it counts as acknowledged since the answer was
// given. What the hub will never take is given up by a person; without that it would be asked about for ten years.
package circulation
