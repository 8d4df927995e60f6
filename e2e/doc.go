// Package e2e holds the journeys: black-box tests of the whole relay over its public doors, against one process and against
// separately built processes. It reaches no unit's internals.
package e2e
