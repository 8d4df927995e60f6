package distcert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
)

// streamedPaper has its cross-references in a stream, object 8, as its first revision.
func streamedPaper(t testing.TB) *paper {
	t.Helper()
	p := newPaper(encoded(t))
	p.streams = &streams{table: 8, free: true}
	return p
}

// streamedStamp is the update of stamped with its cross-references in object 12.
func (w world) streamedStamp(t testing.TB, p *paper) appended {
	t.Helper()
	r := w.stamped(t, p)
	r.trailer, r.streams = "/Size 14 /Root 1 0 R", &streams{table: 12}
	return r
}

// packedStamp is the same with catalog, page and field in the object stream 13.
func (w world) packedStamp(t testing.TB, p *paper) appended {
	t.Helper()
	r := w.streamedStamp(t, p)
	r.streams.container, r.streams.packed = 13, []int{3, 9, 1}
	return r
}

// Whatever way streams may be written, the same is read from them; also where the signed revision keeps its own objects
// packed.
func TestStreamedUpdatesAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, signed := range map[string]func(*streams){
		"plain objects":  func(*streams) {},
		"uncompressed":   func(s *streams) { s.plain = true },
		"unlisted":       func(s *streams) { s.unlisted = true },
		"with predictor": func(s *streams) { s.predictor = 12 },
		"packed objects": func(s *streams) { s.table, s.container, s.packed = 9, 8, []int{1, 2, 3, 4, 6} },
	} {
		p := streamedPaper(t)
		signed(p.streams)
		pdf := p.sign(t, w.hub)
		for update, change := range map[string]func(*appended){
			"streams":           func(*appended) {},
			"uncompressed":      func(r *appended) { r.streams.plain = true },
			"unlisted":          func(r *appended) { r.streams.unlisted = true },
			"the row of no use": func(r *appended) { r.streams.free = true },
			"other widths":      func(r *appended) { r.streams.widths = []int{1, 8, 1} },
			"as lists":          func(r *appended) { r.streams.inTable = lists },
			"all in file":       func(r *appended) { r.streams.packed, r.streams.container = nil, 0 },
			"a field of no width": func(r *appended) {
				r.streams.packed, r.streams.container, r.streams.widths = nil, 0, []int{1, 3, 0}
			},
			"predictor 10": func(r *appended) { r.streams.predictor = 10 },
			"predictor 11": func(r *appended) { r.streams.predictor = 11 },
			"predictor 12": func(r *appended) { r.streams.predictor = 12 },
			"predictor 13": func(r *appended) { r.streams.predictor = 13 },
			"predictor 14": func(r *appended) { r.streams.predictor = 14 },
			"predictor 15": func(r *appended) { r.streams.predictor = 15 },
		} {
			t.Run(name+", then "+update, func(t *testing.T) {
				t.Parallel()
				r := w.packedStamp(t, p)
				change(&r)
				r.moveUp()
				want := []distcert.Update{{ValidationData: true, TimeStamp: at}}
				file := r.write(t, pdf)
				w.accepted(t, file, want)

				again := appended{trailer: "/Size 20 /Root 1 0 R", streams: &streams{table: 19, container: 18, packed: []int{1}}, objects: map[int]string{
					1:  strings.Replace(r.objects[1], "/Certs [", "/Certs [17 0 R ", 1),
					17: "<< /Length 0 >>\nstream\n\nendstream",
				}}
				w.accepted(t, again.write(t, file), append(want, distcert.Update{ValidationData: true}))
			})
		}
	}
}

// moveUp gives the new objects of an update numbers that are higher by two, where the signed revision has streams of its
// own.
func (r *appended) moveUp() {
	const by, first = 2, 9
	up := func(number int) int {
		if number < first {
			return number
		}
		return number + by
	}
	objects := map[int]string{}
	for number, object := range r.objects {
		objects[up(number)] = strings.NewReplacer("9 0 R", "11 0 R", "10 0 R", "12 0 R", "11 0 R", "13 0 R").Replace(object)
	}
	r.objects, r.trailer = objects, strings.Replace(r.trailer, "/Size 14", "/Size 16", 1)
	r.streams.table, r.streams.container = up(r.streams.table), up(r.streams.container)
	r.streams.packed = slices.Clone(r.streams.packed)
	for i, number := range r.streams.packed {
		r.streams.packed[i] = up(number)
	}
}

func (w world) accepted(t *testing.T, pdf []byte, want []distcert.Update) {
	t.Helper()
	got, checks, err := distcert.Verify(pdf, w.options(at))
	require.NoError(t, err)
	require.Equal(t, proof.Passed, checks.Format)
	require.Equal(t, want, got.Updates)
}

// lists writes the filter as a list, as is allowed.
func lists(dictionary string) string {
	return strings.Replace(dictionary, "/FlateDecode", "[/FlateDecode]", 1)
}

func (w world) refused(t *testing.T, pdf []byte, want string) {
	t.Helper()
	got, checks, err := distcert.Verify(pdf, w.options(at))
	require.Nil(t, got)
	require.Equal(t, proof.NotPassed, checks.Format)
	require.Equal(t, []distcert.Check{distcert.ErrFormat}, distcert.FailedChecks(err), "%v", err)
	require.ErrorContains(t, err, want)
}

// FuzzStreams puts the fuzzer's bytes into streams that are otherwise well written, so that they reach what is behind
// compression and places. Whatever is accepted says what the signed revision says.
func FuzzStreams(f *testing.F) {
	w := newWorld(f)
	p := streamedPaper(f)
	signed := p.sign(f, w.hub)
	opts := w.options(at)
	opts.Cache = cms.NewChainCache(4)
	want, _, err := distcert.Verify(signed, opts)
	require.NoError(f, err)
	update := appended{trailer: "/Size 14 /Root 1 0 R", objects: map[int]string{
		1:  strings.Replace(p.objects[0], "/Names", "/DSS 9 0 R /Names", 1),
		9:  "<< /Type /DSS /Certs [11 0 R] >>",
		11: "<< /Length 4 >>\nstream\ndata\nendstream",
	}}
	written := streams{table: 12, container: 13, packed: []int{1, 9}, predictor: 15}
	var usual struct {
		list, bodies string
		rows         []byte
	}
	seed := written
	seed.members = func(list, bodies string) (string, string) {
		usual.list, usual.bodies = list, bodies
		return list, bodies
	}
	seed.differences = func(rows []byte) []byte {
		usual.rows = rows
		return rows
	}
	update.streams = &seed
	_, _, err = distcert.Verify(update.write(f, signed), opts)
	require.NoError(f, err)
	f.Add(usual.list, usual.bodies, usual.rows)
	f.Fuzz(func(t *testing.T, list, bodies string, rows []byte) {
		one, fuzzed := update, written
		fuzzed.members = func(string, string) (string, string) { return list, bodies }
		fuzzed.differences = func([]byte) []byte { return rows }
		one.streams = &fuzzed
		got, checks, err := distcert.Verify(one.write(t, signed), opts)
		if err != nil {
			require.Equal(t, proof.NotPassed, checks.Format)
			return
		}
		require.Equal(t, want.Content, got.Content)
		require.Equal(t, []distcert.Update{{ValidationData: true}}, got.Updates)
	})
}
