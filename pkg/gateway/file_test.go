package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/naru-relay/naru/pkg/gateway"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// The file option gives a route beside those of google.api.http, and how messages and bodies become each other.
func TestFileRoutes(t *testing.T) {
	t.Parallel()
	uploads, viewings := contentv1.File_naru_content_v1_upload_service_proto.Services().ByName("UploadService"),
		viewingv1.File_naru_viewing_v1_hosted_viewing_service_proto.Services().ByName("HostedViewingService")
	routes, err := gateway.NewRoutes(uploads, viewings)
	require.NoError(t, err)
	upload, _ := routes.Match("PATCH", "/v1/uploads/u")
	require.Equal(t, "AppendUpload", string(upload.RPC.Name()))
	require.True(t, upload.File.Upload)
	require.Equal(t, "naru.content.v1.Upload", string(upload.File.AnswerType().FullName()))
	require.True(t, proto.Equal(&contentv1.AppendUploadRequest{Data: []byte("a")}, upload.File.Piece([]byte("a"))))
	require.True(t, proto.Equal(&contentv1.Upload{Id: "u"}, upload.File.Answer(&contentv1.AppendUploadResponse{Upload: &contentv1.Upload{Id: "u"}})))
	require.Empty(t, upload.QueryFields())
	_, allow := routes.Match("PUT", "/v1/uploads/u")
	require.Equal(t, []string{"DELETE", "GET", "PATCH"}, allow)

	part, _ := routes.Match("GET", "/v1/viewings/v/parts/0")
	require.False(t, part.File.Upload)
	require.EqualValues(t, 7, part.File.Chunk(&viewingv1.ReadPartResponse{Chunk: &platformv1.ContentChunk{Header: &platformv1.ContentHeader{Size: 7}}}).GetHeader().GetSize())
	require.Len(t, part.QueryFields(), 1, "download")
	require.Equal(t, "PATCH /v1/uploads/{id}", gateway.PathOf(upload.RPC))
	require.Equal(t, "GET /v1/viewings/{viewing}/parts/{part}", gateway.PathOf(part.RPC))
}

// An option that the door cannot keep is reported before it opens.
func TestFileRoutesThatCannotBe(t *testing.T) {
	t.Parallel()
	get, patch := &platformv1.FileRoute{Route: &platformv1.FileRoute_Get{Get: "/v1/x"}}, &platformv1.FileRoute{Route: &platformv1.FileRoute_Patch{Patch: "/v1/x"}}
	for name, tt := range map[string]struct {
		route          *platformv1.FileRoute
		input, output  proto.Message
		client, server bool
		want           string
	}{
		"unary":            {get, &viewingv1.ReadPartRequest{}, &viewingv1.ReadPartResponse{}, false, false, "one way"},
		"both ways":        {patch, &contentv1.AppendUploadRequest{}, &contentv1.AppendUploadResponse{}, true, true, "one way"},
		"the other way":    {patch, &viewingv1.ReadPartRequest{}, &viewingv1.ReadPartResponse{}, false, true, "one way"},
		"without offset":   {get, &contentv1.GetUploadRequest{}, &viewingv1.ReadPartResponse{}, false, true, "no int64 offset"},
		"without data":     {patch, &viewingv1.ReadPartRequest{}, &contentv1.AppendUploadResponse{}, true, false, "no bytes data"},
		"without a chunk":  {get, &viewingv1.ReadPartRequest{}, &contentv1.GetUploadResponse{}, false, true, "ContentChunk"},
		"more than chunks": {get, &viewingv1.ReadPartRequest{}, &contentv1.GetUploadLimitsResponse{}, false, true, "ContentChunk"},
	} {
		_, err := gateway.FileOf(streaming(t, tt.route, tt.input, tt.output, tt.client, tt.server))
		require.ErrorContains(t, err, tt.want, name)
	}
}

// streaming describes an RPC that nobody serves.
func streaming(t *testing.T, route *platformv1.FileRoute, input, output proto.Message, client, server bool) protoreflect.MethodDescriptor {
	t.Helper()
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, platformv1.E_File, route)
	name := func(m proto.Message) *string {
		return proto.String("." + string(m.ProtoReflect().Descriptor().FullName()))
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("streaming.proto"), Package: proto.String("test.streaming"), Syntax: proto.String("proto3"),
		Dependency: []string{contentv1.File_naru_content_v1_upload_service_proto.Path(), viewingv1.File_naru_viewing_v1_hosted_viewing_service_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("M"), InputType: name(input), OutputType: name(output), Options: options, ClientStreaming: &client, ServerStreaming: &server},
		}}},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return file.Services().Get(0).Methods().Get(0)
}
