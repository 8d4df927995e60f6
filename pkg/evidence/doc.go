// Package evidence keeps what a unit must be able to prove later: entries that are only ever added,
// and signed anchors that make any later change to them visible.
//
// A unit calls Append in the transaction that makes the fact true. Off the hot path the Anchorer takes
// the committed entries in batches, builds a Merkle tree over each batch (RFC 6962 §2.1), chains its
// root to the former anchor and has the result signed. Verify recomputes everything; InclusionProof
// proves one entry to somebody who has only the anchor.
//
// # Duties of the caller
//
// Body MUST NOT hold personal data in clear: it is kept for ten years and read by auditors. Seal it
// (package sealed) or leave it out. The same holds for every other field: Subject, Tenant, Sender and
// Actor are identifiers, Kind and PolicyVersion are names.
//
// # Order, and why no entry is missed
//
// An entry carries the id of the transaction that wrote it. A batch takes entries whose transaction is
// older than every transaction still running (pg_snapshot_xmin) and not older than the former batch's
// end, ordered by (transaction id, entry id). A transaction that commits late keeps the bound below
// itself until it has ended, so its entries are in a later batch and never between two. A long writing
// transaction anywhere on the database server therefore delays anchoring; the metric tells.
//
// Transaction ids are those of one database cluster. After a restore into another cluster (dump and
// restore) its counter may be lower than the last anchor's bound; the Anchorer then stops with
// ErrOtherCluster. Advance the new cluster's counter past the bound (pg_resetwal --epoch) before it
// is written to. A restored base backup keeps its counter.
//
// # Encodings
//
// Integers are big endian, times are int64 microseconds since 1970-01-01 UTC, bytes(x) is the uint32
// length of x followed by x.
//
//	entry digest  = SHA-256("naru.evidence.entry.v1" 0x00
//	                id[16] bytes(kind) bytes(subject) bytes(tenant) bytes(sender) bytes(actor)
//	                bytes(policy_version) occurred_at[8] SHA-256(body)[32] recorded_at[8])
//	leaf          = entry digest, hashed as RFC 6962 leaf: SHA-256(0x00 leaf)
//	anchor digest = SHA-256("naru.evidence.anchor.v1" 0x00
//	                seq[8] prev_digest[32] root[32] entry_count[8] xid_from[8] xid_below[8] anchored_at[8])
//
// The first anchor's prev_digest is 32 zero bytes, its xid_from is 0. A signature is over the anchor
// digest.
//
// What this cannot show alone: the removal of the newest anchors together with their entries. Hand a
// known anchor from elsewhere to Verify for that.
package evidence
