package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// enumName is the proto name of a word of the command line: public-institution is ORGANISATION_TYPE_PUBLIC_INSTITUTION.
func enumName(prefix, word string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(word, "-", "_"))
}

// readUpTo reads a file of at most limit bytes.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return raw, nil
}

// moment reads a time of the command line: RFC 3339, or a duration from now such as 72h. Empty is none.
func moment(flag, text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing said is the relay's default
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return timestamppb.New(at), nil
	}
	if ahead, err := time.ParseDuration(text); err == nil {
		return timestamppb.New(now.Add(ahead)), nil
	}
	return nil, usage("--%s wants a time such as 2026-03-02T09:00:00+09:00, or a duration such as 72h", flag)
}
