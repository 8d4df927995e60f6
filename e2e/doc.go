// Package e2e holds the journeys: tests of the whole relay through its public doors, in one process and in separately built
// processes. They call no unit's code. Only tests of evidence, attacks and personal data read or change the units' tables.
package e2e
