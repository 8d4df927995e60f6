// Package sealed encrypts personal data field by field and makes blind indexes over it. "Sealed" always means encrypted.
//
// # Values
//
// A sealed value is
//
//	version (1 byte, 1) | key id (16 bytes, UUID) | AES-256-GCM: nonce (12) | ciphertext | tag (16)
//
// that is 45 bytes more than the text (Overhead). The associated data is purpose, a zero byte, subject: a value opens only for
// the purpose and the subject (an edoc number, a member id) it was sealed for. Table and row are not part of it, so a value may
// travel in an event and be stored elsewhere.
//
// # Keys
//
// Each purpose has one data key per month (UTC), an index purpose one key without a month. The unit that seals a purpose says who
// may open it and how long its keys are kept (Rule); a unit that opens what another seals says that of itself. The maker keeps a
// key in sealed_key of its own schema, wrapped under its own key-encryption key; a reader asks the maker for a key once
// (KeySource), wraps it under its own key-encryption key, keeps it in its own sealed_key, and has it in memory from then on. So
// opening a field costs no call and no query once the month's key is known.
//
// Keys with an end (Rule.Life) are destroyed when it has come (Forget), except for months that have a document under legal hold.
// The sealed values stay, but nobody can open them. The other keys are kept as long as what they protect.
//
// If several replicas make a new key at once, they end with the same one: the first insert wins, the others read it back.
//
// Seal, Open and Blind may need one query or one call for a key they see for the first time. They use a connection of their own,
// so they MUST NOT be called inside a transaction: with a small pool, transactions could hold all connections and wait for one
// more. A consumer of events opens values in the step before its transaction (inbox.OnPrepared). Prepare makes the keys of this
// month and the next ahead of time.
package sealed

import "embed"

// Migrations makes the table sealed_key in the schema of the unit that uses this package.
//
//go:embed migrations/*.sql
var Migrations embed.FS
