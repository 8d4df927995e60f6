// Package pg is how a unit uses PostgreSQL: its pool, its transactions, its roles, its migrations and its time partitions.
//
// Contract:
//   - A unit owns one schema, named like the unit, and two roles: <schema>_owner makes tables, <schema>_app uses them
//     under the grants of the migrations. search_path is that schema alone, so SQL names tables without qualification
//     and cannot reach another unit's.
//   - Nothing here logs or traces a query argument: arguments hold personal data.
//   - Functions that take DBTX work in the caller's transaction or on a pool alike. What must be in
//     a transaction takes *Tx.
package pg
