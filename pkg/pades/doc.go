// Package pades signs PDF files, keeps their signatures for the long term, and verifies them: PAdES (ETSI EN 319 142-1) by
// updates of the file (ISO 32000-1 7.5.6).
//
// # Signing
//
// Sign and Extend only ever append a revision, so that what was there stays as it is, byte for byte. Its cross-references are of
// the file's kind, a table or a stream, without gaps; its text is in hexadecimal strings. The levels:
//
//   - B-B: Sign. The claimed time stands in the signature's dictionary and not in the CMS.
//   - B-T: Sign with Options.Stamp. A time stamp over the signature is in the CMS.
//   - B-LT: Extend with certificates, revocation lists or OCSP answers.
//   - B-LTA: Extend with Extension.Stamp, a document time stamp over everything.
//
// Several signers sign one after the other, in fields of their own that Prepare may lay before. A file that is encrypted, has an
// XFA form or hybrid cross-references is refused.
//
// # Verifying
//
// Verify makes every check that can be made and tells of each whether it passed, failed or could not be made, and why; see
// Definitions. It examines every revision and names whatever a later one did that is no signature, time stamp or validation data.
// Callers for whom anything but one signature is wrong use Open, Document and Additions instead.
//
// A stranger's bytes never reach a general PDF parser. First the file is taken apart as bytes: one ByteRange that covers
// everything of the first signed revision except exactly the signature's own value. Only if that signature is one of somebody
// trusted, that revision is parsed by a library, and what readers see is compared with what was verified. What follows is taken
// apart by a small strict reader, which accounts for every byte by the cross-references and knows one spelling of most things: an
// update of another writer that uses comments, needless escapes, objects of other generations or indirect lengths is refused. Its
// cross-references are a table, or a stream where the signed revision has one; object streams are accepted beside a stream (ISO
// 32000-1 7.5.7, 7.5.8).
//
// # What it does not do
//
// Nothing is fetched: validation data is what the caller gives. A file whose first signature is a document time stamp is not
// accepted. A lock of fields (FieldMDP) is taken as one of all: no signature may follow. An appearance that a later signer adds
// may lie over what was shown before; Revision.Shown tells.
package pades
