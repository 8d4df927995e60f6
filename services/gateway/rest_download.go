package gateway

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// download answers with the file that the unit streams. Until the first piece is there every failure is a problem document; after
// it only a connection that breaks can tell the caller that the file is not whole.
func (d *restDoor) download(w http.ResponseWriter, r *http.Request, route *gateway.Route, request proto.Message) {
	config := d.door.streams.config
	ctx, pace := rpc.NewPace(r.Context(), config.Still.Std(), config.Longest.Std())
	defer pace.Stop()
	from, ranged := rangeOf(r.Header)
	route.File.SetOffset(request, from)
	in, chunk, err := d.firstPiece(ctx, r, route, request)
	if err != nil {
		gateway.WriteError(r.Context(), w, ended(ctx, err))
		return
	}
	header := chunk.GetHeader()
	if header != nil && ranged && from >= header.GetSize() {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", header.GetSize()))
		gateway.WriteRangeBeyond(r.Context(), w)
		return
	}
	if header == nil || header.GetOffset() != from || from > header.GetSize() {
		gateway.WriteError(r.Context(), w, errors.New("receive a file: its header is missing or wrong"))
		return
	}
	describeFile(w.Header(), header, isDownload(request))
	status := http.StatusOK
	if ranged {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, header.GetSize()-1, header.GetSize()))
	}
	d.door.writeSoon(r.Context())
	w.WriteHeader(status)
	left := header.GetSize() - header.GetOffset()
	for err == nil {
		left -= int64(len(chunk.GetData()))
		if left < 0 {
			break
		}
		d.door.writeSoon(r.Context())
		if _, err = w.Write(chunk.GetData()); err != nil {
			break
		}
		pace.Moved()
		chunk, err = receive(in, route.File)
		pace.Moved()
	}
	if left != 0 || !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's only way to break the connection, so that the caller sees that the file is not whole
	}
}

// firstPiece asks the unit for the file, and gives the piece with its header.
func (d *restDoor) firstPiece(ctx context.Context, r *http.Request, route *gateway.Route, request proto.Message) (grpc.ClientStream, *platformv1.ContentChunk, error) {
	in, err := d.open(ctx, r, route)
	if err != nil {
		return nil, nil, err
	}
	if err := send(in, request); err != nil {
		return nil, nil, err
	}
	chunk, err := receive(in, route.File)
	if err != nil {
		return nil, nil, fmt.Errorf("receive the first piece of a file: %w", err)
	}
	return in, chunk, nil
}

// receive receives a piece of a file; io.EOF after the last.
func receive(in grpc.ClientStream, file *gateway.File) (*platformv1.ContentChunk, error) {
	response := file.NewResponse()
	if err := in.RecvMsg(response); err != nil {
		return nil, err //nolint:wrapcheck // io.EOF, or the unit's fault
	}
	return file.Chunk(response), nil
}

// fromByte is the only range that is served: from a byte to the end, as one who goes on with a download asks.
var fromByte = regexp.MustCompile(`^bytes=([0-9]{1,18})-$`)

// rangeOf is where a requested range begins. Other ranges are ignored (RFC 9110 §14.2), and so is one with a condition, because
// no answer has what a condition could name (§13.1.5).
func rangeOf(header http.Header) (from int64, ranged bool) {
	values := header.Values("Range")
	if len(values) != 1 || header.Get("If-Range") != "" {
		return 0, false
	}
	found := fromByte.FindStringSubmatch(values[0])
	if found == nil {
		return 0, false
	}
	from, err := strconv.ParseInt(found[1], 10, 64)
	return from, err == nil
}

// isDownload reports whether the caller asks for the file itself, to keep it.
func isDownload(request proto.Message) bool {
	m := request.ProtoReflect()
	field := m.Descriptor().Fields().ByName("download")
	return field != nil && field.Kind() == protoreflect.BoolKind && !field.IsList() && m.Get(field).Bool()
}

// describeFile sets the headers of a file. It is a stranger's: no browser may guess another type, nor run what is in it.
func describeFile(to http.Header, header *platformv1.ContentHeader, download bool) {
	media := "application/octet-stream"
	if _, _, err := mime.ParseMediaType(header.GetMediaType()); err == nil {
		media = header.GetMediaType()
	}
	to.Set("Content-Type", media)
	to.Set("Content-Length", strconv.FormatInt(header.GetSize()-header.GetOffset(), 10))
	to.Set("Content-Disposition", gateway.Disposition(header.GetFileName(), download))
	to.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	to.Set("Accept-Ranges", "bytes")
	if sum, err := hex.DecodeString(header.GetHash().GetValue()); err == nil && header.GetHash().GetAlgorithm() == "SHA-256" {
		to.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
}
