// Command crash runs a relay of separate processes under load while it kills them (SIGKILL), their database and their bus, cuts
// them off and has the outside world misbehave. Afterwards everything has to be where it belongs, each once, in order, soon.
//
// Everything it does to the relay follows from the seed, which it prints first. Its last line tells what it found. It is run in
// the folder e2e, by make crash.
package main
