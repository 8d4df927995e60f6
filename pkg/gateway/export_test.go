package gateway

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
)

// CheckQuery checks a query as Handler does.
func CheckQuery(r *Route, raw string) []fault.Violation { return r.checkQuery(raw) }

// Walk checks a body as Handler does where no item is refused alone.
func Walk(body []byte, message protoreflect.MessageDescriptor) []fault.Violation {
	w := &walker{scanner: scanner{data: body}}
	w.walk(message)
	return w.violations
}
