package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// spooled is a file that has arrived whole from a browser without script, whose size and hash the upload has to announce. It
// rests on disk under no name, encrypted with a key that only this process has: nothing is left of it when it is closed or the
// process ends.
type spooled struct {
	file  *os.File
	block cipher.Block
	size  int64
	hash  string
}

// spool takes a file in.
func spool(dir string, from io.Reader) (_ *spooled, err error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (Go 1.24)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	file, err := os.CreateTemp(dir, "naru-web-")
	if err != nil {
		return nil, fmt.Errorf("open a place for a file: %w", err)
	}
	s := &spooled{file: file, block: block}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, fmt.Errorf("take a file's name away: %w", err)
	}
	sum := sha256.New()
	// The key is used for this file only, so its counter may begin at zero.
	s.size, err = io.Copy(io.MultiWriter(sum, cipher.StreamWriter{S: s.stream(), W: file}), from)
	if err != nil {
		return nil, arriving(err)
	}
	s.hash = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

func (s *spooled) stream() cipher.Stream { return cipher.NewCTR(s.block, make([]byte, aes.BlockSize)) }

// open reads it from its beginning.
func (s *spooled) open() (io.Reader, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("go to the beginning of a file: %w", err)
	}
	return cipher.StreamReader{S: s.stream(), R: s.file}, nil
}

func (s *spooled) close() { s.file.Close() }
