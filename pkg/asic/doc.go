// Package asic reads and writes associated signature containers with CAdES signatures (ASiC-E, ETSI EN 319 162-1) in one form:
// for each set of files there is exactly one container, byte for byte.
//
// A container is a ZIP archive (APPNOTE 6.3) of stored files:
//
//	mimetype                        application/vnd.etsi.asic-e+zip, the first file
//	…                               the files that are signed, in the order in which they were added
//	META-INF/ASiCManifest001.xml    lists each of them with its SHA-256
//	META-INF/signature001.p7s       CAdES signature over the manifest, with a time stamp (RFC 3161)
//	META-INF/ASiCArchiveManifest.xml   lists every file above, the mimetype apart
//	META-INF/timestamp001.tst       time stamp over the archive manifest
//
// When the newest time stamp is renewed, the newest archive manifest becomes META-INF/ASiCArchiveManifest<n>.xml, and a new one
// lists everything there is, the older time stamp and manifest included.
//
// Whoever changes a file changes its digest in the archive manifest, and whoever changes the archive manifest breaks the time
// stamp over it. What no digest covers has only one spelling, so a change of it is seen, too: compression, times, attributes,
// extra fields, comments, flags and gaps of a ZIP archive cannot occur, names are plain ASCII paths, each once, and XML is
// compared with what this package would write.
package asic
