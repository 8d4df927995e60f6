// Package distcert reads distribution certificates (유통증명서): signed PDF documents by which the distribution hub states who sent,
// received and viewed a document and when (Decree article 2-5 ②).
//
// The official form is not public; no conformity is claimed. Two profiles are read: any PDF that a pinned signer signed whole,
// whose statements are then not checkable, and the sandbox hub's form: a PDF with one PAdES signature (ETSI.CAdES.detached) over
// the whole file and, under that signature, the machine-readable twin of its pages as the attachment circulation.json (see
// Content).
//
// A file is read in steps by package pades, so that a stranger's bytes never reach a general PDF parser. First the file as bytes:
// one ByteRange that covers everything of the signed revision except exactly the signature's own value, the signature, the
// signer's chain and identity. Only when those hold, that is, when the hub itself made every byte, that revision is parsed, its
// one signature field compared with what was verified, and the attachment read. What follows the signed revision must be updates
// that add validation data or document time stamps (PAdES B-LT, B-LTA), and may change nothing that is shown.
package distcert
