package content

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	// wrappingKey of the key folder seals the keys and names of uploads. It MUST be the same in every replica and be kept as long
	// as any file.
	wrappingKey = "content"
	keyBytes    = 32
	// segmentBytes are sealed, and read, at a time: the smaller, the less memory a stream takes; the larger, the less is added to
	// a file.
	segmentBytes = 64 << 10
)

// errChanged says that sealed bytes are not those that were sealed for this place.
var errChanged = errors.New("sealed bytes were changed")

// sealer seals what a row of an upload holds.
type sealer struct{ aead tink.AEAD }

// fileKey is the key of one upload's bytes.
type fileKey struct {
	upload uuid.UUID
	secret []byte
}

func newFileKey(upload uuid.UUID) fileKey {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails
	return fileKey{upload: upload, secret: secret}
}

func boundTo(what string, upload uuid.UUID) []byte { return append([]byte(what+"\x00"), upload[:]...) }

func (s sealer) sealKey(k fileKey) ([]byte, error) {
	return s.aead.Encrypt(k.secret, boundTo("key", k.upload))
}

func (s sealer) openKey(upload uuid.UUID, sealed []byte) (fileKey, error) {
	secret, err := s.aead.Decrypt(sealed, boundTo("key", upload))
	if err != nil {
		return fileKey{}, contentDamaged(fmt.Errorf("open the key of %s: %w", upload, err))
	}
	return fileKey{upload: upload, secret: secret}, nil
}

func (s sealer) sealName(upload uuid.UUID, name string) ([]byte, error) {
	return s.aead.Encrypt([]byte(name), boundTo("name", upload))
}

// openName is the name of a file; empty for one that is gone, whose name is gone, too.
func (s sealer) openName(upload uuid.UUID, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	name, err := s.aead.Decrypt(sealed, boundTo("name", upload))
	if err != nil {
		return "", contentDamaged(fmt.Errorf("open the name of %s: %w", upload, err))
	}
	return string(name), nil
}

// place binds a part to its upload, its object and where it stands, so no part can be moved, exchanged or taken for another.
func (k fileKey) place(p part) []byte {
	bound := boundTo("part", k.upload)
	bound = append(bound, p.object[:]...)
	bound = binary.BigEndian.AppendUint64(bound, uint64(p.number))  //nolint:gosec // counts from zero
	return binary.BigEndian.AppendUint64(bound, uint64(p.position)) //nolint:gosec // counts from zero
}

// seal gives a writer whose Close ends the part.
func (k fileKey) seal(p part, into io.Writer) (io.WriteCloser, error) {
	aead, err := subtle.NewAESGCMHKDF(k.secret, "SHA256", keyBytes, segmentBytes, 0)
	if err != nil {
		return nil, fmt.Errorf("seal a part: %w", err)
	}
	return aead.NewEncryptingWriter(into, k.place(p))
}

// unseal reads a part. It gives only bytes that were sealed for this place; its errors are those of from, or errChanged.
func (k fileKey) unseal(p part, from io.Reader) (io.Reader, error) {
	aead, err := subtle.NewAESGCMHKDF(k.secret, "SHA256", keyBytes, segmentBytes, 0)
	if err != nil {
		return nil, fmt.Errorf("unseal a part: %w", err)
	}
	raw := &source{from: from}
	clear, err := aead.NewDecryptingReader(raw, k.place(p))
	if err != nil {
		return nil, raw.explain()
	}
	return unsealed{clear: clear, raw: raw}, nil
}

// source remembers why no more sealed bytes came.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// explain tells a bucket that failed from bytes that do not open.
func (s *source) explain() error {
	switch {
	case errors.Is(s.err, context.Canceled) || errors.Is(s.err, context.DeadlineExceeded):
		return s.err
	case s.err != nil:
		return storageUnavailable(s.err)
	default:
		return errChanged
	}
}

type unsealed struct {
	clear io.Reader
	raw   *source
}

func (u unsealed) Read(p []byte) (int, error) {
	n, err := u.clear.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = u.raw.explain()
	}
	return n, err
}
