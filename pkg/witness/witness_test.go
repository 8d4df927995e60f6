package witness_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/witness"
)

const origin = "log.example/1"

// history is a log of any size, by the text its leaves begin with.
type history struct {
	t      *testing.T
	signer note.Signer
	hashes []tlog.Hash
	size   int64
	roots  map[int64]tlog.Hash
}

func newHistory(t *testing.T, signer note.Signer, size int, kind func(n int) string) *history {
	t.Helper()
	h := &history{t: t, signer: signer, roots: map[int64]tlog.Hash{}}
	for n := range size {
		more, err := tlog.StoredHashes(int64(n), []byte(kind(n)), h)
		require.NoError(t, err)
		h.hashes, h.size = append(h.hashes, more...), int64(n)+1
		root, err := tlog.TreeHash(h.size, h)
		require.NoError(t, err)
		h.roots[h.size] = root
	}
	return h
}

// ReadHashes implements tlog.HashReader.
func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = h.hashes[index]
	}
	return found, nil
}

func (h *history) checkpoint(size int64) string {
	h.t.Helper()
	root := h.roots[size]
	signed, err := note.Sign(&note.Note{Text: string(log.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}.Marshal())}, h.signer)
	require.NoError(h.t, err)
	return string(signed)
}

func (h *history) proof(from, to int64) tlog.TreeProof {
	h.t.Helper()
	proof, err := tlog.ProveTree(to, from, h)
	require.NoError(h.t, err)
	return proof
}

// party is a witness on a socket.
type party struct {
	t      *testing.T
	log    *keys.NoteKey
	key    *keys.NoteKey
	folder string
	url    string
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{t: t, folder: t.TempDir(), key: journaltest.Cosigner(t, "witness.example", clock.System()), log: journaltest.Cosigner(t, "log.example", clock.System())}
	p.open()
	return p
}

// open starts the witness over what its folder holds.
func (p *party) open() {
	p.t.Helper()
	handler, err := witness.NewHandler(p.folder, p.key.Cosigner, map[string]string{origin: p.log.Public}, slog.New(slog.DiscardHandler))
	require.NoError(p.t, err)
	server := httptest.NewServer(handler)
	p.t.Cleanup(server.Close)
	p.url = server.URL
}

func (p *party) client(change ...func(*witness.Config)) *witness.Client {
	p.t.Helper()
	c := witness.Config{Name: "neighbour", URL: p.url + "/", Key: p.key.PublicCosigner}
	for _, one := range change {
		one(&c)
	}
	require.NoError(p.t, c.Validate())
	client, err := c.Client()
	require.NoError(p.t, err)
	return client
}

// post sends a request as it is.
func (p *party) post(body []byte) (status int, media, answer string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/add-checkpoint", bytes.NewReader(body))
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, response.Header.Get("Content-Type"), string(content)
}

// A witness cosigns a log as it grows, and again while it stands still, and goes on where it was after it was started anew.
func TestLogIsCosigned(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	h := newHistory(t, p.log.Signer, 9, func(n int) string { return fmt.Sprint("leaf ", n) })
	client := p.client()
	for _, step := range [][2]int64{{0, 1}, {1, 4}, {4, 4}, {4, 9}} {
		var proof tlog.TreeProof
		if step[0] > 0 && step[0] < step[1] {
			proof = h.proof(step[0], step[1])
		}
		cosigned, _, err := client.AddCheckpoint(t.Context(), step[0], proof, h.checkpoint(step[1]))
		require.NoError(t, err)
		given, err := journal.Cosignatures(cosigned, client.Verifier())
		require.NoError(t, err)
		require.Len(t, given, 1)
		require.WithinDuration(t, clock.System().Now(), given[0].At, 2e9)
		require.True(t, strings.HasPrefix(h.checkpoint(step[1]), strings.Split(cosigned, "\n\n")[0]), "over the text that was sent")
	}
	p.open()
	cosigned, stands, err := p.client().AddCheckpoint(t.Context(), 0, nil, h.checkpoint(9))
	require.NoError(t, err)
	require.Empty(t, cosigned)
	require.EqualValues(t, 9, stands)
}

// Whatever does not extend what a witness saw is refused, by the status that the protocol names, and changes nothing.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	h := newHistory(t, p.log.Signer, 9, func(n int) string { return fmt.Sprint("leaf ", n) })
	other := newHistory(t, p.log.Signer, 9, func(n int) string { return fmt.Sprint("lie ", n) })
	stranger := newHistory(t, p.key.Signer, 9, func(n int) string { return fmt.Sprint("leaf ", n) })
	_, _, err := p.client().AddCheckpoint(t.Context(), 0, nil, h.checkpoint(5))
	require.NoError(t, err)
	kept, err := os.ReadFile(filepath.Join(p.folder, "log.example%2F1.checkpoint"))
	require.NoError(t, err)
	require.Equal(t, h.checkpoint(5), string(kept))
	for name, tc := range map[string]struct {
		request witness.Request
		status  int
		size    string
	}{
		"an unknown log":               {witness.Request{Checkpoint: strings.Replace(h.checkpoint(9), origin, "log.example/2", 1)}, 404, ""},
		"another key":                  {witness.Request{OldSize: 5, Proof: h.proof(5, 9), Checkpoint: stranger.checkpoint(9)}, 403, ""},
		"a changed checkpoint":         {witness.Request{OldSize: 5, Checkpoint: strings.Replace(h.checkpoint(9), "\n9\n", "\n8\n", 1)}, 403, ""},
		"another old size":             {witness.Request{OldSize: 4, Proof: h.proof(4, 9), Checkpoint: h.checkpoint(9)}, 409, "5\n"},
		"none of it known":             {witness.Request{Checkpoint: h.checkpoint(9)}, 409, "5\n"},
		"less than before":             {witness.Request{OldSize: 3, Checkpoint: h.checkpoint(3)}, 409, "5\n"},
		"less than is said":            {witness.Request{OldSize: 5, Checkpoint: h.checkpoint(3)}, 400, ""},
		"another root":                 {witness.Request{OldSize: 5, Checkpoint: other.checkpoint(5)}, 409, "5\n"},
		"another history":              {witness.Request{OldSize: 5, Proof: other.proof(5, 9), Checkpoint: other.checkpoint(9)}, 422, ""},
		"no proof":                     {witness.Request{OldSize: 5, Checkpoint: h.checkpoint(9)}, 422, ""},
		"a proof that is too long":     {witness.Request{OldSize: 5, Proof: append(h.proof(5, 9), tlog.Hash{}), Checkpoint: h.checkpoint(9)}, 422, ""},
		"a proof of nothing":           {witness.Request{OldSize: 5, Proof: h.proof(4, 9), Checkpoint: h.checkpoint(5)}, 422, ""},
		"no checkpoint":                {witness.Request{OldSize: 5, Checkpoint: "log.example/1\n"}, 403, ""},
		"more hashes than are allowed": {witness.Request{OldSize: 5, Proof: make(tlog.TreeProof, 64), Checkpoint: h.checkpoint(9)}, 400, ""},
	} {
		status, media, answer := p.post(tc.request.Encode())
		require.Equal(t, tc.status, status, name)
		if tc.size != "" {
			require.Equal(t, "text/x.tlog.size", media, name)
			require.Equal(t, tc.size, answer, name)
		}
	}
	for _, body := range []string{"", "old", "old 5", "old 05\n\n" + h.checkpoint(5), "old -1\n\n" + h.checkpoint(5), "old 5\nAAAA\n\n" + h.checkpoint(5), "old 5\n\n" + strings.Repeat("x", 33<<10)} {
		status, _, _ := p.post([]byte(body))
		require.Equal(t, http.StatusBadRequest, status, "%.30s", body)
	}
	after, err := os.ReadFile(filepath.Join(p.folder, "log.example%2F1.checkpoint"))
	require.NoError(t, err)
	require.Equal(t, kept, after)

	client := p.client()
	for _, tc := range []struct {
		from  int64
		proof tlog.TreeProof
		of    string
	}{{5, nil, other.checkpoint(5)}, {5, other.proof(5, 9), other.checkpoint(9)}} {
		_, _, err = client.AddCheckpoint(t.Context(), tc.from, tc.proof, tc.of)
		require.ErrorIs(t, err, witness.ErrNotExtended)
	}
	_, _, err = client.AddCheckpoint(t.Context(), 5, h.proof(5, 9), stranger.checkpoint(9))
	require.ErrorContains(t, err, "status 403")

	require.NoError(t, os.WriteFile(filepath.Join(p.folder, "log.example%2F1.checkpoint"), []byte("damaged"), 0o600))
	_, _, err = client.AddCheckpoint(t.Context(), 0, nil, h.checkpoint(9))
	require.ErrorContains(t, err, "status 500", "what was seen is not forgotten")

	for method, path := range map[string]string{http.MethodGet: "/add-checkpoint", http.MethodPost: "/"} {
		request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, http.NoBody)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.GreaterOrEqual(t, response.StatusCode, 404)
	}
}

// What a witness answers is believed only where it is its key's signature over what was sent.
func TestAnswersOfAWitness(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	h := newHistory(t, p.log.Signer, 3, func(n int) string { return fmt.Sprint("leaf ", n) })
	text, _, _ := strings.Cut(h.checkpoint(3), "\n\n")
	cosigned := func(key *keys.NoteKey, of string) string {
		signed, err := note.Sign(&note.Note{Text: of}, key.Cosigner)
		require.NoError(t, err)
		return strings.TrimPrefix(string(signed), of+"\n")
	}
	stranger := journaltest.Cosigner(t, "stranger.example", clock.System())
	ours := cosigned(p.key, text+"\n")
	var status int
	var media, answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	client := p.client(func(c *witness.Config) { c.URL = server.URL })
	for name, tc := range map[string]struct {
		status        int
		media, answer string
		stands        int64
		fails         string
	}{
		"its own":                {200, "", ours, 0, ""},
		"with others'":           {200, "", cosigned(stranger, text+"\n") + ours, 0, ""},
		"only another's":         {200, "", cosigned(stranger, text+"\n"), 0, "without a cosignature"},
		"of another text":        {200, "", cosigned(p.key, "log.example/1\n3\nAAAA\n"), 0, "without a cosignature"},
		"of a longer text":       {200, "", "— x AAAAAAAA\n\n" + cosigned(p.key, text+"\n\n— x AAAAAAAA\n"), 0, "without a cosignature"},
		"nothing":                {200, "", "", 0, "without a cosignature"},
		"no line":                {200, "", "<html>", 0, "without a cosignature"},
		"too much":               {200, "", ours + strings.Repeat("x", 40<<10), 0, "too long"},
		"where it stands":        {409, "text/x.tlog.size", "2\n", 2, ""},
		"it stands where we say": {409, "text/x.tlog.size", "3\n", 0, "another history"},
		"no size":                {409, "text/x.tlog.size", "x\n", 0, "no size"},
		"an odd size":            {409, "text/x.tlog.size", "+2\n", 0, "no size"},
		"a size without an end":  {409, "text/x.tlog.size", "2", 0, "no size"},
		"a size of another kind": {409, "text/plain", "2\n", 0, "no size"},
		"a redirect":             {302, "", "", 0, "status 302"},
		"unknown there":          {404, "", "", 0, "does not witness this log"},
		"failing":                {500, "", ours, 0, "status 500"},
	} {
		status, media, answer = tc.status, tc.media, tc.answer
		got, stands, err := client.AddCheckpoint(t.Context(), 3, nil, h.checkpoint(3))
		if tc.fails != "" {
			require.ErrorContains(t, err, tc.fails, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tc.stands, stands, name)
		if stands == 0 {
			require.Equal(t, text+"\n\n"+ours, got, name)
		}
	}
	server.Close()
	_, _, err := client.AddCheckpoint(t.Context(), 3, nil, h.checkpoint(3))
	require.ErrorContains(t, err, "not reached")
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := witness.Config{Name: "w", URL: "https://witness.example", Key: journaltest.Cosigner(t, "witness.example", clock.System()).PublicCosigner}
	require.NoError(t, good.Validate())
	for field, change := range map[string]func(*witness.Config){
		"name": func(c *witness.Config) { c.Name = "" }, "url": func(c *witness.Config) { c.URL = "witness.example" },
		"key": func(c *witness.Config) { c.Key = c.Key[:20] }, "timeout": func(c *witness.Config) { c.Timeout = 31e9 },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, bad.Validate(), field)
	}
	bad := good
	bad.TLSRootsFile = filepath.Join(t.TempDir(), "none")
	_, err := bad.Client()
	require.Error(t, err)
	_, err = witness.NewHandler(t.TempDir(), nil, map[string]string{origin: "no key"}, nil)
	require.ErrorContains(t, err, origin)
}

// A request has one spelling.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("old 0\n\nlog.example/1\n1\nAAAA\n\n— x AAAA\n"))
	f.Add([]byte("old 5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := witness.ParseRequest(body)
		if err != nil {
			return
		}
		require.Equal(t, string(body), string(r.Encode()))
	})
}

// Whatever a witness answers, what is taken of it is its key's signature over the checkpoint.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "text/plain", []byte("— witness.example AAAAAAAAAAAAAAAAAAAA\n"))
	f.Add(409, "text/x.tlog.size", []byte("5\n"))
	f.Fuzz(func(t *testing.T, status int, media string, answer []byte) {
		key := journaltest.Cosigner(t, "witness.example", clock.System())
		client, err := witness.Config{Name: "w", URL: "http://witness.example", Key: key.PublicCosigner}.Client()
		require.NoError(t, err)
		cosigned, stands, err := witness.ReadAnswer(client, status, media, answer, 3, "log.example/1\n3\nAAAA\n\n— x AAAA\n")
		require.Empty(t, cosigned, "nobody has the key")
		if err == nil {
			require.Equal(t, fmt.Sprintf("%d\n", stands), string(answer))
		}
	})
}
