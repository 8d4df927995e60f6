// Command bench measures the relay next to a floor measured in the same run: one PostgreSQL transaction per document with one
// document row and one outbox row. Each row of its table is a measure with a bar; floor and measure take turns.
//
// It starts itself again as the relay and as the sandbox, so that what each costs is told apart, and drives them through the
// public doors. It prints a table on stderr and one JSON document on stdout, and exits 1 where accepted, inbox, hub and status do
// not count the same. docs/performance.md tells the method.
package main
