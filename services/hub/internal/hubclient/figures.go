package hubclient

import (
	"mime"
	"net/http"
)

// CanIssueFigures reports whether the path of the certificate of monthly figures is configured.
func (c *Client) CanIssueFigures() bool { return c.config.Paths.Figures != "" }

// IssueFigures writes the request for a certificate of monthly figures (전자문서 유통정보 수치 확인서, hub-interface 5.2). Period is yyyy-mm.
func (c *Client) IssueFigures(address, period string) (Call, error) {
	call, err := c.jsonCall(IssueFigures, http.MethodPost, c.config.Paths.Figures, struct {
		Eaddr  string `json:"eaddr"`
		Period string `json:"period"`
	}{address, period})
	call.AnswerLimit = c.config.MaxCertificateBytes
	return call, err
}

// Figures is a certificate of monthly figures as received; the PDF is not verified here.
type Figures struct {
	Address string `json:"eaddr"`
	Name    string `json:"name"`
	Period  string `json:"period"`
	// Of the documents sent in the period: how many were received and viewed.
	ReceivedOfSent *int64 `json:"recvCountFromSent"`
	ReadOfSent     *int64 `json:"readCountFromSent"`
	// How many were received, and viewed, in the period.
	Received *int64 `json:"recvCount"`
	Read     *int64 `json:"readCount"`
	// Statement is the JSON part as it came; PDF is the other one.
	Statement, PDF []byte `json:"-"`
}

// ReadFigures reads the answer to IssueFigures, which has the shape of a certificate's.
func ReadFigures(a Answer) (Figures, error) {
	mediaType, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil {
		return Figures{}, garbage("the answer has no media type")
	}
	var body struct {
		head
		Figures
	}
	if mediaType != "multipart/mixed" {
		if err := a.readJSON(&body, &body.head); err != nil {
			return Figures{}, err
		}
		return Figures{}, garbage("a success without a PDF")
	}
	if err := a.checkStatus(); err != nil {
		return Figures{}, err
	}
	message, pdf, err := splitCertificate(a.Body, params["boundary"])
	if err != nil {
		return Figures{}, err
	}
	if err := decodeAnswer(message, "", &body, &body.head); err != nil {
		return Figures{}, err
	}
	for _, count := range []*int64{body.ReceivedOfSent, body.ReadOfSent, body.Received, body.Read} {
		if count == nil || *count < 0 {
			return Figures{}, garbage("a figure is missing or negative")
		}
	}
	switch {
	case !isText(body.Address, maxAddress):
		return Figures{}, garbage("the address is not 1-100 characters")
	case pdf == nil:
		return Figures{}, garbage("a success without a PDF")
	}
	body.Statement, body.PDF = message, pdf
	return body.Figures, nil
}
