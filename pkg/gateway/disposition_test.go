package gateway_test

import (
	"mime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/gateway"
)

// Whatever a sender calls its file, the header has one disposition, and its name arrives as it was.
func TestDisposition(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.pdf", "고지서 \"1\".pdf", "../../etc/passwd", `C:\x.pdf`, "a\r\nSet-Cookie: b=c", "x; filename=y", "100%.pdf", "a'b*c@d=e"} {
		header := gateway.Disposition(name, true)
		require.NotContains(t, header, "\n", name)
		kind, parameters, err := mime.ParseMediaType(header)
		require.NoError(t, err, header)
		require.Equal(t, "attachment", kind)
		require.Equal(t, name, parameters["filename"])
	}
	require.Equal(t, "inline", gateway.Disposition("", false))
	require.Equal(t, `inline; filename="a.pdf"; filename*=UTF-8''a.pdf`, gateway.Disposition("a.pdf", false))
}
