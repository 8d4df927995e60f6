package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/tsp"
)

// maxRenewals bounds the time stamps of one bundle: one a year would do for centuries.
const maxRenewals = 100

// Stamp is the newest time stamp of a bundle.
type Stamp struct {
	// At is when the authority stamped.
	At time.Time
	// Until is when it ends to prove anything by itself: when the authority's certificate or an algorithm of it does. By then the
	// bundle needs another one.
	Until time.Time
}

func stampOf(token *tsp.Token) Stamp {
	s := Stamp{At: token.At, Until: token.Signer.NotAfter.UTC()}
	for _, algorithm := range []string{keyName(token.Signer.PublicKey), token.Digest.String()} {
		if until := suitable[algorithm]; until.Before(s.Until) {
			s.Until = until
		}
	}
	return s
}

// Renew has a bundle stamped again: everything that is in it, older time stamps included. It returns the two files that come
// after the others; see Numbered. No document is read. Files are those of the container in their order, manifests with their
// contents. The bundle is not judged: verify it first, or have kept it as it was made.
func Renew(ctx context.Context, files []Stored, stamper Stamper) (added []Stored, stamp Stamp, err error) {
	stamps, media := 0, map[string]string{}
	for _, f := range files {
		switch {
		case strings.HasSuffix(f.Name, ".tst"):
			stamps++
		case f.Name == asic.Manifest || f.Name == asic.ArchiveManifest:
			references, err := asic.Decode(f.Content)
			if err != nil {
				return nil, Stamp{}, fmt.Errorf("renew bundle: %s: %w", f.Name, err)
			}
			for _, listed := range references.Files {
				media[listed.Name] = listed.MediaType
			}
		}
	}
	if stamps == 0 || stamps > maxRenewals {
		return nil, Stamp{}, errors.New("renew bundle: it has no time stamp over everything, or too many")
	}
	var references []asic.Reference
	for _, f := range Numbered(append(files[:len(files):len(files)], Stored{Name: asic.ArchiveManifest})) {
		if f.Name != asic.ArchiveManifest {
			references = append(references, asic.Reference{Name: f.Name, MediaType: mediaOf(f.Name, media), SHA256: f.SHA256})
		}
	}
	made, token, err := stampAll(ctx, references, stampName(stamps+1), stamper)
	if err != nil {
		return nil, Stamp{}, fmt.Errorf("renew bundle: %w", err)
	}
	for _, f := range made {
		added = append(added, f.stored())
	}
	return added, stampOf(token), nil
}

// Numbered gives their numbers to the archive manifests that are not the newest: a container has one without a number. Files
// that have their numbers keep them.
func Numbered(files []Stored) []Stored {
	numbered := append([]Stored(nil), files...)
	newest, n := -1, 0
	for i, f := range numbered {
		switch {
		case strings.HasPrefix(f.Name, archivePrefix) && f.Name != asic.ArchiveManifest:
			n++
		case f.Name == asic.ArchiveManifest:
			if newest >= 0 {
				n++
				numbered[newest].Name = olderManifest(n)
			}
			newest = i
		}
	}
	return numbered
}

// mediaOf is the media type of a file: what a manifest says, or that of its kind.
func mediaOf(name string, listed map[string]string) string {
	if media := listed[name]; media != "" {
		return media
	}
	if strings.HasPrefix(name, archivePrefix) {
		return asic.MediaManifest
	}
	return asic.MediaTimeStamp
}

// FilesOf lists the files of a container as Renew wants them, and how Write opens the others.
func FilesOf(c *asic.Container) (files []Stored, open func(ctx context.Context, name string) (io.ReadCloser, error), err error) {
	for _, f := range c.Files() {
		if f.Name == asic.Mimetype {
			continue
		}
		kept := Stored{Name: f.Name}
		if kept.Measure, err = c.Measure(f.Name); err != nil {
			return nil, nil, fmt.Errorf("list files of a bundle: %w", err)
		}
		if strings.HasPrefix(f.Name, archivePrefix) || f.Name == asic.Manifest {
			if kept.Content, err = c.Read(f.Name, maxManifest); err != nil {
				return nil, nil, fmt.Errorf("list files of a bundle: %w", err)
			}
		}
		files = append(files, kept)
	}
	return files, func(_ context.Context, name string) (io.ReadCloser, error) {
		content, err := c.Open(name)
		return io.NopCloser(content), err
	}, nil
}
