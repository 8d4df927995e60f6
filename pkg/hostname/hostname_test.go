package hostname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/hostname"
)

func TestForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"view.example":  "view.example",
		"View.EXAMPLE.": "view.example",
		"ｖｉｅｗ。example":  "view.example",
		"열람.한국":         "xn--4i2b56y.xn--3e0b707e",
		"\u110b\u1167\u11af\u1105\u1161\u11b7.한국": "xn--4i2b56y.xn--3e0b707e",
		"XN--4I2B56Y.xn--3e0b707e":                "xn--4i2b56y.xn--3e0b707e",
		"192.0.2.7":                               "192.0.2.7",
		"2001:DB8:0:0::7":                         "2001:db8::7",
		"::ffff:192.0.2.7":                        "192.0.2.7",
	} {
		got, ok := hostname.Form(given)
		require.True(t, ok, given)
		require.Equal(t, want, got, given)
	}
	for _, bad := range []string{
		"", ".", "view..example", ".example", "0.0.0.0", "::", "224.0.0.1", "fe80::1%eth0", "view.example:443", "https://view.example", "view.example/a", "user@view.example",
		"a b.example", "-view.example", "*.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "aa",
		"0x7f.1", "127.1", "2130706433", "0x7F000001", "0x", "view.0x1f", "010.0.0.1", "192.0.2.7.",
	} {
		_, ok := hostname.Form(bad)
		require.False(t, ok, bad)
	}
}
