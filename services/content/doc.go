// Package content is the unit that keeps the files of documents that the relay itself shows (플랫폼 중심, guide 4.2 and 5.2): a sender
// hands a file over, then sends a document that names it.
//
//	CreateUpload ──► RECEIVING ──last byte──► CHECKING ──nothing found──► READY ──► DELETED
//	                     │                       │                                   ▲
//	                     │                       └─────something found──► REFUSED    │
//	                     └──────────────owner, or not finished in time───────────────┘
//
// A READY upload is deleted when no document named it in time, when every document that names it has ended or can be viewed no
// more, or when its owner asked for it; never while it or a document that names it is under legal hold.
//
// # Bytes
//
// The bytes of an upload are cut into parts of at most partBytes. A part is one object of the bucket, sealed while it arrives
// with streaming AEAD (Tink's AES256-GCM-HKDF, segments of 64 KiB) under a random key of the upload, bound to the upload, the
// object and the part's place. The key is sealed by a key of the unit's key folder and stands in the row of the upload: without
// it the objects say nothing, so an upload is deleted in one transaction, and its objects are removed afterwards.
//
// A part counts once its object is durable and its row says so. What arrived of a part when a stream breaks becomes a shorter
// part, so nothing that arrived is sent twice.
//
// # Many replicas
//
// Who appends to an upload or checks it holds its lease, which it renews. The lease of a process that died runs out; then the
// next stream goes on, and another replica repeats the check. Each attempt writes an object of its own, so a process that was
// only slow overwrites nothing.
package content
