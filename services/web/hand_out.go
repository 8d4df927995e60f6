package web

import (
	"errors"
	"io"
	"strconv"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// handOut writes a file that a unit streams while it comes; kind is the media type with which it is answered.
func handOut[M interface {
	GetChunk() *platformv1.ContentChunk
}](v *visit, next func() (M, error), kind func(*platformv1.ContentHeader) string) error {
	first, err := next()
	if err != nil {
		return err
	}
	header := first.GetChunk().GetHeader()
	if header == nil {
		return fault.New(fault.Internal, domain, nil, "a file came without its header")
	}
	if err := v.longAnswer(); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", kind(header))
	h.Set("Content-Length", strconv.FormatInt(header.GetSize(), 10))
	// Never inline: what a stranger sent is not shown by the browser as a page of ours.
	h.Set("Content-Disposition", gateway.Disposition(header.GetFileName(), true))
	for chunk := first.GetChunk(); ; {
		if _, err := v.w.Write(chunk.GetData()); err != nil {
			return v.brokenOff(err)
		}
		message, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return v.brokenOff(err)
		}
		chunk = message.GetChunk()
	}
}
