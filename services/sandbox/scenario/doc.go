// Package scenario makes sandbox systems misbehave. There is no other mechanism for it.
//
// A Set holds the scenarios of one system. A scenario names a Kind of misbehaviour, what it matches (method, path, business key,
// item of a batch), how many matches pass first, and how many it takes after that. Middleware performs transport level kinds
// (down, slow, answer-lost, …). For business level kinds (item-result, certificate-forged, …) the system calls Take or TakeItem
// at the place where they apply.
//
// Scenarios are held in memory, so a restarted system behaves well. A Set is safe for concurrent use. An empty Set costs one
// atomic load.
package scenario
