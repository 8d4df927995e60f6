package hubclient

import (
	"mime"

	"github.com/naru-relay/naru/pkg/id"
)

// Pushed is a certificate that the hub pushed; the PDF is not verified here.
type Pushed struct {
	// Number is YYYY-MMDD-NNNN-NNNN, EdocNum 33 characters, Address the applicant's.
	Number, EdocNum, Address string
	PDF                      []byte
}

// ReadPush reads the body of a push: multipart/mixed of the JSON part {certNum, edocNum, eaddr} and the PDF. An error says that
// it makes no sense.
func ReadPush(contentType string, body []byte) (Pushed, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/mixed" {
		return Pushed{}, garbage("a push is multipart/mixed")
	}
	message, pdf, err := splitCertificate(body, params["boundary"])
	if err != nil {
		return Pushed{}, err
	}
	var said struct {
		CertNum string `json:"certNum"`
		EdocNum string `json:"edocNum"`
		Eaddr   string `json:"eaddr"`
	}
	if err := decodeObject(message, &said); err != nil {
		return Pushed{}, err
	}
	_, edocErr := id.ParseEdocNumber(said.EdocNum)
	switch {
	case !certificateNumberPattern.MatchString(said.CertNum):
		return Pushed{}, garbage("the certificate number is not YYYY-MMDD-NNNN-NNNN")
	case edocErr != nil:
		return Pushed{}, garbage("the edoc number has another form")
	case !isText(said.Eaddr, maxAddress):
		return Pushed{}, garbage("the address is not 1-100 characters")
	case pdf == nil:
		return Pushed{}, garbage("a push without a PDF")
	}
	return Pushed{Number: said.CertNum, EdocNum: said.EdocNum, Address: said.Eaddr, PDF: pdf}, nil
}
