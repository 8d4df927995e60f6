package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/naru-relay/naru/pkg/asic"
)

// maxRenewals bounds the time stamps of one bundle: one a year would do for centuries.
const maxRenewals = 100

// Renewal is a bundle with one more time stamp over everything it has. A time stamp proves something as long as its authority's
// certificate and its algorithms are believed; before that ends, the next one has to be there.
type Renewal struct {
	from  *asic.Container
	names []string
	meta  []file
}

// Renew has a bundle stamped again. Nothing of it changes but the name of its newest archive manifest, which gets a number. The
// bundle is not judged: verify it first.
func Renew(ctx context.Context, from *asic.Container, stamper Stamper) (*Renewal, error) {
	r := &Renewal{from: from}
	n := 1
	for from.Has(stampName(n)) {
		n++
	}
	if n == 1 || n > maxRenewals || !from.Has(asic.ArchiveManifest) {
		return nil, errors.New("renew bundle: it has no time stamp over everything, or too many")
	}
	var references []asic.Reference
	for _, f := range from.Files() {
		if f.Name == asic.Mimetype {
			continue
		}
		measure, err := from.Measure(f.Name)
		if err != nil {
			return nil, fmt.Errorf("renew bundle: %w", err)
		}
		name := f.Name
		if name == asic.ArchiveManifest {
			name = olderManifest(n - 1)
		}
		r.names = append(r.names, f.Name)
		references = append(references, asic.Reference{Name: name, MediaType: mediaOf(from, f.Name), SHA256: measure.SHA256})
	}
	var err error
	if r.meta, err = stampAll(ctx, references, stampName(n), stamper); err != nil {
		return nil, fmt.Errorf("renew bundle: %w", err)
	}
	return r, nil
}

// mediaOf is the media type of a file: that of the manifests that list it, or of its kind.
func mediaOf(from *asic.Container, name string) string {
	for _, manifest := range []string{asic.ArchiveManifest, asic.Manifest} {
		raw, err := from.Read(manifest, maxManifest)
		if err != nil {
			continue
		}
		references, err := asic.Decode(raw)
		if err != nil {
			continue
		}
		for _, f := range references.Files {
			if f.Name == name {
				return f.MediaType
			}
		}
	}
	if name == asic.ArchiveManifest {
		return "text/xml"
	}
	return "application/vnd.etsi.timestamp-token"
}

// Write writes the container.
func (r *Renewal) Write(to io.Writer) error {
	w, err := asic.NewWriter(to)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, name := range r.names {
		measure, err := r.from.Measure(name)
		if err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
		content, err := r.from.Open(name)
		if err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
		if name == asic.ArchiveManifest {
			name = olderManifest(r.older())
		}
		if err := w.Add(name, measure, content); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	for _, f := range r.meta {
		if err := w.AddBytes(f.name, f.content); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	return w.Close()
}

// older is the number that the manifest gets that was the newest.
func (r *Renewal) older() int {
	n := 1
	for r.from.Has(stampName(n + 1)) {
		n++
	}
	return n
}
