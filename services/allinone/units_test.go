package allinone

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
)

// Whom a public fact is for, as its proto says, are just the units that read it: nobody holds a key to what it does not read.
func TestReadersAreThoseWhoRead(t *testing.T) {
	t.Parallel()
	for _, producer := range Units() {
		for _, kind := range producer.PublicKinds() {
			rule, err := journal.RuleOfKind(kind)
			require.NoError(t, err)
			var reading []string
			for _, u := range Units() {
				for _, spec := range u.Specs() {
					if slices.Contains(spec.Kinds, kind) && !slices.Contains(reading, u.Name) {
						reading = append(reading, u.Name)
					}
				}
			}
			require.ElementsMatch(t, reading, rule.Readers, kind)
		}
	}
}
