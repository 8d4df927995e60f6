package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob" // opens s3:// URLs
	"gocloud.dev/gcerrors"

	"github.com/naru-relay/naru/pkg/durable"
)

const (
	schemeFile = "file"
	schemeS3   = "s3"
	// marker is an object that tells the bucket from an empty place, such as a folder whose disk is not mounted.
	marker = "naru-content"
	// chunkBytes is how much a store that takes its objects in chunks keeps in memory of each; S3 takes no smaller ones.
	chunkBytes = 5 << 20
)

// errLost says that the bucket is there and the object is not.
var errLost = errors.New("the object is lost")

// bucket keeps objects: in a folder, or in what speaks the interface of S3. It is opened with its first use, so a bucket that is
// away when the unit starts keeps it from nothing else.
type bucket struct {
	url string
	// used reports whether any object should be there already.
	used func(ctx context.Context) (bool, error)

	mu     sync.Mutex
	opened *blob.Bucket
}

// folder is that of a bucket of files, else empty.
func (b *bucket) folder() string {
	if u, err := url.Parse(b.url); err == nil && u.Scheme == schemeFile {
		return u.Path
	}
	return ""
}

func (b *bucket) open(ctx context.Context) (*blob.Bucket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened != nil {
		return b.opened, nil
	}
	var err error
	if folder := b.folder(); folder != "" {
		// A file is made beside its place, not in another file system, and needs no second file for attributes.
		b.opened, err = fileblob.OpenBucket(folder, &fileblob.Options{
			CreateDir: true, DirFileMode: 0o700, NoTempDir: true, Metadata: fileblob.MetadataDontWrite,
		})
	} else {
		b.opened, err = blob.OpenBucket(context.WithoutCancel(ctx), b.url)
	}
	if err != nil {
		return nil, storageUnavailable(fmt.Errorf("open bucket: %w", err))
	}
	return b.opened, nil
}

func (b *bucket) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened == nil {
		return nil
	}
	return b.opened.Close()
}

// present makes sure that the bucket is the one this unit knows. The marker is made where nothing was ever kept.
func (b *bucket) present(ctx context.Context) error {
	opened, err := b.open(ctx)
	if err != nil {
		return err
	}
	there, err := opened.Exists(ctx, marker)
	if err != nil {
		return storageUnavailable(fmt.Errorf("look for the bucket: %w", err))
	}
	if there {
		return nil
	}
	used, err := b.used(ctx)
	if err != nil {
		return err
	}
	if used {
		return storageUnavailable(errors.New("the bucket lacks its marker: another place is mounted there, or it was emptied"))
	}
	w, err := b.create(ctx, marker)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "naru content\n"); err != nil {
		return errors.Join(err, w.discard())
	}
	return w.commit()
}

// room reports whether so many bytes may find room. Only a folder can tell.
func (b *bucket) room(ctx context.Context, bytes int64) error {
	if b.folder() == "" {
		return nil
	}
	if err := b.present(ctx); err != nil {
		return err
	}
	left, err := durable.Room(b.folder())
	if err != nil {
		return storageUnavailable(err)
	}
	if left < bytes {
		return storageFull(fmt.Errorf("%d bytes are left", left))
	}
	return nil
}

// keyOf is the name of an object. Its last two digits, which are random, spread the objects of a folder.
func keyOf(object uuid.UUID) string {
	text := object.String()
	return text[len(text)-2:] + "/" + text
}

// object is one that is being written. It appears under its name with commit or not at all.
type object struct {
	*blob.Writer
	cancel context.CancelFunc
	// file is where it is written in a folder, else nil.
	file *os.File
}

// create begins an object. It outlives the caller's ctx: what arrived is kept when the caller goes.
func (b *bucket) create(ctx context.Context, key string) (*object, error) {
	opened, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &object{cancel: cancel}
	o.Writer, err = opened.NewWriter(ctx, key, &blob.WriterOptions{
		// A given type keeps the library from guessing one of the first bytes.
		ContentType: "application/octet-stream", BufferSize: chunkBytes, MaxConcurrency: 1,
		BeforeWrite: func(as func(any) bool) error {
			as(&o.file)
			return nil
		},
	})
	if err != nil {
		cancel()
		return nil, storageFault(fmt.Errorf("create object: %w", err))
	}
	return o, nil
}

func (o *object) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	return n, storageFault(err)
}

// commit returns when the object is there and survives a loss of power.
func (o *object) commit() error {
	defer o.cancel()
	if o.file == nil {
		return storageFault(o.Close())
	}
	if err := o.file.Sync(); err != nil {
		return errors.Join(storageFault(err), o.discard())
	}
	if err := o.Close(); err != nil {
		return storageFault(err)
	}
	folder := filepath.Dir(o.file.Name())
	return storageFault(errors.Join(durable.SyncFolder(folder), durable.SyncFolder(filepath.Dir(folder))))
}

// discard leaves nothing behind.
func (o *object) discard() error {
	o.cancel()
	if err := o.Close(); err != nil && !errors.Is(err, context.Canceled) && gcerrors.Code(err) != gcerrors.Canceled {
		return fmt.Errorf("discard object: %w", err)
	}
	return nil
}

// read opens an object. One that is not there while the bucket is, is lost.
func (b *bucket) read(ctx context.Context, key string) (io.ReadCloser, error) {
	opened, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	r, err := opened.NewReader(ctx, key, nil)
	switch {
	case err == nil:
		return r, nil
	case gcerrors.Code(err) != gcerrors.NotFound:
		return nil, storageUnavailable(fmt.Errorf("read object: %w", err))
	}
	if err := b.present(ctx); err != nil {
		return nil, err
	}
	return nil, errLost
}

// remove takes an object away; one that is not there is removed.
func (b *bucket) remove(ctx context.Context, key string) error {
	if err := b.present(ctx); err != nil {
		return err
	}
	opened, err := b.open(ctx)
	if err != nil {
		return err
	}
	if err := opened.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return storageUnavailable(fmt.Errorf("remove object: %w", err))
	}
	return b.removeUnfinished(key)
}

// removeUnfinished removes what a process that was killed left beside the place of an object in a folder.
func (b *bucket) removeUnfinished(key string) error {
	if b.folder() == "" {
		return nil
	}
	left, err := filepath.Glob(filepath.Join(b.folder(), filepath.FromSlash(key)) + ".*.tmp")
	for _, path := range left {
		if failure := os.Remove(path); failure != nil && !errors.Is(failure, fs.ErrNotExist) {
			err = errors.Join(err, failure)
		}
	}
	if err != nil {
		return storageUnavailable(fmt.Errorf("remove an unfinished object: %w", err))
	}
	return nil
}

// storageFault tells what an error of the bucket means to a caller.
func storageFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return storageFull(err)
	default:
		return storageUnavailable(err)
	}
}
