package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
	"google.golang.org/protobuf/proto"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fileBytes is the size of each file.
const fileBytes = 1 << 20

// file is a PDF with a hash of its own. All files of a round share their tail, so that it is held once.
type file struct {
	name       string
	head, tail []byte
	hash       [sha256.Size]byte
}

const (
	// ownBytes is the length of the comment that makes a file another than all others.
	ownBytes  = 64
	endOfFile = "\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
)

// bodyAndEnd is what follows a file's head: a stream that cannot be compressed, up to the size of a file.
var bodyAndEnd = sync.OnceValue(func() []byte {
	body := make([]byte, fileBytes-len(headOf("", 0)))
	_, _ = rand.Read(body) // never fails (crypto/rand)
	copy(body[len(body)-len(endOfFile):], endOfFile)
	return body
})

func headOf(own string, stream int) []byte {
	return fmt.Appendf(nil, "%%PDF-1.4\n%% %-*s\n1 0 obj\n<< /Type /Catalog >>\nendobj\n2 0 obj\n<< /Length %08d >>\nstream\n", ownBytes, own, stream)
}

func newFiles(name string, count int) []file {
	files := make([]file, count)
	for i := range files {
		own := fmt.Sprintf("%s %s-%d", rand.Text(), name, i)
		files[i] = newFile(fmt.Sprintf("%s-%d.pdf", name, i), headOf(own[:min(len(own), ownBytes)], len(bodyAndEnd())-len(endOfFile)), bodyAndEnd())
	}
	return files
}

func newFile(name string, head, tail []byte) file {
	f := file{name: name, head: head, tail: tail}
	sum := sha256.New()
	_, _ = io.Copy(sum, f.open()) // neither fails
	sum.Sum(f.hash[:0])
	return f
}

func (f file) open() io.Reader {
	return io.MultiReader(bytes.NewReader(f.head), bytes.NewReader(f.tail))
}

func (f file) size() int64 { return int64(len(f.head) + len(f.tail)) }

// handOver announces a file and uploads it, and returns the upload's id.
func (r *rest) handOver(ctx context.Context, bearer string, f file) (string, error) {
	announced, err := json.Marshal(map[string]any{
		"fileName": f.name, "mediaType": "application/pdf", "size": strconv.FormatInt(f.size(), 10),
		"hash": map[string]string{"algorithm": "SHA-256", "value": hex.EncodeToString(f.hash[:])},
	})
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	var upload struct{ ID, State string }
	if err := r.call(ctx, bearer, http.MethodPost, "/v1/uploads", announced, &upload); err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, r.base+"/v1/uploads/"+upload.ID, f.open())
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	request.ContentLength = f.size()
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("Upload-Offset", "0")
	if err := r.do(request, bearer, &upload); err != nil {
		return "", err
	}
	if upload.State != "UPLOAD_STATE_READY" {
		return "", fmt.Errorf("upload %s is %s", f.name, upload.State)
	}
	return upload.ID, nil
}

// byReference makes the send request of a document whose file is an upload.
func (c *chain) byReference(ownKey, recipient, upload string) *intakev1.SendItem {
	return &intakev1.SendItem{
		OwnKey: ownKey, Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(recipient)}, Title: "시험용 재산세 납부 안내문",
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_BILL, Content: upload,
	}
}

// fileFloor is the least that keeping files costs: each is encrypted as content encrypts it (the same AEAD, a key of its own), is
// written and synced once, and as many are on their way as are uploaded at the same time.
type fileFloor struct {
	stack *stack
	dir   string
}

const (
	keyBytes     = 32
	segmentBytes = 64 << 10 // as in services/content
)

func newFileFloor(s *stack) *fileFloor {
	return &fileFloor{stack: s, dir: filepath.Join(s.dir, "floor-of-files")}
}

func (f *fileFloor) round(ctx context.Context, files []file) (_ round, err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return round{}, fmt.Errorf("make the floor's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(f.dir)) }()
	before, err := f.stack.mark(ctx)
	if err != nil {
		return round{}, err
	}
	if err := each(ctx, platformSenders, len(files), func(_ context.Context, i int) error { return f.put(files[i]) }); err != nil {
		return round{}, fmt.Errorf("keep files: %w", err)
	}
	return f.stack.since(ctx, before, f.stack.clock.Now(), len(files))
}

func (f *fileFloor) put(one file) error {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	aead, err := subtle.NewAESGCMHKDF(secret, "SHA256", keyBytes, segmentBytes, 0)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	out, err := os.OpenFile(filepath.Join(f.dir, one.name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer out.Close()
	sealed, err := aead.NewEncryptingWriter(out, []byte(one.name))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if _, err := io.Copy(sealed, one.open()); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := errors.Join(sealed.Close(), out.Sync()); err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	return nil
}
