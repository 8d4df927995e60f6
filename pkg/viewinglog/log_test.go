package viewinglog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	lestrrat "github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

func newKey(t testing.TB, id string) (authn.Key, map[string]*ecdsa.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return authn.Key{ID: id, Signer: private}, map[string]*ecdsa.PublicKey{id: &private.PublicKey}
}

var made = time.Date(2026, 3, 2, 10, 0, 0, 123456000, time.UTC)

func log(change ...func(*viewinglog.Log)) viewinglog.Log {
	at := func(before time.Duration) string { return viewinglog.Time(made.Add(-before)) }
	l := viewinglog.Log{
		Serial: "01a22fe7-0000-7000-8000-000000000001", MadeAt: at(0), For: viewinglog.Recipient, EdocNum: "20260302_NARU000001_0000000000001",
		DocumentHash: viewinglog.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)}, Sender: "s", RecipientAddress: "k7w2-ferry",
		SentAt: at(4 * time.Hour), ReceivedAt: at(3 * time.Hour),
		Entries: []viewinglog.Entry{
			{Number: 1, GivenAt: at(2 * time.Hour), ViewingSystem: "relay", Person: "p"},
			{Number: 2, GivenAt: at(time.Hour), ViewingSystem: "relay", Person: "p", OpenedAt: at(time.Minute), ReadAt: "2026-03-02T09:59:00.000000Z"},
		},
	}
	for _, c := range change {
		c(&l)
	}
	return l
}

// The form is the documented one: another library verifies an extract, and its content has one spelling.
func TestForm(t *testing.T) {
	t.Parallel()
	key, published := newKey(t, "k-1")
	text, err := viewinglog.Sign(key, log())
	require.NoError(t, err)
	payload, err := lestrrat.Verify([]byte(text), lestrrat.WithCompact(), lestrrat.WithKey(jwa.ES256, key.Public()))
	require.NoError(t, err)
	require.Equal(t, `{"format":"naru-viewing-log/1","serial":"01a22fe7-0000-7000-8000-000000000001","madeAt":"2026-03-02T10:00:00.123456Z","for":"recipient",`+
		`"edocNum":"20260302_NARU000001_0000000000001","documentHash":{"algorithm":"SHA-256","value":"`+strings.Repeat("ab", 32)+`"},`+
		`"sender":"s","recipientAddress":"k7w2-ferry","sentAt":"2026-03-02T06:00:00.123456Z","receivedAt":"2026-03-02T07:00:00.123456Z","after":0,"more":false,`+
		`"entries":[{"number":1,"givenAt":"2026-03-02T08:00:00.123456Z","viewingSystem":"relay","person":"p"},`+
		`{"number":2,"givenAt":"2026-03-02T09:00:00.123456Z","viewingSystem":"relay","person":"p","openedAt":"2026-03-02T09:59:00.123456Z","readAt":"2026-03-02T09:59:00.000000Z"}]}`,
		string(payload))
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"ES256","kid":"k-1","typ":"naru-viewing-log+jwt"}`, string(header))
	judged, err := viewinglog.Judge(text, published)
	require.NoError(t, err)
	require.Equal(t, log(func(l *viewinglog.Log) { l.Format = viewinglog.Format }), *judged.Log)
	require.Equal(t, "k-1", judged.KeyID)
	empty, err := viewinglog.Sign(key, log(func(l *viewinglog.Log) { l.Entries = nil }))
	require.NoError(t, err)
	judged, err = viewinglog.Judge(empty, published)
	require.NoError(t, err)
	require.Empty(t, judged.Log.Entries)
}

// A full extract has room in a text.
func TestFullExtract(t *testing.T) {
	t.Parallel()
	key, published := newKey(t, strings.Repeat("k", 43))
	full := log(func(l *viewinglog.Log) {
		l.Entries, l.More = nil, true
		for n := range viewinglog.MaxEntries {
			at := viewinglog.Time(made.Add(-time.Hour))
			id := "01a22fe7-0000-7000-8000-000000000001"
			l.Entries = append(l.Entries, viewinglog.Entry{Number: n + 1, GivenAt: at, OpenedAt: at, ViewingSystem: id, Person: id})
		}
	})
	text, err := viewinglog.Sign(key, full)
	require.NoError(t, err)
	_, err = viewinglog.Judge(text, published)
	require.NoError(t, err)
	full.Entries = append(full.Entries, viewinglog.Entry{Number: viewinglog.MaxEntries + 1, GivenAt: full.MadeAt, ViewingSystem: "relay", Person: "p"})
	_, err = viewinglog.Sign(key, full)
	require.ErrorIs(t, err, viewinglog.ErrForm)
}

// Each rule, and the check that fails: neither signed by us, nor accepted where somebody else signed it.
func TestRules(t *testing.T) {
	t.Parallel()
	key, published := newKey(t, "k-1")
	for name, tc := range map[string]struct {
		change func(*viewinglog.Log)
		check  proof.Check
	}{
		"serial":                {func(l *viewinglog.Log) { l.Serial = strings.ToUpper(l.Serial) }, viewinglog.ErrForm},
		"for nobody":            {func(l *viewinglog.Log) { l.For = "" }, viewinglog.ErrForm},
		"no hash":               {func(l *viewinglog.Log) { l.DocumentHash.Value = "" }, viewinglog.ErrForm},
		"a time re-spelled":     {func(l *viewinglog.Log) { l.SentAt = "2026-03-02T06:00:00Z" }, viewinglog.ErrForm},
		"no time":               {func(l *viewinglog.Log) { l.Entries[0].GivenAt = "" }, viewinglog.ErrForm},
		"no viewing system":     {func(l *viewinglog.Log) { l.Entries[1].ViewingSystem = "" }, viewinglog.ErrForm},
		"person for the sender": {func(l *viewinglog.Log) { l.For = viewinglog.Sender }, viewinglog.ErrForm},
		"nobody opened it":      {func(l *viewinglog.Log) { l.Entries[1].Person = "" }, viewinglog.ErrForm},
		"no number":             {func(l *viewinglog.Log) { l.EdocNum = "1" }, viewinglog.ErrNumbers},
		"number of a later day": {func(l *viewinglog.Log) { l.EdocNum = "20260303_NARU000001_0000000000001" }, viewinglog.ErrNumbers},
		"an entry left out":     {func(l *viewinglog.Log) { l.Entries = l.Entries[1:] }, viewinglog.ErrNumbers},
		"entries exchanged":     {func(l *viewinglog.Log) { l.Entries[0], l.Entries[1] = l.Entries[1], l.Entries[0] }, viewinglog.ErrNumbers},
		"more after nothing":    {func(l *viewinglog.Log) { l.Entries, l.More = nil, true }, viewinglog.ErrNumbers},
		"before the first":      {func(l *viewinglog.Log) { l.After, l.Entries = -1, nil }, viewinglog.ErrNumbers},
		"received before sent":  {func(l *viewinglog.Log) { l.SentAt, l.ReceivedAt = l.ReceivedAt, l.SentAt }, viewinglog.ErrTimes},
		"given before received": {func(l *viewinglog.Log) { l.Entries[0].GivenAt = l.SentAt }, viewinglog.ErrTimes},
		"opened before given":   {func(l *viewinglog.Log) { l.Entries[1].OpenedAt = l.Entries[0].GivenAt }, viewinglog.ErrTimes},
		"read before opened":    {func(l *viewinglog.Log) { l.Entries[1].ReadAt = l.Entries[1].GivenAt }, viewinglog.ErrTimes},
		"read, not opened":      {func(l *viewinglog.Log) { l.Entries[1].OpenedAt = "" }, viewinglog.ErrTimes},
		"read twice":            {func(l *viewinglog.Log) { l.Entries[0] = l.Entries[1]; l.Entries[0].Number = 1 }, viewinglog.ErrTimes},
		"made before":           {func(l *viewinglog.Log) { l.MadeAt = l.Entries[1].GivenAt }, viewinglog.ErrTimes},
	} {
		bad := log(tc.change)
		_, err := viewinglog.Sign(key, bad)
		require.ErrorIs(t, err, tc.check, name)
		bad.Format = viewinglog.Format
		raw, err := proof.Encode(bad)
		require.NoError(t, err)
		text, err := jws.Profile{Type: viewinglog.Type, MaxBytes: viewinglog.MaxBytes}.Sign(key, raw)
		require.NoError(t, err)
		judged, err := viewinglog.Judge(text, published)
		require.ErrorIs(t, err, tc.check, name)
		require.NotNil(t, judged.Log, name)
	}
}

func FuzzJudge(f *testing.F) {
	key, published := newKey(f, "k-1")
	text, err := viewinglog.Sign(key, log())
	require.NoError(f, err)
	f.Add(text)
	f.Add("..")
	f.Add(strings.Replace(text, "A", "B", 1))
	f.Fuzz(func(t *testing.T, text string) {
		judged, err := viewinglog.Judge(text, published)
		if err != nil {
			require.NotEmpty(t, proof.Failed(err, viewinglog.ErrForm, viewinglog.ErrKey, viewinglog.ErrSignature, viewinglog.ErrNumbers, viewinglog.ErrTimes))
			return
		}
		require.Equal(t, log(func(l *viewinglog.Log) { l.Format = viewinglog.Format }), *judged.Log, "nothing but what was signed can pass")
	})
}
