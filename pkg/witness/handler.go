package witness

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/durable"
)

// Handler is a witness: POST /add-checkpoint. What it cosigned last of each log is a file of its folder, written before it
// answers; with an older copy of the folder it would cosign two histories, so the folder must not be restored from one.
type Handler struct {
	logs   map[string]note.Verifier
	key    note.Signer
	folder string
	log    *slog.Logger

	// one request at a time compares and keeps.
	one sync.Mutex
}

// NewHandler makes a witness that cosigns with a key the logs of these origins, each signed by the verifier key given. The folder
// is made if missing.
func NewHandler(folder string, key note.Signer, logs map[string]string, log *slog.Logger) (*Handler, error) {
	h := &Handler{logs: map[string]note.Verifier{}, key: key, folder: folder, log: log}
	for origin, vkey := range logs {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("key of the log %s: %w", origin, err)
		}
		h.logs[origin] = verifier
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the witness's folder: %w", err)
	}
	return h, nil
}

// refusal is an answer that is no cosignature.
type refusal struct {
	status int
	// size, with a conflict: what was cosigned last.
	size int64
	why  string
}

// Error says why.
func (r *refusal) Error() string { return r.why }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/add-checkpoint" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST is expected", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequestBytes))
	if err != nil {
		http.Error(w, "the request is too long, or did not arrive whole", http.StatusBadRequest)
		return
	}
	line, err := h.add(body)
	var refused *refusal
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, line) // the caller has gone
	case !errors.As(err, &refused):
		h.log.LogAttrs(r.Context(), slog.LevelError, "a checkpoint was not cosigned", slog.Any("error", err))
		http.Error(w, "the witness cannot keep what it sees", http.StatusInternalServerError)
	case refused.status == http.StatusConflict:
		h.log.LogAttrs(r.Context(), slog.LevelWarn, "a checkpoint was refused", slog.String("why", refused.why))
		w.Header().Set("Content-Type", mediaSize)
		w.WriteHeader(refused.status)
		_, _ = fmt.Fprintf(w, "%d\n", refused.size)
	default:
		h.log.LogAttrs(r.Context(), slog.LevelWarn, "a checkpoint was refused", slog.Int("status", refused.status), slog.String("why", refused.why))
		http.Error(w, refused.why, refused.status)
	}
}

// add cosigns the checkpoint of a request and returns the line of its signature.
func (h *Handler) add(body []byte) (string, error) {
	asked, err := ParseRequest(body)
	if err != nil {
		return "", &refusal{status: http.StatusBadRequest, why: err.Error()}
	}
	offered, text, err := h.open(asked.Checkpoint)
	if err != nil {
		return "", err
	}
	h.one.Lock()
	defer h.one.Unlock()
	seen, err := h.seen(offered.Origin)
	if err != nil {
		return "", err
	}
	if err := extends(asked, seen, offered); err != nil {
		return "", err
	}
	if err := durable.WriteFile(h.path(offered.Origin), []byte(asked.Checkpoint), 0o600); err != nil {
		return "", fmt.Errorf("keep the checkpoint: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, h.key)
	if err != nil {
		return "", fmt.Errorf("cosign: %w", err)
	}
	return strings.TrimPrefix(string(signed), text+"\n"), nil
}

// extends checks that what is offered extends what was seen, in the order that the protocol says.
func extends(asked Request, seen, offered tree) error {
	switch {
	case asked.OldSize > offered.N:
		return &refusal{status: http.StatusBadRequest, why: "the old size is above the checkpoint's"}
	case asked.OldSize != seen.N:
		return &refusal{status: http.StatusConflict, size: seen.N, why: fmt.Sprintf("old size %d, cosigned were %d", asked.OldSize, seen.N)}
	case offered.N == seen.N && offered.Hash != seen.Hash && seen.N > 0:
		return &refusal{status: http.StatusConflict, size: seen.N, why: fmt.Sprintf("another root at %d leaves", seen.N)}
	case (seen.N == 0 || seen.N == offered.N) && len(asked.Proof) > 0:
		return &refusal{status: http.StatusUnprocessableEntity, why: "a proof is given where there is nothing to prove"}
	case seen.N == 0 || seen.N == offered.N:
		return nil
	}
	if err := tlog.CheckTree(asked.Proof, offered.N, offered.Hash, seen.N, seen.Hash); err != nil {
		return &refusal{status: http.StatusUnprocessableEntity, why: fmt.Sprintf("the proof from %d leaves does not hold", seen.N)}
	}
	return nil
}

// tree is a log's origin, size and root.
type tree struct {
	Origin string
	tlog.Tree
}

// open reads a checkpoint that one of the known logs signed, and its signed text.
func (h *Handler) open(checkpoint string) (offered tree, text string, err error) {
	origin, _, _ := strings.Cut(checkpoint, "\n")
	verifier, known := h.logs[origin]
	if !known {
		return tree{}, "", &refusal{status: http.StatusNotFound, why: "this log is not witnessed here"}
	}
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return tree{}, "", &refusal{status: http.StatusForbidden, why: "the checkpoint is not signed by the log's key"}
	}
	if offered, err = parse(opened.Text); err != nil || offered.N == 0 {
		return tree{}, "", &refusal{status: http.StatusBadRequest, why: "the checkpoint is malformed, or of an empty log"}
	}
	return offered, opened.Text, nil
}

func parse(text string) (tree, error) {
	var body log.Checkpoint
	rest, err := body.Unmarshal([]byte(text))
	if err != nil || len(rest) > 0 || len(body.Hash) != tlog.HashSize || int64(body.Size) < 0 {
		return tree{}, errors.New("the checkpoint is malformed")
	}
	return tree{Origin: body.Origin, Tree: tlog.Tree{N: int64(body.Size), Hash: tlog.Hash(body.Hash)}}, nil
}

// seen is what was cosigned last of a log; the zero tree for nothing.
func (h *Handler) seen(origin string) (tree, error) {
	kept, err := os.ReadFile(h.path(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return tree{}, nil
	}
	if err != nil {
		return tree{}, fmt.Errorf("read what was cosigned: %w", err)
	}
	opened, err := note.Open(kept, note.VerifierList(h.logs[origin]))
	if err != nil {
		return tree{}, fmt.Errorf("what was cosigned of %s is damaged, or of another key: %w", origin, err)
	}
	return parse(opened.Text)
}

func (h *Handler) path(origin string) string {
	return filepath.Join(h.folder, url.PathEscape(origin)+".checkpoint")
}
