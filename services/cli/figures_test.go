package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The figures of a month are asked for once, awaited, and written with the JSON part beside them.
func TestFigures(t *testing.T) {
	t.Parallel()
	const ask, at = "POST /v1/figures", "GET /v1/figures/f-1"
	issued := `{"figures":{"id":"f-1","period":"2026-03","state":"CERTIFICATE_STATE_ISSUED","receivedOfSent":"5","readOfSent":"3","received":"4","read":"2"}}`
	f := newRelay(t, map[string][]string{
		ask: {`{"figures":{"id":"f-1","state":"CERTIFICATE_STATE_REQUESTED"}}`}, at: {issued}, at + "/content": {"%PDF-1.7 of the hub"}, at + "/statement": {`{"resultCode":1}`},
	})
	code, stdout, stderr := f.run(t, "figures", "--period", "2026-03", "--out", f.path("figures.pdf"), "--statement", f.path("figures.json"), "--request-id", "once")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "2026-03  of those sent: 5 received, 3 viewed; in the month: 4 received, 2 viewed  "+f.path("figures.pdf")+"\n", stdout)
	require.Len(t, f.bodies[ask], 1)
	require.JSONEq(t, `{"period":"2026-03","requestId":"once"}`, strings.TrimPrefix(f.bodies[ask][0], "Bearer sender "))
	for file, want := range map[string]string{"figures.pdf": "%PDF-1.7 of the hub", "figures.json": `{"resultCode":1}`} {
		got, err := os.ReadFile(f.path(file))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}

	f = newRelay(t, map[string][]string{ask: {`{"figures":{"id":"f-1"}}`}, at: {`{"figures":{"id":"f-1","state":"CERTIFICATE_STATE_FAILED","reason":"NO_FIGURES"}}`}})
	code, _, stderr = f.run(t, "figures", "--period", "2026-03", "--out", f.path("none.pdf"), "--request-id", "once")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "NO_FIGURES")
	require.Contains(t, stderr, "--request-id once")
	require.NoFileExists(t, f.path("none.pdf"))
	for _, period := range []string{"2026-3", "2026-13", "march"} {
		code, _, _ = f.run(t, "figures", "--period", period, "--out", f.path("none.pdf"))
		require.Equal(t, ExitUsage, code, period)
	}
}
