// Package sealed encrypts personal data field by field and makes blind indexes over it. "Sealed" always means encrypted.
//
// # Values
//
// A sealed value is
//
//	version (1 byte, 1) | key id (16 bytes, UUID) | AES-256-GCM: nonce (12) | ciphertext | tag (16)
//
// that is 45 bytes more than the text (Overhead). The associated data is purpose, a zero byte, subject: a value opens only for the
// purpose and the subject (an edoc number, a member id) it was sealed for. Table and row are not part of it, so a value may travel
// in an event and be stored elsewhere.
//
// # Keys
//
// Each purpose has one data key per month (UTC), an index purpose one key without a month. The unit that makes a purpose's keys and
// the units that may open its values are fixed in one table (Purpose.Maker, Purpose.Readers). The maker keeps a key in sealed_key of its
// own schema, wrapped under its own key-encryption key; a reader asks the maker for a key once (KeySource), wraps it under its own
// key-encryption key, keeps it in its own sealed_key, and has it in memory from then on. So opening a field costs no call and no
// query once the month's key is known.
//
// Keys of what only a document's way needs (a recipient's description, the viewing identifier) are destroyed sixty days after the last deadline
// a document of their month may have (Forget), but for months from which a document is under legal hold. The sealed values stay where they are,
// in ten years of journal, and open for nobody. The other keys are kept as long as what they protect.
//
// Replicas that race for a new key end with the same one: the first insert wins, the others read it back.
//
// Seal, Open and Blind may need one query or one call for a key seen the first time. They use a connection of their own, so they
// MUST NOT be called while the caller holds a transaction open: with a small pool all its connections could be held by transactions that
// wait for one more. A consumer of events opens in the step before its transaction (inbox.OnPrepared). Prepare makes the keys of this and
// the next month ahead of time.
package sealed

import "embed"

// Migrations makes the table sealed_key in the schema of the unit that uses this package.
//
//go:embed migrations/*.sql
var Migrations embed.FS
