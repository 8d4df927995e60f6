package hubclient

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
)

// IssueCertificate writes the request for a distribution certificate (유통증명서, hub-interface 5.1). Address is the applicant's.
func (c *Client) IssueCertificate(edocNum, address, reason string) (Call, error) {
	call, err := c.jsonCall(IssueCertificate, http.MethodPost, c.config.Paths.Certificate, struct {
		EdocNum string `json:"edocNum"`
		Eaddr   string `json:"eaddr"`
		Reason  string `json:"reason,omitempty"`
	}{edocNum, address, reason})
	call.AnswerLimit = c.config.MaxCertificateBytes
	return call, err
}

// Certificate is a distribution certificate as received; the PDF is not verified here.
type Certificate struct {
	// Number is YYYY-MMDD-NNNN-NNNN.
	Number string
	PDF    []byte
}

var certificateNumberPattern = regexp.MustCompile(`^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}$`)

// maxParts bounds a certificate answer; the known ones have two.
const maxParts = 8

// ReadCertificate reads the answer to IssueCertificate: multipart/mixed with a JSON part and the PDF. A failure may also be
// text/plain or application/json. Part types are not checked strictly (the hub is said to send text/plain and
// application/octet-stream, too) and file names not at all (the hub names the file by a UUID, its specification by the number).
func ReadCertificate(a Answer) (Certificate, error) {
	mediaType, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil {
		return Certificate{}, garbage("the answer has no media type")
	}
	var body struct {
		head
		CertNum string `json:"certNum"`
	}
	if mediaType != "multipart/mixed" {
		if err := a.readJSON(&body, &body.head); err != nil {
			return Certificate{}, err
		}
		return Certificate{}, garbage("a success without a PDF")
	}
	if err := a.checkStatus(); err != nil {
		return Certificate{}, err
	}
	message, pdf, err := splitCertificate(a.Body, params["boundary"])
	if err != nil {
		return Certificate{}, err
	}
	if err := decodeAnswer(message, "", &body, &body.head); err != nil {
		return Certificate{}, err
	}
	switch {
	case !certificateNumberPattern.MatchString(body.CertNum):
		return Certificate{}, garbage("the certificate number is not YYYY-MMDD-NNNN-NNNN")
	case pdf == nil:
		return Certificate{}, garbage("a success without a PDF")
	}
	return Certificate{Number: body.CertNum, PDF: pdf}, nil
}

// splitCertificate recognises the parts by their first bytes.
func splitCertificate(body []byte, boundary string) (message, pdf []byte, err error) {
	if boundary == "" {
		return nil, nil, garbage("multipart without a boundary")
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			if message == nil {
				return nil, nil, garbage("no JSON part")
			}
			return message, pdf, nil
		}
		if err != nil {
			return nil, nil, garbage("the multipart answer is broken")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, garbage("the multipart answer is broken")
		}
		if bytes.HasPrefix(content, []byte("%PDF-")) && pdf == nil {
			pdf = content
			continue
		}
		text, err := inUTF8(content, part.Header.Get("Content-Type"))
		if err != nil || message != nil || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
			return nil, nil, garbage("a part is neither the JSON nor the PDF")
		}
		message = text
	}
	return nil, nil, garbage("too many parts")
}
