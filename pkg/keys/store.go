package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Options of a Store.
type Options struct {
	// Create allows keys that do not exist to be made. Leave it false where keys are provisioned, so that a wrong folder is an
	// error and not a new set of keys under which nothing old can be read.
	Create bool
}

// Store keeps keys in files. It is safe for concurrent use, and several processes may share one folder: the first one makes a
// key, the others use that key.
type Store struct {
	dir     folder
	create  bool
	mu      sync.Mutex
	signers map[string]*fileSigner
	aeads   map[string]tink.AEAD
	macs    map[string]*MAC
	notes   map[string]*NoteKey
}

var _ Provider = (*Store)(nil)

// Open opens the folder dir, which it makes when Options.Create allows it. A folder others can write to is refused (ErrExposed).
func Open(dir string, opts Options) (*Store, error) {
	f, err := openFolder(dir, opts.Create)
	if err != nil {
		return nil, fmt.Errorf("opening key folder %s: %w", dir, err)
	}
	return &Store{
		dir: f, create: opts.Create,
		signers: make(map[string]*fileSigner), aeads: make(map[string]tink.AEAD), macs: make(map[string]*MAC), notes: make(map[string]*NoteKey),
	}, nil
}

// Signer gives the signing key of that name.
func (s *Store) Signer(ctx context.Context, name string) (Signer, error) {
	signer, err := load(ctx, s, s.signers, name, kind[*fileSigner]{suffix: ".signer.pem", make: newSignerFile, parse: parseSigner})
	if err != nil {
		return nil, fmt.Errorf("getting signing key %s: %w", name, err)
	}
	return signer, nil
}

// AEAD gives the key-encryption key of that name.
func (s *Store) AEAD(ctx context.Context, name string) (tink.AEAD, error) {
	primitive, err := load(ctx, s, s.aeads, name, kind[tink.AEAD]{suffix: ".aead.json", make: newKeysetFile, parse: parseKeyset})
	if err != nil {
		return nil, fmt.Errorf("getting encryption key %s: %w", name, err)
	}
	return primitive, nil
}

// MAC gives the MAC key of that name.
func (s *Store) MAC(ctx context.Context, name string) (*MAC, error) {
	mac, err := load(ctx, s, s.macs, name, kind[*MAC]{suffix: macSuffix, make: newMACFile, parse: parseMAC})
	if err != nil {
		return nil, fmt.Errorf("getting MAC key %s: %w", name, err)
	}
	return mac, nil
}

// MACNames lists the MAC keys whose names begin with prefix, sorted.
func (s *Store) MACNames(prefix string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(string(s.dir), prefix+"*"+macSuffix))
	if err != nil {
		return nil, fmt.Errorf("listing MAC keys %s…: %w", prefix, err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), macSuffix)
	}
	sort.Strings(names)
	return names, nil
}

// DestroyMAC removes a MAC key for good.
func (s *Store) DestroyMAC(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("destroying MAC key: %w", errName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.macs, name)
	if err := s.dir.remove(name + macSuffix); err != nil {
		return fmt.Errorf("destroying MAC key %s: %w", name, err)
	}
	return nil
}

// NoteSigner gives the Ed25519 key of that name that signs notes (C2SP signed-note) as owner. The owner is part of the key: its
// file says it, and a file of another owner is refused. An empty owner takes whose key it is.
func (s *Store) NoteSigner(ctx context.Context, name, owner string) (*NoteKey, error) {
	key, err := load(ctx, s, s.notes, name, kind[*NoteKey]{suffix: ".note", make: func() ([]byte, error) { return newNoteFile(owner) }, parse: parseNote})
	if err == nil && owner != "" && key.Owner != owner {
		err = fmt.Errorf("it is the key of %s", key.Owner)
	}
	if err != nil {
		return nil, fmt.Errorf("getting note key %s: %w", name, err)
	}
	return key, nil
}

// Remember keeps a small file beside the keys, where a role of the database cannot change it. It replaces what was there.
func (s *Store) Remember(name string, content []byte) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("remembering: %w", errName)
	}
	return s.dir.replace(name+rememberedSuffix, content)
}

// Remembered reads what Remember kept; ErrNotFound where there is nothing.
func (s *Store) Remembered(name string) ([]byte, error) {
	if !namePattern.MatchString(name) {
		return nil, fmt.Errorf("remembered: %w", errName)
	}
	return s.dir.read(name + rememberedSuffix)
}

// Rotate makes a new signing key under the name; the old one's public half stays published. Processes that hold the old key sign
// with it until they open the store again. Rotating needs Options.Create.
func (s *Store) Rotate(ctx context.Context, name string) (Signer, error) {
	if !s.create {
		return nil, fmt.Errorf("rotating signing key %s: making keys is not allowed", name)
	}
	old, err := s.Signer(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("rotating: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(old.Public())
	if err != nil {
		return nil, fmt.Errorf("rotating signing key %s: %w", name, err)
	}
	retired := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if err = s.dir.create(name+"."+old.KeyID()+publicSuffix, retired); err != nil {
		return nil, fmt.Errorf("rotating signing key %s: %w", name, err)
	}
	fresh, err := newSignerFile()
	if err != nil {
		return nil, fmt.Errorf("rotating signing key %s: %w", name, err)
	}
	if err = s.dir.replace(name+".signer.pem", fresh); err != nil {
		return nil, fmt.Errorf("rotating signing key %s: %w", name, err)
	}
	s.mu.Lock()
	delete(s.signers, name)
	s.mu.Unlock()
	return s.Signer(ctx, name)
}

const (
	publicSuffix     = ".public.pem"
	macSuffix        = ".mac"
	rememberedSuffix = ".kept"
)

// PublicKeys gives the public halves of all signing keys of that name, the current one first, then the retired by key id.
func (s *Store) PublicKeys(ctx context.Context, name string) ([]PublicKey, error) {
	current, err := s.Signer(ctx, name)
	if err != nil {
		return nil, err
	}
	public, ok := current.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("listing public keys of %s: not an ECDSA key", name)
	}
	list := []PublicKey{{Name: name, KeyID: current.KeyID(), Current: true, Key: public}}
	files, err := filepath.Glob(filepath.Join(string(s.dir), name+".*"+publicSuffix))
	if err != nil {
		return nil, fmt.Errorf("listing public keys of %s: %w", name, err)
	}
	sort.Strings(files)
	for _, file := range files {
		content, err := s.dir.read(filepath.Base(file))
		if err != nil {
			return nil, fmt.Errorf("listing public keys of %s: %w", name, err)
		}
		key, id, err := parsePublic(content)
		if err != nil {
			return nil, fmt.Errorf("listing public keys of %s: %s: %w", name, filepath.Base(file), err)
		}
		if id != current.KeyID() {
			list = append(list, PublicKey{Name: name, KeyID: id, Key: key})
		}
	}
	return list, nil
}

// kind says how one sort of key is kept in a file.
type kind[T any] struct {
	suffix string
	make   func() ([]byte, error)
	parse  func([]byte) (T, error)
}

var errName = errors.New("name is not 1-63 characters of a-z 0-9 -")

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// load gives a key from memory, else from its file, else makes it if that is allowed.
func load[T any](ctx context.Context, s *Store, cache map[string]T, name string, k kind[T]) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if !namePattern.MatchString(name) {
		return none, errName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := cache[name]; ok {
		return key, nil
	}
	file := name + k.suffix
	content, err := s.dir.read(file)
	if errors.Is(err, ErrNotFound) && s.create {
		content, err = s.makeFile(file, k.make)
	}
	if err != nil {
		return none, err
	}
	key, err := k.parse(content)
	if err != nil {
		return none, fmt.Errorf("reading %s: %w", file, err)
	}
	cache[name] = key
	return key, nil
}

// makeFile makes a key and reads back what is there: another process may have been first.
func (s *Store) makeFile(file string, fresh func() ([]byte, error)) ([]byte, error) {
	content, err := fresh()
	if err != nil {
		return nil, err
	}
	if err := s.dir.create(file, content); err != nil {
		return nil, err
	}
	return s.dir.read(file)
}

func newSignerFile() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parseSigner(content []byte) (*fileSigner, error) {
	block, rest := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errors.New("not one PKCS#8 PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		// The library's text is left out: it was made while looking at key bytes.
		return nil, errors.New("not a PKCS#8 key")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an ECDSA key")
	}
	id, err := KeyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &fileSigner{PrivateKey: key, id: id}, nil
}

func parsePublic(content []byte) (*ecdsa.PublicKey, string, error) {
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, "", errors.New("not a PKIX PEM block")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("not a PKIX key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, "", errors.New("not an ECDSA key")
	}
	id, err := KeyID(key)
	return key, id, err
}

func newKeysetFile() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("making a keyset: %w", err)
	}
	var b strings.Builder
	// The file is the protection, as with the signing keys; a key service takes this package's place where that is not enough.
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("encoding a keyset: %w", err)
	}
	return []byte(b.String()), nil
}

func parseKeyset(content []byte) (tink.AEAD, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(string(content))))
	if err != nil {
		return nil, errors.New("not a tink keyset")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("not a keyset for AEAD")
	}
	return primitive, nil
}

func newMACFile() ([]byte, error) {
	var key [macBytes]byte
	// crypto/rand.Read never returns an error (it ends the process instead).
	_, _ = rand.Read(key[:])
	return []byte(base64.StdEncoding.EncodeToString(key[:]) + "\n"), nil
}

func parseMAC(content []byte) (*MAC, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(key) != macBytes {
		return nil, errors.New("not 32 bytes in base64")
	}
	return &MAC{key: [macBytes]byte(key)}, nil
}
