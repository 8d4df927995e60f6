package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Names of the files that every bundle has beside its parts and the signatures.
const (
	statementName    = "bundle.json"
	instructionsName = "verify.txt"
)

// instructions say how a bundle is verified with common tools alone.
//
//go:embed verify.txt
var instructions []byte

// Stamper has hashes stamped by a time-stamping authority (tsp.Client).
type Stamper interface {
	Stamp(ctx context.Context, hash [sha256.Size]byte) (der []byte, token *tsp.Token, err error)
}

// Content is a part with its bytes. Size and Hash are filled in from the measure.
type Content struct {
	Part
	asic.Measure
	// Open opens it from the beginning, each time anew. Nil where the bytes are at hand.
	Open func(ctx context.Context) (io.ReadCloser, error)

	bytes []byte
}

// Bytes is a small content that is at hand.
func Bytes(role Role, path, mediaType string, content []byte) Content {
	measure, _ := asic.MeasureOf(bytes.NewReader(content)) // bytes can be read
	return Content{Part: Part{Role: role, Path: path, MediaType: mediaType}, Measure: measure, bytes: content}
}

// Draft is what a bundle is made of. The statement's parts follow from the contents.
type Draft struct {
	Statement
	Contents []Content
	// SignedAt is the time that the signature claims. The time that counts is the authority's.
	SignedAt time.Time
}

// Bundle is one that is signed and stamped, and can be written.
type Bundle struct {
	Statement
	// StampedAt is when the authority saw the signature.
	StampedAt time.Time
	// Newest is the time stamp over everything.
	Newest   Stamp
	contents []Content
	small    []file
	meta     []file
}

type file struct {
	name, media string
	content     []byte
}

// Prepare states what the bundle holds, signs it, and has signature and manifest stamped. Nothing is read but what is small.
// Without a time stamp there is no bundle: the error is the stamper's.
func Prepare(ctx context.Context, d Draft, signer Signer, stamper Stamper) (*Bundle, error) {
	d.Parts = nil
	for _, c := range d.Contents {
		d.Parts = append(d.Parts, Part{Role: c.Role, Path: c.Path, MediaType: c.MediaType, Size: c.Measure.Size, Hash: hex.EncodeToString(c.SHA256[:])})
	}
	statement, err := d.Encode()
	if err != nil {
		return nil, fmt.Errorf("prepare bundle: %w", err)
	}
	b := &Bundle{Statement: d.Statement, contents: d.Contents, small: []file{
		{statementName, "application/json", statement}, {instructionsName, "text/plain", instructions},
	}}
	var references []asic.Reference
	for _, f := range b.small {
		references = append(references, f.reference())
	}
	for _, c := range d.Contents {
		references = append(references, asic.Reference{Name: c.Path, MediaType: c.MediaType, SHA256: c.SHA256})
	}
	manifest := asic.References{By: asic.Signature, Files: references}.Encode()
	signature, err := cms.SignWith(manifest, signer.Key, signer.Chain, cms.SignOptions{
		Detached: true, At: d.SignedAt, TimeStamp: func(signature []byte) ([]byte, error) {
			der, token, err := stamper.Stamp(ctx, sha256.Sum256(signature))
			if err != nil {
				return nil, err
			}
			b.StampedAt = token.At
			return der, nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare bundle: %w", err)
	}
	b.meta = []file{{asic.Manifest, asic.MediaManifest, manifest}, {asic.Signature, asic.MediaSignature, signature}}
	for _, f := range b.meta {
		references = append(references, f.reference())
	}
	archive, token, err := stampAll(ctx, references, stampName(1), stamper)
	if err != nil {
		return nil, fmt.Errorf("prepare bundle: %w", err)
	}
	b.meta, b.Newest = append(b.meta, archive...), stampOf(token)
	return b, nil
}

// stampAll makes an archive manifest of the files and has it stamped.
func stampAll(ctx context.Context, references []asic.Reference, name string, stamper Stamper) ([]file, *tsp.Token, error) {
	manifest := asic.References{By: name, Files: references}.Encode()
	stamp, token, err := stamper.Stamp(ctx, sha256.Sum256(manifest))
	if err != nil {
		return nil, nil, err
	}
	return []file{{asic.ArchiveManifest, asic.MediaManifest, manifest}, {name, asic.MediaTimeStamp, stamp}}, token, nil
}

func stampName(n int) string { return fmt.Sprintf("META-INF/timestamp%03d.tst", n) }

// archivePrefix begins the names of archive manifests.
const archivePrefix = "META-INF/ASiCArchiveManifest"

func olderManifest(n int) string { return fmt.Sprintf("%s%03d.xml", archivePrefix, n) }

func (f file) reference() asic.Reference {
	return asic.Reference{Name: f.name, MediaType: f.media, SHA256: sha256.Sum256(f.content)}
}

// Files lists everything in the container in its order, small contents included: whoever keeps them can write the container
// later.
func (b *Bundle) Files() []Stored {
	var files []Stored
	for _, f := range b.small {
		files = append(files, f.stored())
	}
	for _, c := range b.contents {
		files = append(files, Stored{Name: c.Path, Measure: c.Measure, Content: c.bytes})
	}
	for _, f := range b.meta {
		files = append(files, f.stored())
	}
	return files
}

// Write writes the container: the same bytes each time.
func (b *Bundle) Write(ctx context.Context, to io.Writer) error {
	return Write(ctx, to, b.Files(), func(ctx context.Context, name string) (io.ReadCloser, error) {
		for _, c := range b.contents {
			if c.Path == name {
				return c.Open(ctx)
			}
		}
		return nil, fmt.Errorf("%w: %s", asic.ErrNoFile, name)
	})
}
