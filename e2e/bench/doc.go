// Command bench measures documents per second of the whole chain (batch send over the public door, inbox, circulation registered at the
// hub, status complete) with every check and every evidence write on, next to the floor measured in the same run: one PostgreSQL
// transaction per document with one document row and one outbox row of the same size. Floor and chain take turns.
//
// It prints a table on stderr and one JSON document on stdout, and exits 1 where accepted, inbox, hub and status do not count the same.
// docs/performance.md tells the method.
package main
