package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Append streams bytes to an upload from an offset on, as PATCH with the header Upload-Offset. open returns the bytes from there,
// again for each try.
func (c *Client) Append(ctx context.Context, path string, offset int64, open func() (io.Reader, error), out proto.Message) error {
	header := contentType("application/octet-stream")
	header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	response, err := c.again(ctx, http.MethodPatch, path, nil, header, open)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.readAnswer(http.MethodPatch, path, response, func(raw []byte) error {
		return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, out)
	})
}

// File streams a file to w, however large it is, and returns its media type. It is an error if it did not come whole.
func (c *Client) File(ctx context.Context, path string, query url.Values, w io.Writer) (string, error) {
	response, err := c.again(ctx, http.MethodGet, path, query, nil, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	n, err := io.Copy(w, response.Body)
	if err != nil {
		return "", fmt.Errorf("GET %s: read the file: %w", path, err)
	}
	if response.ContentLength >= 0 && n != response.ContentLength {
		return "", fmt.Errorf("GET %s: read the file: %w", path, io.ErrUnexpectedEOF)
	}
	return response.Header.Get("Content-Type"), nil
}
