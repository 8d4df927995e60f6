// Package allinone runs the whole relay in one process for a laptop or a small machine: embedded NATS JetStream, a private
// PostgreSQL from the local binaries, every unit, and the sandbox in place of the outside world.
//
// It is a composition, not a mode: the units are the same values and use the same code paths as in processes of their own, and
// none of them knows the difference. Only this package contains what is convenient but insecure: generated passwords, a seeded
// institution, test roots.
//
// One folder holds everything:
//
//	naru.json        addresses and files of the relay; written when it is ready, removed when it stops
//	admin.json       credentials of the operator (0600)
//	narud.lock       held while a narud runs here
//	ports            which free ports were taken, so that they are taken again
//	config/          one settings file per unit, as a separate process would read it
//	secrets/         passwords and secrets, generated at the first start (0600)
//	keys/            signing and encryption keys, one folder per unit
//	tls/             identities for mutual TLS between units in processes of their own
//	postgres/ nats/  data of the private servers
//	sandbox/         the outside world: test roots, the archive's documents
//	demo/            credentials of the seeded institution and its viewing system
package allinone
