// Package assets are the files that the pages load: what tools/webbuild makes from ts and css (dist, committed), and what others
// have made (vendor, with checksums and licences). Everything is in the program; a name holds its content's hash, so a browser
// keeps it for ever.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed dist vendor
var files embed.FS

const (
	// PDFJS is the folder of pdf.js, whose version is its hash.
	PDFJS = "vendor/pdfjs-dist@6.5.438"
	root  = "/assets/"
	// forEver is a year, the longest that caches take.
	forEver = "public, max-age=31536000, immutable"
)

// asset is a file as it is served.
type asset struct {
	content []byte
	kind    string
	// packed is the content in gzip, made when it is first asked for.
	packed func() []byte
}

// all are the assets by their addresses, and the addresses by their names.
var all = sync.OnceValues(func() (map[string]*asset, map[string]string) {
	at, named := map[string]*asset{}, map[string]string{"vendor/pdfjs": root + PDFJS}
	_ = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		address := root + name
		if short, ours := strings.CutPrefix(name, "dist/"); ours {
			sum := sha256.Sum256(content)
			ext := path.Ext(short)
			address = fmt.Sprintf("%s%s.%s%s", root, strings.TrimSuffix(short, ext), hex.EncodeToString(sum[:8]), ext)
			named[short] = address
		}
		at[address] = &asset{content: content, kind: kindOf(name), packed: sync.OnceValue(func() []byte { return pack(content) })}
		return nil
	}) // embedded files can always be read
	return at, named
})

// URL is the address of an asset by its name; empty for one that is not there, which a test looks for.
func URL(name string) string {
	_, named := all()
	return named[name]
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ttf":
		return "font/ttf"
	default:
		return "application/octet-stream"
	}
}

func pack(content []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a good one
	_, _ = w.Write(content)                                 // into memory
	_ = w.Close()
	return out.Bytes()
}

// Handler serves them.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := all()
		found := at[r.URL.Path]
		if found == nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", forEver)
		h.Set("Content-Type", found.kind)
		h.Set("Vary", "Accept-Encoding")
		content := found.content
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			content = found.packed()
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
