package asic

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
)

const (
	namespaceASiC = "http://uri.etsi.org/02918/v1.2.1#"
	namespaceDS   = "http://www.w3.org/2000/09/xmldsig#"
	algorithm     = "http://www.w3.org/2001/04/xmlenc#sha256"

	// maxManifestBytes follows from the bounds on files and names.
	maxManifestBytes = MaxFiles * 512
)

// Reference is a file with its digest, as a manifest lists it.
type Reference struct {
	Name      string
	MediaType string
	SHA256    [32]byte
}

// References is what a manifest says.
type References struct {
	// By names the file that holds the signature or the time stamp over the manifest.
	By string
	// Files in their order.
	Files []Reference
}

// mediaTypeOf what signs a manifest.
func mediaTypeOf(by string) string {
	if strings.HasSuffix(by, ".tst") {
		return MediaTimeStamp
	}
	return MediaSignature
}

// Encode writes a manifest (EN 319 162-1 annex A.4).
func (r References) Encode() []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	fmt.Fprintf(&b, "<asic:ASiCManifest xmlns:asic=%q xmlns:ds=%q>\n", namespaceASiC, namespaceDS)
	fmt.Fprintf(&b, "  <asic:SigReference URI=%q MimeType=%q/>\n", r.By, mediaTypeOf(r.By))
	for _, f := range r.Files {
		root := ""
		if strings.HasPrefix(f.Name, metaFolder+"ASiCArchiveManifest") {
			root = ` Rootfile="true"`
		}
		fmt.Fprintf(&b, "  <asic:DataObjectReference URI=%q MimeType=%q%s>\n", f.Name, f.MediaType, root)
		fmt.Fprintf(&b, "    <ds:DigestMethod Algorithm=%q/>\n    <ds:DigestValue>%s</ds:DigestValue>\n", algorithm, base64.StdEncoding.EncodeToString(f.SHA256[:]))
		b.WriteString("  </asic:DataObjectReference>\n")
	}
	b.WriteString("</asic:ASiCManifest>\n")
	return b.Bytes()
}

type wireManifest struct {
	XMLName xml.Name `xml:"http://uri.etsi.org/02918/v1.2.1# ASiCManifest"`
	By      struct {
		URI string `xml:"URI,attr"`
	} `xml:"http://uri.etsi.org/02918/v1.2.1# SigReference"`
	Files []struct {
		URI       string `xml:"URI,attr"`
		MediaType string `xml:"MimeType,attr"`
		Digest    string `xml:"http://www.w3.org/2000/09/xmldsig# DigestValue"`
	} `xml:"http://uri.etsi.org/02918/v1.2.1# DataObjectReference"`
}

// Decode reads what Encode writes, and nothing else.
func Decode(manifest []byte) (References, error) {
	var w wireManifest
	if len(manifest) > maxManifestBytes || xml.Unmarshal(manifest, &w) != nil || len(w.Files) > MaxFiles {
		return References{}, malformed("manifest")
	}
	r := References{By: w.By.URI}
	for _, f := range w.Files {
		digest, err := base64.StdEncoding.DecodeString(f.Digest)
		if err != nil || len(digest) != 32 || !validName(f.URI) || !validMedia(f.MediaType) {
			return References{}, malformed("reference of a manifest")
		}
		r.Files = append(r.Files, Reference{Name: f.URI, MediaType: f.MediaType, SHA256: [32]byte(digest)})
	}
	if !validName(r.By) || !bytes.Equal(r.Encode(), manifest) {
		return References{}, malformed("manifest is not in its one spelling")
	}
	return r, nil
}

const mediaAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$^_.+-/"

func validMedia(media string) bool {
	return media != "" && len(media) <= 100 && strings.Trim(media, mediaAlphabet) == ""
}
