package rpc

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// DefaultRequestBytes bounds the request of an RPC whose proto sets no bound.
const DefaultRequestBytes = 1 << 20

// Bounds limit the requests of an RPC, as its proto says.
type Bounds struct {
	// RequestBytes is the largest request.
	RequestBytes int
	// Items is the repeated field whose items count against the caller's quota; nil for none.
	Items protoreflect.FieldDescriptor
}

// BoundsOf reads the bounds of an RPC. The error says what is wrong with the option.
func BoundsOf(method protoreflect.MethodDescriptor) (Bounds, error) {
	option, _ := proto.GetExtension(method.Options(), platformv1.E_Bounds).(*platformv1.Bounds)
	bounds := Bounds{RequestBytes: int(option.GetRequestBytes())}
	if bounds.RequestBytes == 0 {
		bounds.RequestBytes = DefaultRequestBytes
	}
	if bounds.RequestBytes > MaxMessageBytes {
		return Bounds{}, fmt.Errorf("reading bounds of %s: no message has more than %d bytes", method.FullName(), MaxMessageBytes)
	}
	if name := option.GetItems(); name != "" {
		bounds.Items = method.Input().Fields().ByName(protoreflect.Name(name))
		if bounds.Items == nil || !bounds.Items.IsList() || bounds.Items.IsPacked() {
			return Bounds{}, fmt.Errorf("reading bounds of %s: %s is no list of items in the request", method.FullName(), name)
		}
	}
	return bounds, nil
}
