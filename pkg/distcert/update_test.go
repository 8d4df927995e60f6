package distcert_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
)

// appended is a revision that is written by hand after a file.
type appended struct {
	objects map[int]string
	// trailer without Prev, which is added.
	trailer string
	// stamper makes a time stamp for the object with rangePlace and valuePlace.
	stamper cmstest.Signer
	at      time.Time
	// over is what the time stamp is over beside what it must be.
	over []byte
	// edit changes the revision before its time stamp is made.
	edit func(string) string
	// streams in place of the table; nil for a table.
	streams *streams
}

var startPattern = regexp.MustCompile(`startxref\n(\d+)\n%%EOF`)

func (r appended) write(t testing.TB, pdf []byte) []byte {
	t.Helper()
	starts := startPattern.FindAllSubmatch(pdf, -1)
	space := strings.Repeat("0", 2*4096)
	objects := map[int]string{}
	for number, object := range r.objects {
		objects[number] = strings.Replace(object, valuePlace, "<"+space+">", 1)
	}
	trailer := fmt.Sprintf("%s /Prev %s", r.trailer, starts[len(starts)-1][1])
	text := withTable(len(pdf), objects, trailer)
	if r.streams != nil {
		text = r.streams.write(len(pdf), objects, trailer)
	}
	if r.edit != nil {
		text = r.edit(text)
	}
	file := append(bytes.Clone(pdf), text...)
	start := bytes.LastIndex(file, []byte("<"+space+">"))
	if start < 0 || r.stamper.Key == nil {
		return file
	}
	end := start + len(space) + 2
	ranged := fmt.Sprintf("[0 %d %d %d]", start, end, len(file)-end)
	file = bytes.Replace(file, []byte(rangePlace), []byte(ranged+strings.Repeat(" ", len(rangePlace)-len(ranged))), 1)
	hash := sha256.Sum256(slices.Concat(file[:start], file[end:], r.over))
	token, err := attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: cmstest.Serial(t), At: r.at}, r.stamper.Key, r.stamper.Chain)
	require.NoError(t, err)
	hex.Encode(file[start+1:], token)
	return file
}

// withTable writes a revision with a cross-reference table.
func withTable(begin int, objects map[int]string, trailer string) string {
	var b strings.Builder
	places := map[int]int{}
	numbers := slices.Sorted(maps.Keys(objects))
	for _, number := range numbers {
		places[number] = begin + b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", number, objects[number])
	}
	table := begin + b.Len()
	b.WriteString("xref\n")
	for _, number := range numbers {
		fmt.Fprintf(&b, "%d 1\n%010d 00000 n \n", number, places[number])
	}
	fmt.Fprintf(&b, "trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n", trailer, table)
	return b.String()
}

// stamped is a revision that adds validation data and a document time stamp (B-LTA) to a paper.
func (w world) stamped(t testing.TB, p *paper) appended {
	t.Helper()
	const store = "/DSS << /Certs [11 0 R] >> /Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 2 >> >>"
	return appended{
		trailer: "/Size 13 /Root 1 0 R", stamper: w.root.TimeStamper(t, "시험용 시점확인", at), at: at,
		objects: map[int]string{
			1:  strings.Replace(strings.Replace(p.objects[0], "/Fields [4 0 R]", "/Fields [4 0 R 9 0 R]", 1), "/Names", store+" /Names", 1),
			3:  strings.Replace(p.objects[2], "/Annots [4 0 R]", "/Annots [4 0 R 9 0 R]", 1),
			9:  "<< /Type /Annot /Subtype /Widget /FT /Sig /T (TS) /F 132 /Rect [0 0 0 0] /P 3 0 R /V 10 0 R >>",
			10: "<< /Type /DocTimeStamp /Filter /Adobe.PPKLite /SubFilter /ETSI.RFC3161 /ByteRange " + rangePlace + " /Contents " + valuePlace + " >>",
			11: "<< /Length 4 >>\nstream\ndata\nendstream",
		},
	}
}

// validationData is a revision that adds validation data alone (B-LT).
func validationData(p *paper) appended {
	return appended{trailer: "/Size 11 /Root 1 0 R", objects: map[int]string{
		1:  strings.Replace(p.objects[0], "/Names", "/DSS 8 0 R /Names", 1),
		8:  "<< /Type /DSS /Certs [9 0 R] /VRI << /" + strings.Repeat("AB", 20) + " << /Cert [9 0 R] /CRL 10 0 R /TU (D:20260302) >> >> >>",
		9:  "<< /Length 8 /Filter /FlateDecode >>\nstream\nendobj 1\nendstream",
		10: "[9 0 R]",
	}}
}

func TestUpdatesAreAcceptedAndDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t))
	signed := p.sign(t, w.hub)
	lt := validationData(p).write(t, signed)
	lta := w.stamped(t, p).write(t, signed)
	more := appended{trailer: "/Size 13 /Root 1 0 R", objects: map[int]string{
		1:  strings.Replace(w.stamped(t, p).objects[1], "[11 0 R]", "[11 0 R 12 0 R]", 1),
		12: "<< /Length 0 >>\nstream\n\nendstream",
	}}.write(t, lta)
	for name, tc := range map[string]struct {
		pdf  []byte
		want []distcert.Update
		text string
	}{
		"nothing":           {signed, nil, "[]"},
		"B-LT":              {lt, []distcert.Update{{ValidationData: true}}, "[validation_data]"},
		"B-LTA":             {lta, []distcert.Update{{ValidationData: true, TimeStamp: at}}, "[validation_data time_stamp 2026-03-02T01:02:03Z]"},
		"B-LTA, then again": {more, []distcert.Update{{ValidationData: true, TimeStamp: at}, {ValidationData: true}}, "[validation_data time_stamp 2026-03-02T01:02:03Z validation_data]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, profile := range []string{distcert.ProfileSandbox, distcert.ProfilePinnedSigner} {
				opts := w.options(at)
				opts.Profile = profile
				got, checks, err := distcert.Verify(tc.pdf, opts)
				require.NoError(t, err)
				require.Equal(t, proof.Passed, checks.Format)
				require.Equal(t, tc.want, got.Updates)
				require.Equal(t, tc.text, fmt.Sprint(got.Updates))
			}
		})
	}
}

// Any other later revision is refused: what the signed revision shows must stay what a reader shows.
func TestUpdateRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t))
	signed := p.sign(t, w.hub)
	inObject := func(number int, old, replacement string) func(*appended) {
		return func(r *appended) {
			require.Contains(t, r.objects[number], old)
			r.objects[number] = strings.Replace(r.objects[number], old, replacement, 1)
		}
	}
	object := func(number int, written string) func(*appended) {
		return func(r *appended) { r.objects[number] = written }
	}
	text := func(old, replacement string) func(*appended) {
		return func(r *appended) {
			r.edit = func(s string) string {
				require.Contains(t, s, old)
				return strings.Replace(s, old, replacement, 1)
			}
		}
	}
	for name, change := range map[string]func(*appended){
		"another page content":                  inObject(3, "/Resources << >>", "/Resources << >> /Contents 11 0 R"),
		"another page size":                     inObject(3, "[0 0 200 200]", "[0 0 100 100]"),
		"the hub's field left out of the page":  inObject(3, "[4 0 R 9 0 R]", "[9 0 R]"),
		"something else on the page":            inObject(3, "[4 0 R 9 0 R]", "[4 0 R 9 0 R 11 0 R]"),
		"an action in the catalog":              inObject(1, "/Type /Catalog", "/Type /Catalog /OpenAction << /S /JavaScript /JS (app) >>"),
		"another attachment":                    inObject(1, "(circulation.json) 6 0 R", "(circulation.json) 11 0 R"),
		"other pages":                           inObject(1, "/Pages 2 0 R", "/Pages 11 0 R"),
		"an entry of the form":                  inObject(1, "/SigFlags 3", "/SigFlags 3 /NeedAppearances true"),
		"the hub's field left out of the form":  inObject(1, "[4 0 R 9 0 R]", "[9 0 R]"),
		"the time stamp not in the form":        inObject(1, "[4 0 R 9 0 R]", "[4 0 R]"),
		"an extension with something behind it": inObject(1, "/ExtensionLevel 2", "/ExtensionLevel 11 0 R"),
		"a store of the signed revision":        inObject(1, "/Certs [11 0 R]", "/Certs [7 0 R]"),
		"a store with something else":           inObject(1, "/Certs [11 0 R]", "/Certs [11 0 R] /AA << >>"),
		"the content written anew":              object(7, "<< /Length 4 >>\nstream\ndata\nendstream"),
		"the hub's field written anew":          object(4, p.objects[3]),
		"the hub's signature written anew":      object(5, p.objects[4]),
		"an object of another kind":             object(12, "<< /Type /XObject /Subtype /Form >>"),
		"a stream of another kind":              object(12, "<< /Type /ObjStm /Length 0 >>\nstream\n\nendstream"),
		"a field that is shown":                 inObject(9, "[0 0 0 0]", "[0 0 9 9]"),
		"a field with an appearance":            inObject(9, "/F 132", "/AP << /N 11 0 R >>"),
		"a field of another kind":               inObject(9, "/FT /Sig", "/FT /Tx"),
		"the name of the hub's field":           inObject(9, "/T (TS)", "/T <53>"),
		"a field without a name":                inObject(9, "/T (TS)", ""),
		"the hub's signature as its value":      inObject(9, "/V 10 0 R", "/V 5 0 R"),
		"a signature in place of a time stamp":  inObject(10, "/DocTimeStamp", "/Sig"),
		"another kind of time stamp":            inObject(10, "ETSI.RFC3161", "ETSI.CAdES.detached"),
		"a second time stamp nobody names":      object(12, "<< /Type /DocTimeStamp /ByteRange [0 1 2 3] >>"),
		"a time stamp over something else":      func(r *appended) { r.over = []byte("more") },
		"a time stamp of another root":          func(r *appended) { r.stamper = w.foreign.TimeStamper(t, "시험용 시점확인", at) },
		"a time stamp by a signer of documents": func(r *appended) { r.stamper = w.hub },
		"a time stamp from the future":          func(r *appended) { r.at = at.Add(time.Hour) },
		"a range that ends early": func(r *appended) {
			r.objects[10] = strings.Replace(r.objects[10], rangePlace, "[0 1 2 3]", 1)
		},
		"another root object":         text("/Root 1 0 R", "/Root 11 0 R"),
		"another revision before":     text("/Prev", "/Prev 1 /Old"),
		"a hidden table":              text("/Size 13", "/Size 13 /XRefStm 9"),
		"a Size that hides objects":   text("/Size 13", "/Size 11"),
		"a Size that is not whole":    text("/Size 13", "/Size 13.5"),
		"other document information":  text("/Size 13", "/Size 13 /Info 11 0 R"),
		"encryption":                  text("/Size 13", "/Size 13 /Encrypt 11 0 R"),
		"an object nobody lists":      text("xref\n", "12 0 obj\nnull\nendobj\nxref\n"),
		"an object at another place":  text("11 1\n", "11 1\n0000000009 00000 n \n12 1\n"),
		"an object freed":             text("xref\n", "xref\n2 1\n0000000000 00001 f \n"),
		"an object listed twice":      text("xref\n", "xref\n3 1\n0000000001 00000 n \n"),
		"a comment":                   text("9 0 obj\n", "9 0 obj\n% hidden\n"),
		"a name in another spelling":  text("/Type /Annot", "/Type /Anno#74"),
		"something before its end":    text("trailer", "<< >> trailer"),
		"something behind its end":    text("%%EOF\n", "%%EOF\nmore"),
		"an end that leads elsewhere": text("startxref\n", "startxref\n1"),
		"a stream without its end":    text("endstream", "endstreem"),
		"a stream longer than it is":  inObject(11, "/Length 4", "/Length 4000000"),
		"nothing added": func(r *appended) {
			r.objects = map[int]string{1: p.objects[0]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.stamped(t, p)
			change(&r)
			got, checks, err := distcert.Verify(r.write(t, signed), w.options(at))
			require.Nil(t, got)
			require.Equal(t, proof.NotPassed, checks.Format)
			require.Equal(t, []distcert.Check{distcert.ErrFormat}, distcert.FailedChecks(err), "%v", err)
		})
	}
}

// What a signed file refers to and does not hold, nobody may supply later.
func TestUpdateOfAFileWithHoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t)).replace(t, 3, "/Resources << >>", "/Resources << >> /Contents 11 0 R")
	signed := p.sign(t, w.hub)
	_, _, err := distcert.Verify(signed, w.options(at))
	require.NoError(t, err)
	_, _, err = distcert.Verify(w.stamped(t, p).write(t, signed), w.options(at))
	require.ErrorContains(t, err, "refers to objects that it does not hold")

	p = newPaper(encoded(t))
	p.objects = append(p.objects, "null")
	signed = p.sign(t, w.hub)
	r := w.stamped(t, p)
	_, _, err = distcert.Verify(r.write(t, signed), w.options(at))
	require.NoError(t, err)
	r.objects[8] = "<< /Length 0 >>\nstream\n\nendstream"
	_, _, err = distcert.Verify(r.write(t, signed), w.options(at))
	require.ErrorContains(t, err, "a number that the signed revision left out")
}

// Readers pass over objects whose number is not below Size, so a later update may not lower it.
func TestUpdateThatHidesTheOneBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPaper(encoded(t))
	pdf := w.stamped(t, p).write(t, p.sign(t, w.hub))
	r := appended{trailer: "/Size 10 /Root 1 0 R", objects: map[int]string{8: "[11 0 R]"}}
	_, _, err := distcert.Verify(r.write(t, pdf), w.options(at))
	require.ErrorContains(t, err, "does not continue the revision before")
	r.trailer = "/Size 13 /Root 1 0 R"
	_, _, err = distcert.Verify(r.write(t, pdf), w.options(at))
	require.NoError(t, err)
}

// FuzzUpdate appends the fuzzer's bytes to a signed file. Whatever is accepted says what the signed revision says.
func FuzzUpdate(f *testing.F) {
	w := newWorld(f)
	p, streamed := newPaper(encoded(f)), streamedPaper(f)
	table, stream := p.sign(f, w.hub), streamed.sign(f, w.hub)
	opts := w.options(at)
	opts.Cache = cms.NewChainCache(4)
	want, _, err := distcert.Verify(table, opts)
	require.NoError(f, err)
	for _, seed := range []appended{validationData(p), w.stamped(f, p)} {
		f.Add(false, seed.write(f, table)[len(table):])
	}
	f.Add(false, []byte("xref\ntrailer\n<< >>\nstartxref\n"+strconv.Itoa(len(table))+"\n%%EOF"))
	uncompressed, differences := w.packedStamp(f, streamed), w.packedStamp(f, streamed)
	uncompressed.streams.plain, differences.streams.predictor = true, 15
	for _, seed := range []appended{w.streamedStamp(f, streamed), w.packedStamp(f, streamed), uncompressed, differences} {
		f.Add(true, seed.write(f, stream)[len(stream):])
	}
	f.Fuzz(func(t *testing.T, streamed bool, update []byte) {
		signed := table
		if streamed {
			signed = stream
		}
		got, checks, err := distcert.Verify(append(bytes.Clone(signed), update...), opts)
		if err != nil {
			require.Equal(t, proof.NotPassed, checks.Format)
			return
		}
		require.Equal(t, want.Content, got.Content)
		if len(update) > 0 {
			require.NotEmpty(t, got.Updates)
		}
	})
}
