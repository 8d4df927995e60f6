package proof_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/proof"
)

type content struct {
	Name string `json:"name"`
	Size int    `json:"size,omitempty"`
}

// A value has exactly one encoding: any other text that would decode to the same value is refused, and no error repeats it.
func TestContentHasOneEncoding(t *testing.T) {
	t.Parallel()
	written, err := proof.Encode(content{Name: "<가>&", Size: 7})
	require.NoError(t, err)
	require.Equal(t, []byte(`{"name":"<가>&","size":7}`), written) //nolint:testifylint // the very bytes are meant
	var read content
	require.NoError(t, proof.Decode(written, &read))
	require.Equal(t, content{Name: "<가>&", Size: 7}, read)

	for name, text := range map[string]string{
		"white space":      `{"name": "secret"}`,
		"another order":    `{"size":7,"name":"secret"}`,
		"a name twice":     `{"name":"secret","name":"secret"}`,
		"another case":     `{"Name":"secret"}`,
		"an unknown name":  `{"name":"secret","more":1}`,
		"a zero value":     `{"name":"secret","size":0}`,
		"an escape":        `{"name":"\u0073ecret"}`,
		"bytes behind it":  `{"name":"secret"}{}`,
		"a line behind it": "{\"name\":\"secret\"}\n",
		"no UTF-8":         "{\"name\":\"secret\xff\"}",
		"another type":     `{"name":7}`,
		"no JSON":          `secret`,
		"nothing":          ``,
	} {
		err := proof.Decode([]byte(text), &content{})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	kept, ok := proof.Hash(strings.Repeat("AB", 32))
	require.True(t, ok)
	require.Equal(t, strings.Repeat("ab", 32), kept)
	for _, text := range []string{"", "ab", strings.Repeat("ab", 31), strings.Repeat("xy", 32), strings.Repeat("ab", 33)} {
		_, ok := proof.Hash(text)
		require.False(t, ok, text)
	}
}
