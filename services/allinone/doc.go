// Package allinone runs the whole relay in one process for a laptop or a small machine: embedded NATS JetStream, a private
// PostgreSQL from the local binaries, every unit, and the sandbox in place of the outside world.
//
// It is a composition, not a mode: the units are the same values that run in processes of their own, over the same code path, and
// none of them knows the difference. Only this package has what is convenient and insecure: generated passwords, a seeded
// institution, test roots.
//
// One folder holds everything:
//
//	naru.json        where everything is, written when the relay is ready and removed when it stops
//	admin.json       credentials of the operator (0600)
//	config/          one file of settings per unit, as a process of its own would read it
//	secrets/         passwords and secrets, made at the first start (0600)
//	keys/            signing and encryption keys, a folder per unit
//	tls/             identities of the units for mutual TLS, for units run apart
//	postgres/ nats/  the private servers' data
//	sandbox/         the outside world: test roots, the archive's documents
//	demo/            credentials of the seeded institution and its viewing system
package allinone
