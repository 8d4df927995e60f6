package fault_test

import (
	"cmp"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
)

// The wire form uses google.rpc with our domain. Metadata distinguishes Reused from Conflict.
func TestToStatusDetails(t *testing.T) {
	t.Parallel()
	s := fault.ToStatus(fault.New(fault.Reused, "intake", reason("REASON_REQUEST_ID_REUSED"), "used before",
		fault.WithMetadata("first", "a"), fault.WithMetadata("http_status", "200"), fault.WithRetryAfter(1500*time.Millisecond),
		fault.WithViolations(fault.Violation{Field: "requestId", Rule: "unique", Message: "must be new"})))
	require.Equal(t, codes.FailedPrecondition, s.Code())
	require.Equal(t, "used before", s.Message())
	require.Len(t, s.Details(), 3)

	info, ok := s.Details()[0].(*errdetails.ErrorInfo)
	require.True(t, ok)
	require.Equal(t, "REQUEST_ID_REUSED", info.GetReason())
	require.Equal(t, "intake.naru", info.GetDomain())
	require.Equal(t, map[string]string{"first": "a", "http_status": "422"}, info.GetMetadata())
	bad, ok := s.Details()[1].(*errdetails.BadRequest)
	require.True(t, ok)
	require.True(t, proto.Equal(&errdetails.BadRequest_FieldViolation{Field: "requestId", Reason: "unique", Description: "must be new"}, bad.GetFieldViolations()[0]))
	retry, ok := s.Details()[2].(*errdetails.RetryInfo)
	require.True(t, ok)
	require.Equal(t, 1500*time.Millisecond, retry.GetRetryDelay().AsDuration())
}

// random returns any fault that a unit could make.
func random(r *rand.Rand) *fault.Error {
	text := func(n int) string {
		alphabet := []rune("abcXYZ 012_-./한글\n")
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	var opts []fault.Option
	for range r.IntN(3) {
		opts = append(opts, fault.WithMetadata("k"+text(4), text(20)))
	}
	if r.IntN(2) == 0 {
		opts = append(opts, fault.WithViolations(fault.Violation{Field: text(9), Rule: text(9), Message: text(30)}, fault.Violation{Field: "b"}))
	}
	if r.IntN(2) == 0 {
		opts = append(opts, fault.WithRetryAfter(time.Duration(r.Int64N(1e12))))
	}
	units := []string{"", "intake", "hub", "address"}
	return fault.New(fault.Kind(r.IntN(12)+1), units[r.IntN(len(units))], reason("REASON_"+strings.ToUpper(text(8))), "m"+text(40), opts...)
}

// A fault that crosses gRPC is the same fault, except that Internal keeps only unit, reason and retry delay, and that
// what is Unavailable has a reason and a retry delay then.
func TestStatusRoundTrip(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		sent := random(r)
		got := fault.As(fault.FromStatus(fault.ToStatus(sent)))
		require.Equal(t, sent.Kind, got.Kind)
		require.Equal(t, sent.Domain, got.Domain)
		if sent.Kind == fault.Unavailable {
			sent.Reason, sent.RetryAfter = cmp.Or(sent.Reason, "UNAVAILABLE"), cmp.Or(sent.RetryAfter, time.Second)
		}
		require.Equal(t, sent.Reason, got.Reason)
		require.Equal(t, sent.RetryAfter, got.RetryAfter)
		if sent.Kind == fault.Internal {
			require.Empty(t, got.Violations)
			require.Empty(t, got.Metadata)
			continue
		}
		require.Equal(t, sent.Message, got.Message)
		require.Equal(t, sent.Violations, got.Violations)
		require.Equal(t, sent.Metadata, got.Metadata)
	}
}

// A status from another system keeps its kind, but its text and details are not repeated as ours.
func TestForeignStatus(t *testing.T) {
	t.Parallel()
	s, err := status.New(codes.OutOfRange, "their text").WithDetails(
		&errdetails.ErrorInfo{Reason: "THEIRS", Domain: "example.com", Metadata: map[string]string{"a": "b"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "theirs"}}})
	require.NoError(t, err)
	e := fault.As(fault.FromStatus(s))
	require.Equal(t, fault.Invalid, e.Kind)
	require.Empty(t, e.Reason)
	require.Empty(t, e.Domain)
	require.Empty(t, e.Violations)
	require.Empty(t, e.Metadata)
	require.NotContains(t, e.Message, "their text")
	require.ErrorContains(t, e, "their text")

	for _, domain := range []string{"evilnaru", "naru.example.com", ""} {
		s, err = status.New(codes.NotFound, "x").WithDetails(&errdetails.ErrorInfo{Reason: "THEIRS", Domain: domain})
		require.NoError(t, err)
		require.Empty(t, fault.ReasonOf(fault.FromStatus(s)), domain)
	}
	require.Equal(t, fault.Internal, fault.KindOf(fault.FromStatus(status.New(codes.Unimplemented, ""))))
	require.Equal(t, fault.Internal, fault.KindOf(fault.FromStatus(status.New(codes.Unknown, ""))))
}

// Text that protobuf cannot encode does not remove the details.
func TestToStatusInvalidUTF8(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Invalid, "in\xfftake", reason("REASON_\xff"), "m\xff", fault.WithMetadata("k\xff", "v\xff"),
		fault.WithViolations(fault.Violation{Field: "\xff", Rule: "\xff", Message: "\xff"}))
	got := fault.As(fault.FromStatus(fault.ToStatus(e)))
	require.Equal(t, "m\uFFFD", got.Message)
	require.Equal(t, "v\uFFFD", got.Metadata["k\uFFFD"])
	require.Len(t, got.Violations, 1)
}

// Any status bytes from a peer give a fault that can be encoded again, without a panic.
func FuzzFromStatus(f *testing.F) {
	seed := func(s *status.Status) {
		raw, err := proto.Marshal(s.Proto())
		require.NoError(f, err)
		f.Add(raw)
	}
	seed(status.New(codes.NotFound, "text"))
	seed(fault.ToStatus(fault.New(fault.Reused, "intake", reason("REASON_X"), "m", fault.WithRetryAfter(time.Second),
		fault.WithViolations(fault.Violation{Field: "a", Rule: "b", Message: "c"}))))
	f.Add([]byte{8, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p spb.Status
		if proto.Unmarshal(raw, &p) != nil {
			return
		}
		err := fault.FromStatus(status.FromProto(&p))
		require.Equal(t, codes.Code(p.GetCode()) == codes.OK, err == nil)
		if err == nil {
			return
		}
		again := fault.FromStatus(fault.ToStatus(err))
		require.Equal(t, fault.KindOf(err), fault.KindOf(again))
		require.GreaterOrEqual(t, fault.ProblemOf(err, "").Status, 400)
	})
}
