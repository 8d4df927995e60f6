// Package scenario is the one mechanism that makes sandbox systems misbehave.
//
// A Set holds the scenarios of one system. A scenario names a Kind of misbehaviour, what it matches (method, path, business key,
// item of a batch), how many matches it lets pass first and how many it then takes. Transport level kinds (down, slow,
// answer-lost, …) are carried out by Middleware; business level kinds (item-result, certificate-forged, …) are asked for by the
// system with Take or TakeItem at the place where they bite.
//
// Scenarios live in memory: a restarted system behaves well. A Set is safe for concurrent use, and costs one atomic load while it
// is empty.
package scenario
