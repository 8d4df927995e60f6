package asic

import (
	"regexp"
	"strings"
)

// Names of files that every container has.
const (
	Mimetype        = "mimetype"
	MediaType       = "application/vnd.etsi.asic-e+zip"
	Manifest        = "META-INF/ASiCManifest001.xml"
	Signature       = "META-INF/signature001.p7s"
	ArchiveManifest = "META-INF/ASiCArchiveManifest.xml"

	// Media types, as manifests name them, of manifests, of what signs one, and of what stamps one.
	MediaManifest  = "text/xml"
	MediaSignature = "application/pkcs7-signature"
	MediaTimeStamp = "application/vnd.etsi.timestamp-token"

	metaFolder   = "META-INF/"
	maxNameBytes = 100
)

// namePattern is a relative path of plain names: no empty part, none that begins with a dot, no backslash, no drive.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}$`)

func validName(name string) bool { return len(name) <= maxNameBytes && namePattern.MatchString(name) }

// Signed reports whether a file is one of those that the signature covers: neither mimetype nor in META-INF, however that is
// spelled.
func Signed(name string) bool {
	return name != Mimetype && !strings.HasPrefix(strings.ToUpper(name), metaFolder)
}
