package hub

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
)

// submission is a message, with or without the documents that prove an organisation's identity (hub interface 3.1 and 3.7).
type submission struct {
	message   []byte
	documents []document
}

func (s submission) withDocuments() bool { return len(s.documents) > 0 }

// document is a picture received with a submission.
type document struct {
	fileName string
	digest   []byte
	size     int
}

// The two pictures have fixed names.
const (
	bizDoc = "biz-doc.jpg" // 사업자등록증 사본
	regDoc = "reg-doc.jpg" // 공인전자주소 등록 신청서
)

// readSubmission reads application/json, or multipart/mixed with the part "msg" and both pictures in any order.
func (s *System) readSubmission(c call) (submission, error) {
	body, err := readBody(c.w, c.r, s.config.MaxBodyBytes)
	if err != nil {
		return submission{}, err
	}
	mediaType, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return submission{}, badForm("Content-Type")
	case mediaType == "application/json":
		return submission{message: body}, nil
	case mediaType != "multipart/mixed" || params["boundary"] == "":
		return submission{}, badForm("Content-Type")
	}
	return readParts(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
}

func readParts(parts *multipart.Reader) (submission, error) {
	var sub submission
	seen := map[string]bool{}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return submission{}, badForm("multipart")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return submission{}, badForm("multipart")
		}
		key, doc, f := readPart(part.Header, content)
		if f != nil {
			return submission{}, f
		}
		if seen[key] {
			return submission{}, badForm(key)
		}
		seen[key] = true
		if doc == nil {
			sub.message = content
			continue
		}
		sub.documents = append(sub.documents, *doc)
	}
	for _, key := range []string{"msg", bizDoc, regDoc} {
		if !seen[key] {
			return submission{}, badForm(key)
		}
	}
	return sub, nil
}

// readPart checks one part and returns its name: "msg" or a file name.
func readPart(header textproto.MIMEHeader, content []byte) (string, *document, *failure) {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return "", nil, badForm("Content-Type")
	}
	_, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil {
		return "", nil, badForm("Content-Disposition")
	}
	switch name, file := params["name"], params["filename"]; {
	case name == "msg" && mediaType == "application/json":
		return "msg", nil, nil
	case name == "file" && mediaType == "image/jpeg" && (file == bizDoc || file == regDoc):
		if !bytes.HasPrefix(content, []byte{0xFF, 0xD8, 0xFF}) {
			return "", nil, badForm(file)
		}
		digest := sha256.Sum256(content)
		return file, &document{fileName: file, digest: digest[:], size: len(content)}, nil
	default:
		return "", nil, badForm("multipart")
	}
}
