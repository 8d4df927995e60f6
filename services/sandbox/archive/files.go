package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/fault"
)

// files stores one file per document, named by the document's id.
type files struct{ dir string }

// arrival is a document on disk that has no row yet.
type arrival struct {
	id   uuid.UUID
	hash string
	size int64
}

// take writes, hashes and syncs the content of r. More than limit bytes are an error.
func (f files) take(id uuid.UUID, r io.Reader, limit int64) (_ arrival, err error) {
	file, err := os.OpenFile(f.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return arrival{}, fmt.Errorf("store document: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, f.remove(id))
		}
	}()
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		// An error of the reader is about the caller's connection or form. An error of the disk looks the same here.
		return arrival{}, fault.New(fault.Invalid, domain, reasonForm, "the document did not arrive whole", fault.Wrap(err))
	case size > limit:
		return arrival{}, fault.New(fault.Invalid, domain, reasonTooLarge, "the document is too large")
	case size == 0:
		return arrival{}, badForm("document", "at least one byte")
	}
	if err := file.Sync(); err != nil {
		return arrival{}, fmt.Errorf("store document: %w", err)
	}
	if err := durable.SyncFolder(f.dir); err != nil {
		return arrival{}, err
	}
	return arrival{id: id, hash: hex.EncodeToString(hash.Sum(nil)), size: size}, nil
}

// open returns a document's file, at its beginning, after it has compared the whole content with the hash.
func (f files) open(id uuid.UUID, hash string) (*os.File, error) {
	file, err := os.Open(f.path(id))
	if err != nil {
		return nil, fault.New(fault.Corrupt, domain, reasonDocumentBroken, "the stored document cannot be read", fault.Wrap(err))
	}
	seen := sha256.New()
	_, err = io.Copy(seen, file)
	if err == nil && hex.EncodeToString(seen.Sum(nil)) != hash {
		err = errors.New("hash differs")
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fault.New(fault.Corrupt, domain, reasonDocumentBroken, "the stored document is damaged", fault.Wrap(errors.Join(err, file.Close())))
	}
	return file, nil
}

// olderThan lists the files last written before moment.
func (f files) olderThan(moment time.Time) ([]uuid.UUID, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	var ids []uuid.UUID
	for _, entry := range entries {
		id, err := uuid.Parse(entry.Name())
		if err != nil {
			continue
		}
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(moment) {
			continue // removed meanwhile
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (f files) remove(ids ...uuid.UUID) error {
	var errs []error
	for _, id := range ids {
		if err := os.Remove(f.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove document: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (f files) path(id uuid.UUID) string { return filepath.Join(f.dir, id.String()) }
