// Package pki is the sandbox's certification authority: one test root for each kind of outside system, made at the first start
// and kept in a folder, and the certificates that those systems use.
//
// Every name begins with 시험용 ("for tests"), and none is the name of an agency. Only those who pin a root file trust these
// certificates:
//
//	<kind>-root.pem    root certificate, for units to pin          0644
//	<kind>-root.key    its key                                     0600
//	<kind>-leaf.pem    the system's certificate                    0644
//	<kind>-leaf.key    its key                                     0600
//	relay-keys.json    keys of the relay, written by who starts it 0644
//	trust.yaml         whom all of them are, for naru verify       0644
//
// Several processes may open the same folder at the same time, even for the first time: a file lock lets one process create what
// is missing, and the others read it. A file appears complete or not at all. A root is never replaced. A leaf certificate is
// renewed with the same key if less than a month is left, or if the requested server names have changed.
package pki
