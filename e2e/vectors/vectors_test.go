// Package vectors verifies the published vectors: bundles, good and bad, and the checks that each of them has to fail.
package vectors

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/proof"
)

type vector struct {
	File, About, At, Document string
	Attachments               []string
	Failed                    []string
}

func expected(t *testing.T) (vectors []vector, at time.Time) {
	t.Helper()
	var e struct {
		Format, At string
		Vectors    []vector
	}
	require.NoError(t, json.Unmarshal(read(t, "expected.json"), &e))
	require.Equal(t, "naru-vectors/1", e.Format)
	at, err := time.Parse(time.RFC3339Nano, e.At)
	require.NoError(t, err)
	return e.Vectors, at
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func verify(t *testing.T, content []byte, opts bundle.Options) *bundle.Report {
	t.Helper()
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), opts)
	require.NoError(t, err)
	return report
}

// Each vector fails exactly the checks it has to.
func TestVectors(t *testing.T) {
	t.Parallel()
	vectors, at := expected(t)
	trust, err := bundle.LoadTrust("trust")
	require.NoError(t, err)
	bad := 0
	for _, v := range vectors {
		if len(v.Failed) > 0 {
			bad++
		}
		t.Run(v.File, func(t *testing.T) {
			t.Parallel()
			opts := bundle.Options{Trust: trust, At: at}
			if v.At != "" {
				var err error
				opts.At, err = time.Parse(time.RFC3339Nano, v.At)
				require.NoError(t, err)
			}
			hashOf := func(file string) string {
				m, err := asic.MeasureOf(bytes.NewReader(read(t, file)))
				require.NoError(t, err)
				return hex(m)
			}
			if v.Document != "" {
				opts.Document = hashOf(v.Document)
			}
			for _, file := range v.Attachments {
				opts.Attachments = append(opts.Attachments, hashOf(file))
			}
			report := verify(t, read(t, v.File), opts)
			require.ElementsMatch(t, v.Failed, report.Failed(), "%s: %+v", v.About, report.Checks)
			require.Equal(t, len(v.Failed) == 0, report.Valid, v.About)
		})
	}
	require.GreaterOrEqual(t, bad, 60)
}

// Every check is failed by a vector: one that no vector fails might as well not be made. Whether every attachment is there cannot
// fail, and the hub is not asked.
func TestEveryCheckIsFailedByAVector(t *testing.T) {
	t.Parallel()
	vectors, _ := expected(t)
	failed := map[string]bool{}
	for _, v := range vectors {
		for _, id := range v.Failed {
			failed[id] = true
		}
	}
	for _, d := range bundle.Definitions() {
		if d.ID != bundle.CheckAttachments && d.ID != bundle.CheckHub {
			require.True(t, failed[d.ID], d.ID)
		}
	}
}

// A verification that needs nothing but the file makes every check of it.
func TestGoodVectorsLeaveNothingOut(t *testing.T) {
	t.Parallel()
	_, at := expected(t)
	trust, err := bundle.LoadTrust("trust")
	require.NoError(t, err)
	report := verify(t, read(t, "good/submission.asice"), bundle.Options{Trust: trust, At: at})
	optional := map[string]bool{}
	for _, d := range bundle.Definitions() {
		optional[d.ID] = d.Optional
	}
	for _, c := range report.Checks {
		if !optional[c.ID] {
			require.Equal(t, proof.Passed, c.Outcome, c.ID)
		}
	}
}

func hex(m asic.Measure) string {
	const digits = "0123456789abcdef"
	var text []byte
	for _, b := range m.SHA256 {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

// full flips every byte of a small bundle (make vectors-full); without it the bytes of its structure, and every so many of the
// rest.
var full = flag.Bool("full", false, "flip every byte")

// strides of the bytes that are flipped outside of the structure, by bundle; of the second one the structure is the same.
var strides = map[string]int{"good/without_attachments.asice": 13, "good/evidence.asice": 97}

// A bundle in which any byte was changed is not accepted.
func TestNoChangedByteIsAccepted(t *testing.T) {
	t.Parallel()
	_, at := expected(t)
	trust, err := bundle.LoadTrust("trust")
	require.NoError(t, err)
	for file, stride := range strides {
		good := read(t, file)
		structure := map[int]bool{}
		if file == "good/without_attachments.asice" {
			structure = structureOf(t, good)
		}
		flipped := 0
		for i := range good {
			if !*full && !structure[i] && i%stride != 0 {
				continue
			}
			changed := bytes.Clone(good)
			changed[i] ^= 1 << (i % 8)
			report := verify(t, changed, bundle.Options{Trust: trust, At: at})
			require.False(t, report.Valid, "byte %d of %s changed", i, file)
			require.NotEmpty(t, report.Failed(), "byte %d of %s changed, and no check says so", i, file)
			flipped++
		}
		t.Logf("%s: %d of %d bytes were changed, one at a time; none was accepted", file, flipped, len(good))
	}
}

// structureOf tells the bytes of a container that are no file's content, and those of what no digest covers.
func structureOf(t *testing.T, container []byte) map[int]bool {
	t.Helper()
	c, err := asic.Open(bytes.NewReader(container), int64(len(container)))
	require.NoError(t, err)
	structure := map[int]bool{}
	for i := range container {
		structure[i] = true
	}
	for _, f := range c.Files() {
		content, err := c.Read(f.Name, f.Size)
		require.NoError(t, err)
		if f.Name == asic.Mimetype || strings.HasSuffix(f.Name, ".tst") {
			continue
		}
		from := bytes.Index(container, content)
		for i := from; i < from+len(content); i++ {
			delete(structure, i)
		}
	}
	return structure
}
