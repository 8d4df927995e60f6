package hubclient

import (
	"bytes"
	"mime"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// inUTF8 brings the text of an answer into UTF-8. Messages in Korean come in CP949 from some systems, and text with a byte order
// mark from others. The mark decides first, then UTF-8 if the text is valid in it, then the declared charset, and else it is
// CP949.
func inUTF8(body []byte, contentType string) ([]byte, error) {
	marked := bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff"))
	if !marked && utf8.Valid(body) {
		return body, nil
	}
	text, _, err := transform.Bytes(unicode.BOMOverride(declared(contentType).NewDecoder()), body)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, garbage("the answer is text in no known encoding")
	}
	return text, nil
}

// declared is the encoding that a content type names, and CP949 if it names none that can be.
func declared(contentType string) encoding.Encoding {
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		if named, err := htmlindex.Get(params["charset"]); err == nil && named != unicode.UTF8 {
			return named
		}
	}
	return korean.EUCKR // as the web has it: all of CP949
}
