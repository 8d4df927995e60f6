package registry

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	tablePattern = regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\)`)
	waitPattern  = regexp.MustCompile(`(?m)^\s+(\w*(?:due_at|lease_until|paused_until))\s+timestamptz`)
)

// Every column by which work waits is among its unit's Waits: what a clock of the database that was ahead has put off too far is
// ended there.
func TestEveryWaitIsEnded(t *testing.T) {
	t.Parallel()
	for _, u := range Units() {
		kept := map[string]bool{}
		for _, source := range u.Sources() {
			files, err := fs.Glob(source.FS, "migrations/*.sql")
			require.NoError(t, err)
			for _, name := range files {
				text, err := fs.ReadFile(source.FS, name)
				require.NoError(t, err)
				for _, table := range tablePattern.FindAllStringSubmatch(string(text), -1) {
					for _, column := range waitPattern.FindAllStringSubmatch(table[2], -1) {
						kept[table[1]+"."+column[1]] = true
					}
				}
			}
		}
		declared := map[string]bool{}
		for _, w := range u.Waits(u.NewConfig()) {
			declared[w.Table+"."+w.Column] = true
			require.Positive(t, w.Longest, w.Table)
		}
		require.GreaterOrEqual(t, len(kept), 2, u.Name)
		require.ElementsMatch(t, slices.Collect(maps.Keys(kept)), slices.Collect(maps.Keys(declared)), u.Name)
	}
}
