// Package witness speaks the protocol between a log and its witness (C2SP tlog-witness): POST <url>/add-checkpoint with a
// checkpoint and a proof that it extends the one the witness saw last, answered by the witness's cosignature. Client is the log's
// side, for witnesses outside of this relay; Handler is a witness, e.g. of another relay's logs, which keeps what it saw in a
// folder.
//
// A witness vouches for one thing: that all it has ever cosigned of a log is one history. It judges nothing that is in the log.
package witness
