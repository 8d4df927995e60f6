package assets_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/web/assets"
)

// What pages load is there, kept for ever under a name of its content, and small enough for a first view on a slow line.
func TestAssets(t *testing.T) {
	t.Parallel()
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		assets.Handler().ServeHTTP(w, r)
		return w
	}
	for name, most := range map[string]int{"naru.css": 20 << 10, "naru.js": 15 << 10, "viewer.js": 15 << 10, "icon.svg": 1 << 10} {
		url := assets.URL(name)
		require.Regexp(t, `^/assets/[a-z]+\.[0-9a-f]{16}\.[a-z]+$`, url)
		got := get(url)
		require.Equal(t, http.StatusOK, got.Code, url)
		require.Contains(t, got.Header().Get("Cache-Control"), "immutable")
		require.Equal(t, "gzip", got.Header().Get("Content-Encoding"))
		require.LessOrEqual(t, got.Body.Len(), most, name)
	}
	for _, file := range []string{"/build/pdf.min.mjs", "/build/pdf.worker.min.mjs", "/cmaps/UniKS-UTF16-H.bcmap", "/standard_fonts/LiberationSans-Regular.ttf", "/wasm/openjpeg_nowasm_fallback.js"} {
		got := get(assets.URL("vendor/pdfjs") + file)
		require.Equal(t, http.StatusOK, got.Code, file)
		if strings.HasSuffix(file, "js") {
			require.Contains(t, got.Header().Get("Content-Type"), "text/javascript")
		}
	}
	for _, path := range []string{"/assets/", "/assets/dist/naru.js", "/assets/../assets.go", "/assets/vendor"} {
		require.Equal(t, http.StatusNotFound, get(path).Code, path)
	}
	require.Empty(t, assets.URL("nothing"))
}
