// Command bench measures the relay against a floor measured in the same run: one PostgreSQL transaction per document with one
// document row and one outbox row. Each row of its table is a measure with a bar. Floor and measure alternate.
//
// It starts itself again as the relay and as the sandbox, so that their costs can be separated, and uses the public doors. It
// prints a table on stderr and one JSON document on stdout. It exits with 1 if accepted, inbox, hub and status have different
// counts. docs/performance.md describes the method.
package main
