// Package cli is the `naru` command: what an operator, a sending institution and a test recipient do at a Naru relay, over its
// public REST door, and a demonstration of the whole path.
//
// Results go to stdout, for people or, with --json, as JSON; progress and errors go to stderr. Secrets come from files or from
// the environment, never from the command line. Exit codes: 0 done, 1 not done, 2 wrong usage.
package cli
