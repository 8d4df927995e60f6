package gateway

import (
	"net/url"
	"regexp"
	"strings"
)

// notPlain are the bytes that a quoted file name cannot have in every client (RFC 6266 §4.3, Appendix D).
var notPlain = regexp.MustCompile(`[^A-Za-z0-9 !#$&()+,.;=@\[\]^_{}~-]`)

// Disposition is a Content-Disposition (RFC 6266) with the file's name twice: as UTF-8 (RFC 8187), and in ASCII for clients that
// do not know that form. Not a download, the file may be shown by whoever asked for it.
func Disposition(name string, download bool) string {
	kind := "inline"
	if download {
		kind = "attachment"
	}
	if name == "" {
		return kind
	}
	// PathEscape leaves signs that RFC 8187 does not allow.
	escaped := strings.NewReplacer(":", "%3A", "@", "%40", "=", "%3D").Replace(url.PathEscape(name))
	return kind + `; filename="` + notPlain.ReplaceAllString(name, "_") + `"; filename*=UTF-8''` + escaped
}
