// Command thirdparty prints the third-party protos that Naru's protos import (google/api, buf/validate) from the descriptors in
// their Go modules, so that generation needs no network and the tree keeps no copies.
package main

import (
	"fmt"
	"os"

	validate "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: thirdparty <folder>")
		os.Exit(2)
	}
	if err := print(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "thirdparty:", err)
		os.Exit(1)
	}
}

func print(folder string) error {
	files := []protoreflect.FileDescriptor{
		annotations.File_google_api_annotations_proto,
		annotations.File_google_api_http_proto,
		httpbody.File_google_api_httpbody_proto,
		validate.File_buf_validate_validate_proto,
	}
	return (&protoprint.Printer{}).PrintProtosToFileSystem(files, folder)
}
