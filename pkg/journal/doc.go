// Package journal is how a unit changes its state, states facts, and can prove afterwards what it stated.
//
// A unit changes its state only inside Journal.InTx. The facts stated there are cut into frames and written in the same transaction, public
// and private ones alike: one append-only table is what is published, what is audited and what is proved. A state row names the commit
// of its last change (Tx.CommitID), so its facts are found through it.
//
// # Authenticity
//
// A frame's header (package frame) carries a MAC under a key of the unit's key folder. A row somebody else wrote is published by nobody,
// logged by nobody and reported. For each reader the publisher adds a tag under a key derived for it; a reader takes no frame without.
//
// # Log
//
// Off the hot path the Logger gives each frame a leaf in the unit's log: one growing Merkle tree (RFC 6962) in tiles, with checkpoints
// (C2SP tlog-checkpoint) that another unit cosigns as a witness, in its database and in its key folder. The log is ordered by when a frame
// was seen, not by transaction ids, so no foreign transaction delays it and a restored copy is harmless. A frame whose time lies before
// the window since the last checkpoint, or in the future, is held until an operator releases it (FrameReleased); its time stays.
//
// # Publishing
//
// The process that committed a public frame publishes it at once from memory. Frames that stay unpublished for two seconds are swept
// by any replica once they have a leaf. Paced kinds are published in turns between senders: the journal itself is their backlog.
//
// Facts MUST NOT hold personal data in clear: they are kept for ten years and read by auditors. Seal it (package sealed) or leave it out.
package journal

import "time"

// Republished is for how long after its commit a frame may be published again; a reader parks an older one for an operator instead
// of taking it as new, because it keeps what it has consumed only a few days longer.
const Republished = 21 * 24 * time.Hour

// RetentionYears is how long a journal is kept after the end of its year (architecture, section 7).
const RetentionYears = 10
