package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

// sampleFile has every kind of field, so that the tests do not depend on the fields that the API happens to use.
const sampleFile = `
name: "sample.proto" package: "sample" syntax: "proto3"
dependency: "google/protobuf/timestamp.proto" dependency: "google/protobuf/duration.proto" dependency: "google/protobuf/wrappers.proto"
dependency: "google/protobuf/empty.proto" dependency: "google/protobuf/struct.proto"
enum_type { name: "Colour" value { name: "COLOUR_UNSPECIFIED" number: 0 } value { name: "COLOUR_RED" number: 1 } }
message_type { name: "Sample"
  field { name: "a_text" json_name: "aText" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "raw" json_name: "raw" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES }
  field { name: "colour" json_name: "colour" number: 3 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".sample.Colour" }
  field { name: "yes" json_name: "yes" number: 4 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "i32" json_name: "i32" number: 5 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "i64" json_name: "i64" number: 6 label: LABEL_OPTIONAL type: TYPE_INT64 }
  field { name: "u32" json_name: "u32" number: 7 label: LABEL_OPTIONAL type: TYPE_UINT32 }
  field { name: "u64" json_name: "u64" number: 8 label: LABEL_OPTIONAL type: TYPE_FIXED64 }
  field { name: "f32" json_name: "f32" number: 9 label: LABEL_OPTIONAL type: TYPE_FLOAT }
  field { name: "f64" json_name: "f64" number: 10 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "at" json_name: "at" number: 11 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" }
  field { name: "during" json_name: "during" number: 12 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" }
  field { name: "inner" json_name: "inner" number: 13 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".sample.Sample" }
  field { name: "list" json_name: "list" number: 14 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".sample.Sample" }
  field { name: "numbers" json_name: "numbers" number: 15 label: LABEL_REPEATED type: TYPE_SINT32 }
  field { name: "by_text" json_name: "byText" number: 16 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".sample.Sample.ByTextEntry" }
  field { name: "by_number" json_name: "byNumber" number: 17 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".sample.Sample.ByNumberEntry" }
  field { name: "by_bool" json_name: "byBool" number: 18 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".sample.Sample.ByBoolEntry" }
  field { name: "left" json_name: "left" number: 19 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
  field { name: "right" json_name: "right" number: 20 label: LABEL_OPTIONAL type: TYPE_INT32 oneof_index: 0 }
  field { name: "maybe" json_name: "maybe" number: 21 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 1 proto3_optional: true }
  field { name: "wrapped" json_name: "wrapped" number: 22 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" }
  field { name: "nothing" json_name: "nothing" number: 23 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Empty" }
  field { name: "anything" json_name: "anything" number: 24 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Value" }
  oneof_decl { name: "side" } oneof_decl { name: "_maybe" }
  nested_type { name: "ByTextEntry" options { map_entry: true }
    field { name: "key" json_name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" json_name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".sample.Sample" } }
  nested_type { name: "ByNumberEntry" options { map_entry: true }
    field { name: "key" json_name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 }
    field { name: "value" json_name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
  nested_type { name: "ByBoolEntry" options { map_entry: true }
    field { name: "key" json_name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
    field { name: "value" json_name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".sample.Colour" } }
}`

func sample(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	require.NoError(t, prototext.Unmarshal([]byte(sampleFile), &file))
	descriptor, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return descriptor.Messages().ByName("Sample")
}
