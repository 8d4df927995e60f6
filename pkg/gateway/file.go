package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// UploadOffset is the header that says where the bytes of an upload begin.
const UploadOffset = "Upload-Offset"

// FileMedia is the media type of an upload's body.
const FileMedia = "application/octet-stream"

// File is how an RPC streams a file, from its file option.
type File struct {
	// Upload says that the caller sends the file; else it is the answer.
	Upload bool
	// Whole says that an uploaded file is sent from its beginning to its end: there is no offset.
	Whole bool

	method, pattern string
	input, output   protoreflect.MessageType
	// offset is the field of the request with the first byte's place, data that with an upload's bytes.
	offset, data protoreflect.FieldDescriptor
	// content is the response's only field, if that is a message: a chunk of the file, or what an upload is answered with.
	content protoreflect.FieldDescriptor
}

// FileOf reads the file option of an RPC; nil where it has none. The error says why an RPC with the option cannot be offered.
func FileOf(method protoreflect.MethodDescriptor) (*File, error) {
	option, _ := proto.GetExtension(method.Options(), platformv1.E_File).(*platformv1.FileRoute)
	if option.GetRoute() == nil {
		return nil, nil //nolint:nilnil // it streams no file
	}
	f := &File{method: http.MethodGet, pattern: option.GetGet()}
	if patch, ok := option.GetRoute().(*platformv1.FileRoute_Patch); ok {
		f.Upload, f.method, f.pattern = true, http.MethodPatch, patch.Patch
	}
	if post, ok := option.GetRoute().(*platformv1.FileRoute_Post); ok {
		f.Upload, f.Whole, f.method, f.pattern = true, true, http.MethodPost, post.Post
	}
	if method.IsStreamingClient() != f.Upload || method.IsStreamingServer() == f.Upload {
		return nil, fmt.Errorf("reading the file option of %s: a file goes one way, that of the option", method.FullName())
	}
	var err error
	if f.input, err = protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName()); err != nil {
		return nil, fmt.Errorf("reading the file option of %s: %w", method.FullName(), err)
	}
	if f.output, err = protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName()); err != nil {
		return nil, fmt.Errorf("reading the file option of %s: %w", method.FullName(), err)
	}
	if fields := method.Output().Fields(); fields.Len() == 1 && fields.Get(0).Message() != nil && !fields.Get(0).IsList() && !fields.Get(0).IsMap() {
		f.content = fields.Get(0)
	}
	f.offset, f.data = method.Input().Fields().ByName("offset"), method.Input().Fields().ByName("data")
	chunk := (*platformv1.ContentChunk)(nil).ProtoReflect().Descriptor().FullName()
	switch {
	case f.Whole && f.offset != nil:
		return nil, fmt.Errorf("reading the file option of %s: its request has an offset, and the whole file is sent", method.FullName())
	case !f.Whole && (f.offset == nil || f.offset.Kind() != protoreflect.Int64Kind || f.offset.IsList()):
		return nil, fmt.Errorf("reading the file option of %s: its request has no int64 offset", method.FullName())
	case f.Upload && (f.data == nil || f.data.Kind() != protoreflect.BytesKind || f.data.IsList()):
		return nil, fmt.Errorf("reading the file option of %s: its request has no bytes data", method.FullName())
	case !f.Upload && (f.content == nil || f.content.Message().FullName() != chunk):
		return nil, fmt.Errorf("reading the file option of %s: its response holds more than a ContentChunk, or none", method.FullName())
	}
	return f, nil
}

// route is the REST route of a file. Its offset comes by a header, and its data are the body.
func (f *File) route(method protoreflect.MethodDescriptor) (*Route, error) {
	bounds, err := rpc.BoundsOf(method)
	if err != nil {
		return nil, err
	}
	route := &Route{
		Method: f.method, Pattern: f.pattern, RPC: method, Bounds: bounds, File: f, bound: map[protoreflect.Name]bool{},
	}
	if !f.Whole {
		route.bound[f.offset.Name()] = true
	}
	if f.Upload {
		route.bound[f.data.Name()] = true
	}
	return route, route.parse()
}

// request is what path and query, which have been judged, make of the first message.
func (r *Route) request(path, query string) (proto.Message, error) {
	message := r.File.input.New().Interface()
	values, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	if err := runtime.PopulateQueryParameters(message, values, utilities.NewDoubleArray(nil)); err != nil {
		return nil, notWellFormed(fault.Violation{Field: "?", Rule: "query.value", Message: "has a value of another type"})
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range r.segments {
		if s.field == nil {
			continue
		}
		if err := runtime.PopulateFieldFromPath(message, string(s.field.Name()), parts[i]); err != nil {
			return nil, notWellFormed(fault.Violation{Field: s.field.JSONName(), Rule: "path.value", Message: "has a value of another type"})
		}
	}
	return message, nil
}

// SetOffset says where the bytes begin, if the file need not come whole.
func (f *File) SetOffset(request proto.Message, offset int64) {
	if f.Whole {
		return
	}
	request.ProtoReflect().Set(f.offset, protoreflect.ValueOfInt64(offset))
}

// Piece is a further message of an upload.
func (f *File) Piece(data []byte) proto.Message {
	piece := f.input.New()
	piece.Set(f.data, protoreflect.ValueOfBytes(data))
	return piece.Interface()
}

// NewResponse is a message to receive an answer into.
func (f *File) NewResponse() proto.Message { return f.output.New().Interface() }

// Chunk is the piece of the file in a response.
func (f *File) Chunk(response proto.Message) *platformv1.ContentChunk {
	chunk, _ := response.ProtoReflect().Get(f.content).Message().Interface().(*platformv1.ContentChunk)
	return chunk
}

// Answer is what the caller of an upload is shown: the response's only field, if that is a message, else the response.
func (f *File) Answer(response proto.Message) proto.Message {
	if f.content == nil {
		return response
	}
	return response.ProtoReflect().Get(f.content).Message().Interface()
}

// AnswerType describes what Answer gives.
func (f *File) AnswerType() protoreflect.MessageDescriptor {
	if f.content == nil {
		return f.output.Descriptor()
	}
	return f.content.Message()
}
