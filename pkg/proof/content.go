package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Encode writes a value as JSON, without escaping < > &.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads only what Encode writes: a value has one encoding, so it refuses repeated, unknown or differently cased names,
// another order or spelling, and anything after the value. Errors never repeat the content.
func Decode(content []byte, into any) error {
	if json.Unmarshal(content, into) != nil {
		return errors.New("content is not the documented JSON")
	}
	if again, err := Encode(into); err != nil || !bytes.Equal(again, content) {
		return errors.New("content is not in its deterministic encoding")
	}
	return nil
}

// Hash returns a SHA-256 in hexadecimal in lower case, as it is kept; false if text is none.
func Hash(text string) (string, bool) {
	raw, err := hex.DecodeString(text)
	return hex.EncodeToString(raw), err == nil && len(raw) == 32
}
