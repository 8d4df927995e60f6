package pades

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(text string) (any, error) {
	s := &scanner{in: []byte(text)}
	v, err := s.value(0)
	if err == nil && strings.TrimSpace(text[s.at:]) != "" {
		return nil, errSyntax
	}
	return v, err
}

// Objects have one meaning each, and are written in one way.
func TestObjects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<< /B 1 /A [ 2.50 -.5 +3 ] >>": "<</A[2.5 -0.5 3]/B 1>>",
		"[7 0 R null true false]":       "[7 0 R null true false]",
		`(a\(b\) (c) \\ \101\7\
d)`: "<6128622920286329205c20410764>",
		"(a\r\nb\rc)":                        "<610a620a63>",
		`(\n\r\t\b\f\x)`:                     "<0a0d09080c78>",
		"<feFF AC00>":                        "",
		"<feFFAC00>":                         "<feffac00>",
		"/A#20B#23":                          "/A#20B#23",
		"/A#42":                              "",
		"/A#":                                "",
		"/A#00":                              "",
		"/":                                  "",
		"/" + strings.Repeat("n", maxName):   "/" + strings.Repeat("n", maxName),
		"/" + strings.Repeat("n", maxName+1): "",
		"<< /A 1 /A 2 >>":                    "",
		"<< /A >>":                           "",
		"(a":                                 "",
		"(a\\)":                              "",
		"12a":                                "",
		"1.2.3":                              "",
		"5 1 R ":                             "",
		"% comment\n1":                       "",
		strings.Repeat("[", 99) + strings.Repeat("]", 99): "",
	} {
		v, err := read(text)
		if want == "" {
			require.Error(t, err, "%q", text)
			continue
		}
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, written(v), "%q", text)
	}
}

// FuzzObject holds what is written to what was read: it is read as the same, and written alike again.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{"<< /A [1 2 0 R (x\\)y) <00ff>] /B#20 /C /D -1.5 >>", "(\\101)", "[null true]", "/A#41"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := read(text)
		if err != nil {
			return
		}
		once := written(v)
		again, err := read(once + " ")
		require.NoError(t, err, "%q", once)
		require.True(t, same(v, again), "%q", once)
		require.Equal(t, once, written(again))
	})
}
