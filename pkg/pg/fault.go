package pg

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/naru-relay/naru/pkg/fault"
)

// DiskFull is the SQLSTATE for a disk without room for what was to be written.
const DiskFull = "53100"

// LockNotAvailable is the SQLSTATE for a lock that could not be taken in time (Open, Tx.LimitLockWait).
const LockNotAvailable = "55P03"

// SQLSTATE codes on which this package bases decisions (PostgreSQL manual, appendix A).
const (
	stateSerializationFailure = "40001"
	stateDeadlock             = "40P01"
	stateUniqueViolation      = "23505"
	stateDuplicateObject      = "42710"
	stateInternalError        = "XX000"
	stateReadOnly             = "25006"
)

// SQLState is the five-character SQLSTATE of err, "" when err is not from the server.
func SQLState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// Constraint is the name of the constraint that err violated, "" when there is none.
func Constraint(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.ConstraintName
	}
	return ""
}

// Unreachable reports whether the server could not be asked or could not serve: it let nobody in (whatever it says; on a full
// disk that is an internal error), connection trouble (class 08), lack of resources (53; a full disk, too), shutdown or
// cancellation (57), trouble of its disk (58), or because it takes no writes now (it is read only, or a standby). The same call
// may work later.
func Unreachable(err error) bool {
	var connErr *pgconn.ConnectError
	if errors.As(err, &connErr) && !errors.Is(err, context.Canceled) {
		return true
	}
	if state := SQLState(err); state != "" {
		switch class(err) {
		case "08", "53", "57", "58":
			return true
		default:
			return state == LockNotAvailable || state == stateReadOnly
		}
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var netErr net.Error
	return errors.As(err, &netErr) || pgconn.Timeout(err) || connectionGone(err)
}

// connectionGone recognises a connection that ended during a statement or before it was sent.
func connectionGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// Passing reports whether the same call may work later: the database is away or lacks something, a race or a lock was lost, or
// the time ran out.
func Passing(err error) bool {
	switch class(err) {
	case "40", "55":
		return true
	default:
		return Unreachable(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
}

// Refused reports whether the database refuses what was written: a value (class 22) or a constraint (23). The same call never
// works.
func Refused(err error) bool { return class(err) == "22" || class(err) == "23" }

// class is the first part of err's SQLSTATE, "" when err is not from the server.
func class(err error) string {
	state := SQLState(err)
	return state[:min(len(state), 2)]
}

// AsFault maps an error of the database to a public fault, by SQLSTATE and constraint name and by nothing else:
//
//   - a violated constraint named in byConstraint becomes a copy of that fault,
//   - a lost race (class 40) becomes Stale,
//   - a server that cannot be asked or cannot serve now becomes Unavailable.
//
// Faults and all other errors pass unchanged; other errors count as Internal. The database's error stays the cause; where its
// text may repeat a value (class 22) the text is cut.
func AsFault(err error, byConstraint map[string]*fault.Error) error {
	var already *fault.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	if name := Constraint(err); name != "" {
		if public, ok := byConstraint[name]; ok {
			mapped := *public
			fault.Wrap(err)(&mapped)
			return &mapped
		}
	}
	switch {
	case class(err) == "40":
		return fault.New(fault.Stale, "", nil, "", fault.Wrap(err))
	case Unreachable(err):
		return fault.New(fault.Unavailable, "", nil, "", fault.Wrap(err))
	case class(err) == "22":
		return &valueError{cause: err, state: SQLState(err)}
	default:
		return err
	}
}

// valueError stands for an error about a value without repeating it.
type valueError struct {
	cause error
	state string
}

// Error is the text for the log.
func (e *valueError) Error() string { return "database refused a value (SQLSTATE " + e.state + ")" }

// Unwrap gives the database's error.
func (e *valueError) Unwrap() error { return e.cause }
