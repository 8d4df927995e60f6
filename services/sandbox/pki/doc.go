// Package pki is the sandbox's certification authority: one test root for each kind of outside system, made at the first start
// and kept in a folder, and the certificates those systems work with.
//
// Every name begins with 시험용 ("for tests") and none is an agency's. Nothing here is trusted by anybody who did not pin the root's
// file:
//
//	<kind>-root.pem    root certificate, for units to pin          0644
//	<kind>-root.key    its key                                     0600
//	<kind>-leaf.pem    the system's certificate                    0644
//	<kind>-leaf.key    its key                                     0600
//
// Several processes may open one folder at the same time, also for the first time: a file lock lets one of them make what is
// missing and the others find it. Files appear whole or not at all. A root is never replaced; a leaf certificate is renewed, with
// the same key, when less than a month is left or when the server names asked for have changed.
package pki
