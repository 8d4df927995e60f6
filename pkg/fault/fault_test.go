package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/fault"
)

// reason stands for a proto enum value.
type reason string

func (r reason) String() string { return string(r) }

// table restates the project's rules independently of the code: kind, gRPC code, HTTP status.
var table = []struct {
	kind fault.Kind
	name string
	code codes.Code
	http int
}{
	{fault.Invalid, "invalid", codes.InvalidArgument, 400},
	{fault.Unauthenticated, "unauthenticated", codes.Unauthenticated, 401},
	{fault.Denied, "denied", codes.PermissionDenied, 403},
	{fault.NotFound, "not_found", codes.NotFound, 404},
	{fault.Exists, "exists", codes.AlreadyExists, 409},
	{fault.Conflict, "conflict", codes.FailedPrecondition, 409},
	{fault.Reused, "reused", codes.FailedPrecondition, 422},
	{fault.Stale, "stale", codes.Aborted, 409},
	{fault.Exhausted, "exhausted", codes.ResourceExhausted, 429},
	{fault.Unavailable, "unavailable", codes.Unavailable, 503},
	{fault.Corrupt, "corrupt", codes.DataLoss, 500},
	{fault.Internal, "internal", codes.Internal, 500},
}

// Every kind has its gRPC code and HTTP status, and survives a round trip through gRPC.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, line := range table {
		t.Run(line.name, func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("doing something: %w", fault.New(line.kind, "intake", reason("REASON_SOMETHING"), "public"))
			require.Equal(t, line.name, line.kind.String())
			require.Equal(t, line.kind, fault.KindOf(err))
			require.ErrorIs(t, err, line.kind)
			require.Equal(t, line.code, fault.ToStatus(err).Code())
			require.Equal(t, line.http, fault.ProblemOf(err, "").Status)
			require.Equal(t, line.kind, fault.KindOf(fault.FromStatus(fault.ToStatus(err))))
			for _, other := range table {
				require.Equal(t, other.kind == line.kind, errors.Is(err, other.kind))
			}
		})
	}
}

// What is unavailable tells a machine why and when to come again, at both doors; a context that ended is no such thing.
func TestUnavailableSaysWhen(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a fault without anything": fault.New(fault.Unavailable, "hub", nil, "the clock is not good enough"),
		"a library's":              status.Error(codes.Unavailable, "dial tcp"),
	} {
		p := fault.ProblemOf(err, "")
		require.Equal(t, []any{503, "UNAVAILABLE", time.Second}, []any{p.Status, p.Reason, p.RetryAfter}, name)
		back := fault.As(fault.FromStatus(fault.ToStatus(err)))
		require.Equal(t, []any{fault.Unavailable, "UNAVAILABLE", time.Second}, []any{back.Kind, back.Reason, back.RetryAfter}, name)
	}
	own := fault.ProblemOf(fault.New(fault.Unavailable, "hub", reason("REASON_BUSY"), "", fault.WithRetryAfter(time.Minute)), "")
	require.Equal(t, []any{"BUSY", time.Minute}, []any{own.Reason, own.RetryAfter})
	ended := fault.ProblemOf(context.DeadlineExceeded, "")
	require.Equal(t, []any{504, "", time.Duration(0)}, []any{ended.Status, ended.Reason, ended.RetryAfter})
}

// A kind outside the table is treated as Internal.
func TestUnknownKind(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Kind(99), "intake", nil, "secret detail")
	require.Equal(t, codes.Internal, fault.ToStatus(err).Code())
	require.NotContains(t, fault.ToStatus(err).Message(), "secret")
}

func TestNew(t *testing.T) {
	t.Parallel()
	cause := errors.New("23505")
	e := fault.New(fault.Conflict, "intake", reason("REASON_OWN_KEY_REUSED"), "the key was used",
		fault.Wrap(cause), fault.WithMetadata("edoc_number", "n"), fault.WithRetryAfter(time.Second),
		fault.WithViolations(fault.Violation{Field: "items[0].ownKey", Rule: "unique", Message: "must be new"}))
	require.Equal(t, "OWN_KEY_REUSED", e.Reason)
	require.Equal(t, "OWN_KEY_REUSED", fault.ReasonOf(fmt.Errorf("x: %w", e)))
	require.ErrorIs(t, e, cause)
	require.Equal(t, "conflict intake OWN_KEY_REUSED: the key was used; items[0].ownKey (unique): 23505", e.Error())
	require.Equal(t, map[string]string{"edoc_number": "n"}, e.Metadata)

	bare := fault.New(fault.NotFound, "", reason("REASON_UNSPECIFIED"), "")
	require.Empty(t, bare.Reason)
	require.NotEmpty(t, bare.Message)
}

// More violations than a trailer can carry are cut, and their total number is reported.
func TestManyViolations(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Invalid, "intake", nil, "", fault.WithViolations(make([]fault.Violation, 101)...))
	require.Len(t, e.Violations, fault.MaxViolations)
	require.Equal(t, "101", e.Metadata["violations_total"])
	e = fault.New(fault.Invalid, "intake", nil, "", fault.WithViolations(make([]fault.Violation, 100)...))
	require.Empty(t, e.Metadata)
}

// No text of a plain or Internal error reaches a caller, over gRPC or REST.
func TestInternalDoesNotLeak(t *testing.T) {
	t.Parallel()
	const secret = "password=hunter2"
	for name, err := range map[string]error{
		"plain error":          errors.New(secret),
		"internal fault":       fault.New(fault.Internal, "hub", reason("REASON_X"), secret, fault.Wrap(errors.New(secret)), fault.WithMetadata("k", secret), fault.WithViolations(fault.Violation{Field: secret})),
		"cause of a denial":    fault.New(fault.Denied, "hub", nil, "no", fault.Wrap(errors.New(secret))),
		"text around a denial": fmt.Errorf("%s: %w", secret, fault.New(fault.Denied, "hub", nil, "no")),
		"status of a library":  status.Error(codes.Unavailable, secret),
		"wrapped status":       fmt.Errorf("%s: %w", secret, status.Error(codes.PermissionDenied, secret)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotContains(t, fault.ToStatus(err).Proto().String(), secret)
			require.NotContains(t, fmt.Sprintf("%+v", fault.ProblemOf(err, "")), secret)
		})
	}
}

// As keeps what is known of errors that are not faults.
func TestAs(t *testing.T) {
	t.Parallel()
	require.Nil(t, fault.As(nil))
	require.Zero(t, fault.KindOf(nil))
	require.Empty(t, fault.ReasonOf(nil))
	require.NoError(t, fault.FromStatus(nil))
	require.Equal(t, codes.OK, fault.ToStatus(nil).Code())
	require.Equal(t, 200, fault.ProblemOf(nil, "").Status)

	plain := errors.New("x")
	require.Equal(t, fault.Internal, fault.KindOf(plain))
	require.ErrorIs(t, fault.As(plain), plain)

	remote := fault.As(fmt.Errorf("asking: %w", status.Error(codes.Unavailable, "dial tcp")))
	require.Equal(t, fault.Unavailable, remote.Kind)
	require.ErrorContains(t, remote, "dial tcp", "kept for the log")
	require.Equal(t, "OWN", fault.ReasonOf(fmt.Errorf("asking: %w", fault.ToStatus(fault.New(fault.Stale, "intake", reason("REASON_OWN"), "")).Err())))
}

// The error of an ended context keeps its own code and returns as that context error. A fault made by a unit takes precedence.
func TestContextErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		code codes.Code
		http int
	}{
		{name: "cancelled", err: context.Canceled, code: codes.Canceled, http: 499},
		{name: "deadline", err: context.DeadlineExceeded, code: codes.DeadlineExceeded, http: 504},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wrapped := fmt.Errorf("waiting: %w", tt.err)
			require.Equal(t, fault.Unavailable, fault.KindOf(wrapped))
			require.Equal(t, tt.code, fault.ToStatus(wrapped).Code())
			require.Equal(t, tt.http, fault.ProblemOf(wrapped, "").Status)
			back := fault.FromStatus(fault.ToStatus(wrapped))
			require.ErrorIs(t, back, tt.err)
			require.Equal(t, tt.code, fault.ToStatus(back).Code())
			fromLibrary := fault.FromStatus(status.New(tt.code, "from the library"))
			require.ErrorIs(t, fromLibrary, tt.err)
			require.Equal(t, tt.http, fault.ProblemOf(fromLibrary, "").Status)

			judged := fault.New(fault.Unavailable, "hub", reason("REASON_HUB_SILENT"), "", fault.Wrap(wrapped))
			require.Equal(t, codes.Unavailable, fault.ToStatus(judged).Code())
			require.Equal(t, 503, fault.ProblemOf(judged, "").Status)
		})
	}
}
