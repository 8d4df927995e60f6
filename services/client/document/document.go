// Package document handles the sender's own file: its hash, and the two steps before sending (guide 5.1.1 ❶ and ❷).
package document

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sandbox"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// HashAlgorithm is the only one this package uses.
const HashAlgorithm = "SHA-256"

// Document is a file that was hashed.
type Document struct {
	Path string
	// Hash is SHA-256, lower-case hexadecimal.
	Hash string
	// Size in bytes.
	Size int64
}

// Open hashes a file without holding it in memory.
func Open(path string) (*Document, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	digest := sha256.New()
	n, err := io.Copy(digest, f)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if n == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return &Document{Path: path, Hash: hex.EncodeToString(digest.Sum(nil)), Size: n}, nil
}

// Digest is the hash as the API writes it.
func (d *Document) Digest() *platformv1.Digest {
	return &platformv1.Digest{Algorithm: HashAlgorithm, Value: d.Hash}
}

// File is the document as a relay takes it (guide 5.2.1 3).
func (d *Document) File() relay.File {
	return relay.File{Path: d.Path, Name: d.name(), MediaType: d.mediaType(), Size: d.Size, Hash: d.Digest()}
}

func (d *Document) name() string { return filepath.Base(d.Path) }

func (d *Document) mediaType() string {
	if known := mime.TypeByExtension(filepath.Ext(d.Path)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// Archive returns a client of the archive for a member.
func Archive(client *http.Client, baseURL string, member endpoints.ArchiveMember) (*archiveclient.Client, error) {
	return archiveclient.New(archiveclient.Options{BaseURL: baseURL, HTTP: client, MemberID: member.MemberID, Password: member.Password})
}

// Register registers the document at the archive (문서 등록, guide 5.1.1 ❶).
func (d *Document) Register(ctx context.Context, archive *archiveclient.Client) (*archiveclient.Document, error) {
	registered, err := archive.Submit(ctx, archiveclient.Submission{
		FileName: d.name(), MediaType: d.mediaType(),
		Open: func() (io.Reader, error) { return os.Open(d.Path) },
	})
	if err != nil {
		return nil, err
	}
	if registered.Hash != d.Hash {
		return nil, errors.New("the document was changed after it was hashed")
	}
	return registered, nil
}

// Store stores the document and its recipient at the viewing system (열람 전자문서 저장, guide 5.1.1 ❷), and returns the viewing URL.
func (d *Document) Store(ctx context.Context, viewing *rest.Client, recipient *platformv1.RecipientIdentifier, certificateDigest string) (string, error) {
	f, err := os.Open(d.Path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	stored := sandbox.StoredDocument{
		Recipient: stored(recipient), CertificateDigest: certificateDigest, ContentType: d.mediaType(), FileName: d.name(),
	}
	stored.EdocHash.Algorithm, stored.EdocHash.Value = HashAlgorithm, d.Hash
	return sandbox.StoreDocument(ctx, viewing, stored, f)
}

// stored returns the recipient in the viewing system's form.
func stored(r *platformv1.RecipientIdentifier) any {
	switch {
	case r.Ci != nil:
		return map[string]string{"ci": r.GetCi()}
	case r.GetPerson() != nil:
		return map[string]any{"person": map[string]string{
			"name": r.GetPerson().GetName(), "birthDate": r.GetPerson().GetBirthDate(), "phone": r.GetPerson().GetPhone(),
		}}
	case r.BusinessNumber != nil:
		return map[string]string{"businessNumber": r.GetBusinessNumber()}
	default:
		return map[string]any{"platformAddress": map[string]string{
			"platformId": r.GetPlatformAddress().GetPlatformId(), "address": r.GetPlatformAddress().GetAddress(),
		}}
	}
}
