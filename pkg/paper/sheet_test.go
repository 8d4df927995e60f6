package paper_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/paper"
)

// Texts are wrapped: Korean anywhere, Latin between words; nothing is lost, and every page has its number.
func TestWrap(t *testing.T) {
	t.Parallel()
	s := paper.New(paper.Look{Title: "시험"})
	latin, korean := strings.TrimSpace(strings.Repeat("evidence ", 40)), strings.Repeat("증", 200)
	for range 20 {
		s.Text(latin, 1)
		s.Row("값", korean)
	}
	s.Footers("n-1")
	pdf, err := s.Bytes()
	require.NoError(t, err)
	require.NotEmpty(t, pdf)
	require.Greater(t, len(s.Texts()), 1)
	all := slices.Concat(s.Texts()...)
	require.Equal(t, 20*200, strings.Count(strings.Join(all, ""), "증"))
	words := 0
	for _, line := range all {
		if strings.Contains(line, "evidence") {
			for word := range strings.FieldsSeq(line) {
				require.Equal(t, "evidence", word)
				words++
			}
		}
	}
	require.Equal(t, 20*40, words)
	for _, page := range s.Texts() {
		require.True(t, slices.ContainsFunc(page, func(line string) bool { return strings.HasPrefix(line, "n-1   ·   ") }))
		require.NotContains(t, strings.Join(page, ""), "법적 효력")
	}
}

// A row says something.
func TestEmptyRow(t *testing.T) {
	t.Parallel()
	s := paper.New(paper.Look{Title: "시험"})
	s.Row("값", " ")
	_, err := s.Bytes()
	require.ErrorContains(t, err, "without a value")
}
