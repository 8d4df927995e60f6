// Package mirror keeps a copy of a unit's public log in a folder, and takes nothing into it that does not extend what is there.
// So whoever runs a mirror, without any credentials, finds out when a relay changes its history: a log that was forked, shortened
// or dated back, or that somebody else signs.
//
// The folder of a log is one of C2SP tlog-tiles, without entries, with what the mirror has to remember beside it:
//
//	checkpoint                   the newest checkpoint that was believed
//	tile/<L>/<N>[.p/<W>]         hashes of the tree
//	stamps/<size>.checkpoint     checkpoints with a time stamp,
//	stamps/<size>.checkpoint.tst and their RFC 3161 tokens (DER)
//	seen.json                    when the log was looked at last, and how large it was; while it showed nothing, when first
//
// A checkpoint is believed if the log and one of its witnesses signed it, every hash that is kept leads to its root, the root of
// the one before follows from the same hashes, and the times that the witness and a time-stamping authority state fit what was
// seen. A log that stands still is cosigned anew, so one whose newest cosignature is too old has lost its witness: that is told,
// and what it shows is taken nevertheless.
package mirror
