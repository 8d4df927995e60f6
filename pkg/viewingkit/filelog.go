package viewingkit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
)

// FileLog is a Log in one file of JSON lines. One process at a time may have it
// open. It is safe for concurrent use.
type FileLog struct {
	mu     sync.Mutex
	file   *os.File
	head   Head
	size   int64
	broken error
}

// maxLine bounds one line of a log file.
const maxLine = 64 << 10

// OpenFileLog opens or makes the log at path and verifies it to its end. A last
// line that was not fully written belongs to an append that never returned; it
// is cut off.
func OpenFileLog(path string) (l *FileLog, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	if err := lockFile(file); err != nil {
		return nil, fmt.Errorf("open log: another process has it: %w", err)
	}
	l = &FileLog{file: file}
	l.head, err = VerifyChain(func(yield func(Entry, error) bool) {
		for e, err := range entriesOf(file) {
			if err == nil {
				l.size += int64(e.length)
			}
			if !yield(e.Entry, err) {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := file.Truncate(l.size); err != nil {
		return nil, fmt.Errorf("open log: cut off an unfinished line: %w", err)
	}
	return l, nil
}

type fileEntry struct {
	Entry
	length int
}

// entriesOf reads whole lines; what follows the last line end is not an entry.
func entriesOf(r io.Reader) iter.Seq2[fileEntry, error] {
	return func(yield func(fileEntry, error) bool) {
		lines := bufio.NewReaderSize(r, maxLine)
		for {
			line, err := lines.ReadSlice('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(fileEntry{}, fmt.Errorf("read log line: %w", err))
				return
			}
			e := fileEntry{length: len(line)}
			dec := json.NewDecoder(bytes.NewReader(line))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&e.Entry); err != nil {
				yield(fileEntry{}, fmt.Errorf("read log line: %w", ErrChainBroken))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// ReadFileLog reads the entries of a log file in order, for VerifyChain and for
// showing; the file may be in use.
func ReadFileLog(path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		file, err := os.Open(path) //nolint:gosec // the operator's path
		if err != nil {
			yield(Entry{}, fmt.Errorf("open log: %w", err))
			return
		}
		defer func() { _ = file.Close() }()
		for e, err := range entriesOf(file) {
			if !yield(e.Entry, err) {
				return
			}
		}
	}
}

// Append implements Log: the line is on the disk when it returns.
func (l *FileLog) Append(_ context.Context, check Check) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return Entry{}, fmt.Errorf("append to log: %w", l.broken)
	}
	e, err := l.head.Follow(check)
	if err != nil {
		return Entry{}, err
	}
	line, err := lineOf(e)
	if err != nil {
		return Entry{}, err
	}
	if err := l.write(line); err != nil {
		return Entry{}, fmt.Errorf("append to log: %w", err)
	}
	l.head, l.size = e.Head(), l.size+int64(len(line))
	return e, nil
}

func lineOf(e Entry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the record is kept byte for byte
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode log line: %w", err)
	}
	return b.Bytes(), nil
}

// write puts one line at the end. After an error the end of the file is unknown;
// it is cut back, or the log takes nothing more.
func (l *FileLog) write(line []byte) error {
	_, err := l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = errors.Join(err, cut)
		}
	}
	return err
}

// Head is the end of the log.
func (l *FileLog) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close closes the file.
func (l *FileLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = os.ErrClosed
	}
	return l.file.Close()
}
