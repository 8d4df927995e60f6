package scenario

import (
	"net/http"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
)

// charsets are what a scenario can have an answer written in.
func charsets() map[string]encoding.Encoding {
	return map[string]encoding.Encoding{
		"CP949": korean.EUCKR, "UTF-8-BOM": unicode.UTF8BOM, "UTF-16-BOM": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	}
}

// encoded is a body in the scenario's charset.
func (s *Scenario) encoded(body []byte) []byte {
	charset := charsets()[s.Charset]
	if charset == nil {
		return body
	}
	written, err := encoding.ReplaceUnsupported(charset.NewEncoder()).Bytes(body)
	if err != nil {
		return body
	}
	return written
}

// encodedAnswer writes what a system answers, in one piece, in the scenario's charset. The declared content type stays.
type encodedAnswer struct {
	http.ResponseWriter
	scenario Scenario
}

// WriteHeader lets the length be found anew.
func (a encodedAnswer) WriteHeader(status int) {
	a.Header().Del("Content-Length")
	a.ResponseWriter.WriteHeader(status)
}

func (a encodedAnswer) Write(body []byte) (int, error) {
	if _, err := a.ResponseWriter.Write(a.scenario.encoded(body)); err != nil {
		return 0, err //nolint:wrapcheck // it is the connection's
	}
	return len(body), nil
}
