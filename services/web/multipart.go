package web

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
)

// fieldBytes bounds a field of a form that brings files.
const fieldBytes = 4 << 10

// brought is a form that brings files, as it arrives: its token comes first, and nothing is looked at before it is right.
type brought struct {
	parts  *multipart.Reader
	values map[string]string
}

// bring begins to read a form with files, of which all is at most so large.
func (v *visit) bring(most int64) (*brought, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, most)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, invalidForm("the body is no form with files")
	}
	form := &brought{parts: parts, values: map[string]string{}}
	name, file, err := form.next()
	if err != nil {
		return nil, err
	}
	if name != tokenField || file != nil {
		return nil, formExpired()
	}
	return form, v.checkToken(form.values[tokenField])
}

// next reads up to the next field, whose value is kept, or file, which the caller reads. The name is empty at the end.
func (b *brought) next() (name string, file *multipart.Part, err error) {
	part, err := b.parts.NextPart()
	if errors.Is(err, io.EOF) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, arriving(err)
	}
	if part.FileName() != "" {
		return part.FormName(), part, nil
	}
	value, err := io.ReadAll(io.LimitReader(part, fieldBytes))
	if err != nil {
		return "", nil, arriving(err)
	}
	b.values[part.FormName()] = string(value)
	return part.FormName(), nil, nil
}

// arriving is the fault of a body that does not arrive.
func arriving(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return bodyTooLarge()
	}
	return invalidForm("the body did not arrive whole")
}

// all reads the rest of a form with small files.
func (b *brought) all(fileBytes int64) (map[string][]byte, error) {
	files := map[string][]byte{}
	for {
		name, file, err := b.next()
		if err != nil || name == "" {
			return files, err
		}
		if file == nil {
			continue
		}
		var content bytes.Buffer
		if _, err := io.Copy(&content, io.LimitReader(file, fileBytes+1)); err != nil {
			return nil, arriving(err)
		}
		files[name] = content.Bytes()
	}
}
