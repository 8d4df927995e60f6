package audit

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// A list in a row is the same as the list of the fact if it has the same elements in their order; none is like a list not set.
func TestListsAreCompared(t *testing.T) {
	t.Parallel()
	stated := func(hosts ...string) string {
		return field((&gatewayv1.PrincipalChanged{Hosts: hosts}).ProtoReflect(), "hosts")
	}
	for _, tc := range []struct {
		row   string
		hosts []string
		same  bool
	}{
		{`["a.example", "b \"c\""]`, []string{"a.example", `b "c"`}, true},
		{`[]`, nil, true},
		{`["a.example"]`, nil, false},
		{`[]`, []string{"a.example"}, false},
		{`["b", "a"]`, []string{"a", "b"}, false},
		{`["a b"]`, []string{"a", "b"}, false},
		{`["a\" \"b"]`, []string{"a", "b"}, false},
	} {
		require.Equal(t, tc.same, same(column(json.RawMessage(tc.row)), stated(tc.hosts...)), "%s %q", tc.row, tc.hosts)
	}
}

// Each Take selects the documented value, in whatever order the facts are read.
func TestTakes(t *testing.T) {
	t.Parallel()
	type said struct {
		value   string
		ordinal uint32
	}
	for _, tc := range []struct {
		name  string
		take  Take
		facts []said
		want  string
	}{
		{"first", First, []said{{"b", 2}, {"a", 1}, {"c", 3}}, "a"},
		{"newest", Newest, []said{{"c", 3}, {"a", 1}, {"b", 2}}, "c"},
		{"the newest says nothing", Newest, []said{{"a", 1}, {absent, 2}}, absent},
		{"an older one is read after the newest that says nothing", Newest, []said{{absent, 2}, {"a", 1}}, absent},
		{"two of one ordinal, one says nothing", Newest, []said{{absent, 2}, {"b", 2}, {"a", 1}}, "b"},
		{"least", Least, []said{{"10", 1}, {"9", 2}, {"11", 3}}, "9"},
		{"greatest", Greatest, []said{{"10", 1}, {"9", 2}, {"11", 3}}, "11"},
		{"count", Count, []said{{"x", 1}, {"x", 2}, {absent, 3}}, "3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			row := &expected{values: make([]string, 1), ordinals: make([]uint32, 1)}
			for _, f := range tc.facts {
				row.decide(0, tc.take, f.value, f.ordinal)
			}
			require.Equal(t, tc.want, row.values[0])
		})
	}
}
