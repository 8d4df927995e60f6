// Package journal is how a unit changes its state, states facts, and can prove afterwards what it stated.
//
// What facts explain, a unit changes only inside Journal.InTx. (Claims, blocks of numbers, logins, and requests that are kept
// before a call have statements of their own.) The facts stated there are cut into frames and written in the same transaction,
// public and private ones alike: one append-only table is published, audited and proved. A state row names the commit of its
// last change (Tx.CommitID), so its facts are found through it.
//
// # Authenticity
//
// A frame's header (package frame) carries a MAC under a key of the unit's key folder. A row that somebody else wrote is neither
// published nor logged; it is reported. For each reader the publisher adds a tag under a key derived for that reader; a reader
// takes no frame without its tag.
//
// # Log
//
// The Logger works apart from requests. It gives each frame a leaf in the unit's log: one growing Merkle tree (RFC
// 6962) in tiles, with checkpoints (C2SP tlog-checkpoint). Another unit cosigns them as a witness and keeps the newest
// in its database and its key folder. The log is ordered by when a frame was seen, not by transaction ids, so it never
// waits for the transactions of others and a restored copy does no harm. A frame whose time lies before the window
// since the last checkpoint, or in the future, is held until an operator releases it (FrameReleased); its time stays.
//
// # Publishing
//
// The process that committed a public frame publishes it at once from memory. A frame that stays unpublished for two seconds is
// published by any replica, once it has a leaf (the sweep). For paced kinds the senders take turns; their backlog is the journal
// itself.
//
// Facts MUST NOT hold personal data in clear: they are kept for ten years and read by auditors. Seal it (package sealed) or leave
// it out.
package journal

import "time"

// Republished is how long after its commit a frame may be published again. A reader parks an older frame for an operator and does
// not take it as new, because it remembers what it has consumed only a few days longer.
const Republished = 21 * 24 * time.Hour

// RetentionYears is how long a journal is kept after the end of its year (docs/architecture.md, Journal).
const RetentionYears = 10
