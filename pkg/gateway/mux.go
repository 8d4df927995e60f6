package gateway

import (
	"context"
	"io"
	"net/http"
	"net/textproto"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
)

// Domain is the unit whose reasons this package gives.
const Domain = "gateway"

// NewMux makes the grpc-gateway mux that handlers are registered on. It MUST be served through a Handler, which judges requests
// first.
func NewMux() *runtime.ServeMux {
	return runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: &marshaler{}}),
		runtime.WithErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
			WriteError(ctx, w, err)
		}),
		runtime.WithRoutingErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, _ int) {
			WriteError(ctx, w, NoSuchRoute())
		}),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithOutgoingHeaderMatcher(noHeader), runtime.WithOutgoingTrailerMatcher(noHeader),
		runtime.WithDisablePathLengthFallback(), runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
	)
}

// incomingHeader passes on what units read. Authorization is always passed on by grpc-gateway; trace context travels by the
// client's own telemetry.
func incomingHeader(name string) (string, bool) {
	if textproto.CanonicalMIMEHeaderKey(name) == "Idempotency-Key" {
		return "idempotency-key", true
	}
	return "", false
}

func noHeader(string) (string, bool) { return "", false }

// marshaler is the API's JSON for grpc-gateway: bodies were judged by Walk, so reading is protojson's.
type marshaler struct{ runtime.JSONPb }

// ContentType of every answer.
func (*marshaler) ContentType(any) string { return "application/json" }

// Marshal writes an answer.
func (m *marshaler) Marshal(v any) ([]byte, error) {
	if message, ok := v.(proto.Message); ok {
		return Marshal(message)
	}
	return m.JSONPb.Marshal(v)
}

// NewEncoder writes answers to w.
func (m *marshaler) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		raw, err := m.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(raw)
		return err
	})
}
