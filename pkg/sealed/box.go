package sealed

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
)

const (
	version    = 1
	headerSize = 1 + len(uuid.UUID{})

	// Overhead is by how many bytes a sealed value is longer than its text.
	Overhead = headerSize + 12 + 16
	// MaxPlaintext bounds what is sealed in one piece. Documents are encrypted elsewhere, in a stream.
	MaxPlaintext = 1 << 20
)

// Box seals and opens values. It is safe for concurrent use.
type Box struct {
	keys *Keyring
}

// Seal encrypts a value of the purpose, for which this unit must be the maker. It opens only for the same subject. The subject
// must not be empty and must not contain a zero byte.
func (b *Box) Seal(ctx context.Context, p Purpose, subject string, plaintext []byte) ([]byte, error) {
	if r, ours := b.keys.makes[p]; !ours || r.Index {
		return nil, fmt.Errorf("sealing: unit %s does not seal values of purpose %q", b.keys.unit, p)
	}
	if len(plaintext) > MaxPlaintext {
		return nil, fmt.Errorf("sealing %s: more than %d bytes", p, MaxPlaintext)
	}
	if subject == "" {
		return nil, fmt.Errorf("sealing %s: no subject", p)
	}
	key, err := b.keys.own(ctx, period{p, monthOf(b.keys.clock.Now())})
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", p, err)
	}
	body, err := key.aead.Encrypt(plaintext, associated(p, subject))
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", p, err)
	}
	out := make([]byte, 0, headerSize+len(body))
	out = append(out, version)
	out = append(out, key.id[:]...)
	return append(out, body...), nil
}

// Open decrypts a value of the purpose, of which this unit must be a reader. A value that is damaged, or was sealed for another
// purpose or subject, is a fault of kind Corrupt; a key nobody has is NotFound.
func (b *Box) Open(ctx context.Context, p Purpose, subject string, value []byte) ([]byte, error) {
	if !b.keys.reads(p) {
		return nil, fmt.Errorf("opening: unit %s does not open values of purpose %q", b.keys.unit, p)
	}
	keyID, body, err := split(value)
	if err != nil {
		return nil, b.keys.fault(fault.Corrupt, "SEALED_MALFORMED", "a sealed value has not the form of one", fault.Wrap(err))
	}
	key, err := b.keys.other(ctx, keyID, p)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", p, err)
	}
	if key.purpose != p {
		return nil, b.keys.fault(fault.Corrupt, "SEALED_MISPLACED", "a sealed value was sealed for another purpose")
	}
	plaintext, err := key.aead.Decrypt(body, associated(p, subject))
	if err != nil {
		return nil, b.keys.fault(fault.Corrupt, "SEALED_UNREADABLE", "a sealed value does not open for this purpose and subject", fault.Wrap(err))
	}
	return plaintext, nil
}

// split takes a sealed value apart.
// Unreadable reports whether Open failed for good: the value or its key is broken or gone, and asking again will not help.
func Unreadable(err error) bool {
	return err != nil && (errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound))
}

func split(value []byte) (uuid.UUID, []byte, error) {
	if len(value) < Overhead {
		return uuid.UUID{}, nil, fmt.Errorf("sealed value has only %d bytes", len(value))
	}
	if value[0] != version {
		return uuid.UUID{}, nil, fmt.Errorf("sealed value has version %d", value[0])
	}
	return uuid.UUID(value[1:headerSize]), value[headerSize:], nil
}

func associated(p Purpose, subject string) []byte {
	out := make([]byte, 0, len(p)+1+len(subject))
	out = append(out, p...)
	out = append(out, 0)
	return append(out, subject...)
}
