// Package golden compares bytes that leave the house with a file under testdata.
//
// Run the tests of a package with -update to write the files anew, and read the difference before keeping it.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// update is a package variable because flags have to exist before the test binary parses its arguments.
var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Equal fails the test at once when got differs from the golden file of that name: "receipt.json" is kept as
// testdata/receipt.golden.json beside the test. Times, identifiers and keys in got have to be fixed by the test.
func Equal(t testing.TB, got []byte, name string) {
	t.Helper()
	path := file(name)
	if *update {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path) //nolint:gosec // the name is written in the test
	if err != nil {
		t.Fatalf("reading golden file (run with -update to make it): %v", err)
	}
	if line, w, g, same := difference(want, got); !same {
		t.Fatalf("%s differs at line %d\nwant: %q\n got: %q", path, line, w, g)
	}
}

func file(name string) string {
	ext := filepath.Ext(name)
	return filepath.Join("testdata", strings.TrimSuffix(name, ext)+".golden"+ext)
}

func write(t testing.TB, path string, got []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // test data is public
		t.Fatalf("making the folder of golden files: %v", err)
	}
	if err := os.WriteFile(path, got, 0o644); err != nil { //nolint:gosec // test data is public
		t.Fatalf("writing golden file: %v", err)
	}
}

// difference finds the first line in which two texts differ, counted from 1.
func difference(want, got []byte) (line int, w, g []byte, same bool) {
	if bytes.Equal(want, got) {
		return 0, nil, nil, true
	}
	wantLines, gotLines := bytes.SplitAfter(want, []byte("\n")), bytes.SplitAfter(got, []byte("\n"))
	for i := range max(len(wantLines), len(gotLines)) {
		w, g = nth(wantLines, i), nth(gotLines, i)
		if !bytes.Equal(w, g) {
			return i + 1, w, g, false
		}
	}
	return 0, nil, nil, true
}

func nth(lines [][]byte, i int) []byte {
	if i < len(lines) {
		return lines[i]
	}
	return nil
}

// Vectors reads testdata/vectors.json beside the test, which another implementation made (deploy/dev/vectors.py).
func Vectors(t testing.TB, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("reading vectors: %v", err)
	}
}
