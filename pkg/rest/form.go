package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// Part of a form. Content is closed if it can be.
type Part struct {
	Name, ContentType string
	Content           io.Reader
}

// Upload streams a form (multipart/form-data), whose parts open returns again for each try, and reads JSON into out. An answer
// that comes before the whole form was sent is an error.
func (c *Client) Upload(ctx context.Context, path string, open func() ([]Part, error), out any) error {
	// One boundary for all tries; taken from a writer that writes nowhere.
	boundary := multipart.NewWriter(io.Discard).Boundary()
	var sent *form
	response, err := c.again(ctx, http.MethodPost, path, nil, contentType("multipart/form-data; boundary="+boundary), func() (io.Reader, error) {
		parts, err := open()
		if err != nil {
			return nil, err
		}
		sent = newForm(boundary, parts)
		return sent, nil
	})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := c.readAnswer(http.MethodPost, path, response, func(raw []byte) error { return json.Unmarshal(raw, out) }); err != nil {
		return err
	}
	if err := sent.end(); err != nil {
		return fmt.Errorf("POST %s: the door answered before it had the whole form: %w", path, err)
	}
	return nil
}

// form is a body that is made while it is read. Reading ends with the writer's error, so the goroutine behind it ends with the
// body: the HTTP client always closes it.
type form struct {
	*io.PipeReader
	written chan struct{}
	err     error // read after written
}

func newForm(boundary string, parts []Part) *form {
	reader, writer := io.Pipe()
	f := &form{PipeReader: reader, written: make(chan struct{})}
	go func() {
		defer close(f.written)
		f.err = write(writer, boundary, parts)
		_ = writer.CloseWithError(f.err) // never fails; nil means end of file
	}()
	return f
}

// end frees a writer that nobody reads any more, and reports whether it has written everything.
func (f *form) end() error {
	_ = f.Close() // never fails
	<-f.written
	return f.err
}

func write(w io.Writer, boundary string, parts []Part) error {
	for _, p := range parts {
		if closer, ok := p.Content.(io.Closer); ok {
			defer func() { _ = closer.Close() }() // only read
		}
	}
	body := multipart.NewWriter(w)
	if err := body.SetBoundary(boundary); err != nil {
		return fmt.Errorf("set boundary: %w", err)
	}
	for _, p := range parts {
		into, err := body.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"`, p.Name, p.Name)}, "Content-Type": {p.ContentType},
		})
		if err != nil {
			return fmt.Errorf("begin %s: %w", p.Name, err)
		}
		if _, err := io.Copy(into, p.Content); err != nil {
			return fmt.Errorf("write %s: %w", p.Name, err)
		}
	}
	return body.Close()
}
