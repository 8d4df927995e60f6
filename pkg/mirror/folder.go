package mirror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/journal"
)

// tileHeight of C2SP tlog-tiles.
const tileHeight = 8

// Files of a mirror's folder.
const (
	checkpointFile = "checkpoint"
	stampsFolder   = "stamps"
	seenFile       = "seen.json"
	lockFile       = ".lock"
)

// folder is where the mirror of one log is.
type folder string

// seen is what the mirror saw at its last look.
type seen struct {
	At   time.Time `json:"at"`
	Size int64     `json:"size"`
}

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// lock makes the folder, and lets one process at a time work in it.
func (f folder) lock() (release func() error, err error) {
	if err := os.MkdirAll(string(f), 0o755); err != nil { //nolint:gosec // a mirror is public
		return nil, fmt.Errorf("make the mirror's folder: %w", err)
	}
	return durable.Lock(f.path(lockFile))
}

// read reads a file of the mirror; ErrNotThere where there is none.
func (f folder) read(name string) ([]byte, error) {
	content, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotThere
	}
	if err != nil {
		return nil, fmt.Errorf("read the mirror: %w", err)
	}
	return content, nil
}

func (f folder) replace(name string, content []byte) error {
	path := f.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a mirror is public
		return fmt.Errorf("write the mirror: %w", err)
	}
	if err := durable.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write the mirror: %w", err)
	}
	return nil
}

// keep writes a file that never changes. One that is there with other content was not written by this mirror, or is damaged.
func (f folder) keep(name string, content []byte) error {
	switch before, err := f.read(name); {
	case errors.Is(err, ErrNotThere):
		return f.replace(name, content)
	case err != nil:
		return err
	case !bytes.Equal(before, content):
		return fmt.Errorf("the mirror is damaged: %s holds something else", name)
	}
	return nil
}

// keepStamp writes a stamped checkpoint and its token. The first time stamp of a size stays.
func (f folder) keepStamp(s stamped) error {
	name := stampsFolder + "/" + strconv.FormatInt(s.N, 10) + journal.CheckpointSuffix
	if _, err := f.read(name); !errors.Is(err, ErrNotThere) {
		return err
	}
	if err := f.replace(name+".tst", s.token); err != nil {
		return err
	}
	return f.replace(name, []byte(s.Note))
}

// forget removes the narrower parts of a tile, which a wider one makes needless.
func (f folder) forget(tile tlog.Tile) error {
	full := tile
	full.W = 1 << tileHeight
	parts := f.path(journal.TilePath(full)) + ".p"
	entries, err := os.ReadDir(parts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for parts of a tile: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == strconv.Itoa(tile.W) && tile.W < full.W {
			continue
		}
		if err := os.Remove(filepath.Join(parts, entry.Name())); err != nil {
			return fmt.Errorf("remove a part of a tile: %w", err)
		}
	}
	return nil
}

func (f folder) seen() (seen, error) {
	content, err := f.read(seenFile)
	if err != nil {
		return seen{}, fmt.Errorf("read what the mirror saw last: %w", err)
	}
	var s seen
	if err := json.Unmarshal(content, &s); err != nil {
		return seen{}, errors.New("the mirror is damaged: " + seenFile)
	}
	return s, nil
}

func (f folder) saw(s seen) error {
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write what the mirror saw: %w", err)
	}
	return f.replace(seenFile, append(content, '\n'))
}
