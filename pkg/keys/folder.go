package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Permissions that only the owner may have. A group may read keys, as container platforms mount them, but others may not, and
// only the owner may change them.
const (
	forbiddenOnFile   fs.FileMode = 0o027
	forbiddenOnFolder fs.FileMode = 0o022
)

// maxKeyBytes is far above any key file.
const maxKeyBytes = 64 << 10

// folder is where key files are.
type folder string

func openFolder(dir string, create bool) (folder, error) {
	if create {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", errors.New("not a folder")
	}
	if info.Mode().Perm()&forbiddenOnFolder != 0 {
		return "", fmt.Errorf("%w: others can write to the folder (mode %#o)", ErrExposed, info.Mode().Perm())
	}
	return folder(dir), nil
}

// read gives a file's content; ErrNotFound when there is none, ErrExposed when its rights are too wide.
func (f folder) read(name string) ([]byte, error) {
	path := filepath.Join(string(f), name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyBytes {
		return nil, fmt.Errorf("%s is not a key file", name)
	}
	if info.Mode().Perm()&forbiddenOnFile != 0 {
		return nil, fmt.Errorf("%w: %s has mode %#o", ErrExposed, name, info.Mode().Perm())
	}
	return os.ReadFile(path) //nolint:gosec // the name is checked, the folder is the operator's
}

// create writes a file that appears complete or not at all, and leaves one that is there already as it is.
func (f folder) create(name string, content []byte) error {
	return f.place(name, content, func(temporary, path string) error {
		// Unlike rename, link refuses to replace, so of two processes exactly one wins.
		err := os.Link(temporary, path)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	})
}

// replace writes a file in place of the one that is there.
func (f folder) replace(name string, content []byte) error {
	return f.place(name, content, os.Rename)
}

// remove deletes a file; one that is not there is no error.
func (f folder) remove(name string) error {
	if err := os.Remove(filepath.Join(string(f), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.sync()
}

func (f folder) place(name string, content []byte, settle func(temporary, path string) error) (err error) {
	file, err := os.CreateTemp(string(f), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer func() {
		if gone := os.Remove(file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := settle(file.Name(), filepath.Join(string(f), name)); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return f.sync()
}

// sync makes the new name survive a power loss: a lost key would make what it protects unreadable.
func (f folder) sync() error {
	dir, err := os.Open(string(f))
	if err != nil {
		return fmt.Errorf("syncing the key folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
