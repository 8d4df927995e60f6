// Package logproof is the form in which facts of a relay leave it with their proof: a JSON file that anybody can verify who knows
// the published keys of the relay's logs and of their witnesses, without the relay.
//
// A fact is an encoded naru.platform.v1.Event. It is proved in two steps: its hash leads to the root in the header of its frame,
// and the hash of that header, as a leaf of the unit's log, to the root in a checkpoint (RFC 6962 §2.1). The checkpoint is signed
// by the log and by a witness (C2SP tlog-checkpoint, tlog-cosignature), and may carry a time stamp of a third party over its
// SHA-256 (RFC 3161): then the facts were there at that time.
package logproof
