package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
)

var (
	// ErrForged is a frame that its producer did not make.
	ErrForged = errors.New("frame was not made by its unit")
	// ErrKeyUnknown is returned for a frame whose key cannot be got now.
	ErrKeyUnknown = errors.New("key of the frame is not known")
	// ErrKeyDestroyed is returned for a frame whose producer has recorded that it destroyed the key.
	ErrKeyDestroyed = errors.New("key of the frame was destroyed")
)

// Names in the key folder: a frame key is frame-2026-11, the record of a destroyed one is destroyed-frame-2026-11-0123456789ab.
const (
	keyPrefix       = "frame-"
	destroyedPrefix = "destroyed-frame-"
)

// Keys authenticate a unit's own frames. There is one key per month. A key never leaves the process and its key folder. Each
// reader gets another key, derived for it, so no reader can forge frames for another reader.
type Keys struct {
	store *keys.Store
	clock clock.Clock

	mu      sync.Mutex
	byID    map[string]*keyset
	current *keyset
	month   string
}

// keyset is a month's key and the keys derived from it for readers.
type keyset struct {
	id   string
	root *keys.MAC
	own  *keys.MAC

	mu      sync.Mutex
	readers map[string]*keys.MAC
}

// NewKeys takes the frame keys of a key folder.
func NewKeys(store *keys.Store, c clock.Clock) *Keys {
	return &Keys{store: store, clock: c, byID: map[string]*keyset{}}
}

// now returns the key of this month. Where keys are provisioned, it is the newest key there is.
func (k *Keys) now(ctx context.Context) (*keyset, error) {
	month := k.clock.Now().UTC().Format("2006-01")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current != nil && k.month == month {
		return k.current, nil
	}
	name := keyPrefix + month
	set, err := k.load(ctx, name)
	if errors.Is(err, keys.ErrNotFound) {
		names, listErr := k.store.MACNames(keyPrefix)
		if listErr != nil || len(names) == 0 {
			return nil, errors.Join(err, listErr)
		}
		set, err = k.load(ctx, names[len(names)-1])
	}
	if err != nil {
		return nil, fmt.Errorf("get frame key: %w", err)
	}
	k.current, k.month = set, month
	return set, nil
}

// load reads a key by its name. A part of the id depends on the key itself, so another key under the same name counts as unknown.
func (k *Keys) load(ctx context.Context, name string) (*keyset, error) {
	root, err := k.store.MAC(ctx, name)
	if err != nil {
		return nil, err
	}
	check := sha256.Sum256(root.Derive("id"))
	set := &keyset{id: monthOf(name) + "." + hex.EncodeToString(check[:6]), root: root, readers: map[string]*keys.MAC{}}
	if set.own, err = keys.MACOf(root.Derive("own")); err != nil {
		return nil, err
	}
	k.byID[set.id] = set
	return set, nil
}

// monthOf is the month in the name of a frame key.
func monthOf(name string) string {
	month := strings.TrimPrefix(name, keyPrefix)
	return month[:min(len(month), len("2006-01"))]
}

func (k *Keys) byKeyID(ctx context.Context, keyID string) (*keyset, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if set := k.byID[keyID]; set != nil {
		return set, nil
	}
	month, _, _ := strings.Cut(keyID, ".")
	if _, err := time.Parse("2006-01", month); err != nil {
		return nil, ErrKeyUnknown
	}
	names, err := k.store.MACNames(keyPrefix + month)
	if err != nil {
		return nil, fmt.Errorf("get frame key %s: %w", keyID, err)
	}
	// There is more than one if each replica had a key folder of its own and an operator has added the other's key.
	for _, name := range names {
		if set, err := k.load(ctx, name); err != nil || set.id == keyID {
			return set, err
		}
	}
	if gone, err := k.store.Remembered(destroyedPrefix + strings.ReplaceAll(keyID, ".", "-")); err == nil && string(gone) == keyID {
		return nil, ErrKeyDestroyed
	}
	return nil, ErrKeyUnknown
}

// reader gives the key that the unit and one reader share.
func (s *keyset) reader(name string) (*keys.MAC, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mac := s.readers[name]; mac != nil {
		return mac, nil
	}
	mac, err := keys.MACOf(s.root.Derive("reader:" + name))
	if err != nil {
		return nil, err
	}
	s.readers[name] = mac
	return mac, nil
}

// Check reports whether a header is the unit's own: nil, ErrForged, ErrKeyDestroyed, or ErrKeyUnknown.
func (k *Keys) Check(ctx context.Context, h frame.Header, mac []byte) error {
	set, err := k.byKeyID(ctx, h.KeyID)
	if err != nil {
		return err
	}
	if !set.own.Equal(mac, h.Bytes()) {
		return ErrForged
	}
	return nil
}

// Seal gives the frames of a commit their places, the time and the MAC.
func (k *Keys) Seal(ctx context.Context, unit string, commit uuid.UUID, frames []frame.Frame) ([]Sealed, error) {
	if len(frames) > frame.MaxPlaces {
		return nil, fmt.Errorf("a commit stated more than %d frames", frame.MaxPlaces)
	}
	key, err := k.now(ctx)
	if err != nil {
		return nil, err
	}
	made := make([]Sealed, len(frames))
	for i, f := range frames {
		f = f.At(commit, uint16(i+1))
		f.Unit, f.KeyID, f.RecordedAt = unit, key.id, k.clock.Now()
		made[i] = Sealed{Frame: f, MAC: key.own.Sum(f.Bytes())}
	}
	return made, nil
}

// ownTagBytes is short to keep message ids short; nobody can try all values.
const ownTagBytes = 12

// Tags returns what readers check a frame by, and the tag that makes the message's id unguessable.
func (k *Keys) Tags(ctx context.Context, h frame.Header, readers []string) (map[string][]byte, error) {
	set, err := k.byKeyID(ctx, h.KeyID)
	if err != nil {
		return nil, err
	}
	header := h.Bytes()
	tags := make(map[string][]byte, len(readers)+1)
	tags[frame.OwnTag] = set.own.Sum([]byte("message id"), header)[:ownTagBytes]
	for _, reader := range readers {
		mac, err := set.reader(reader)
		if err != nil {
			return nil, fmt.Errorf("derive key of reader %s: %w", reader, err)
		}
		tags[reader] = mac.Sum(header)
	}
	return tags, nil
}

// Export returns the key by which a reader checks frames. The caller has verified who the reader is.
func (k *Keys) Export(ctx context.Context, keyID, reader string) ([]byte, error) {
	set, err := k.byKeyID(ctx, keyID)
	if err != nil {
		return nil, err
	}
	return set.root.Derive("reader:" + reader), nil
}

// keyLife is how long a frame key is kept after its month: longer than frames are published again.
const keyLife = Republished + 10*24*time.Hour

// DestroyOld removes the keys of months that ended longer ago than frames are published again, unless a frame of that month still
// waits: oldest is the time of the oldest frame without a leaf or unpublished, zero for none. What has had its time by expiry may
// go. It returns the names of the removed keys.
func (k *Keys) DestroyOld(ctx context.Context, expiry, oldest time.Time) ([]string, error) {
	names, err := k.store.MACNames(keyPrefix)
	if err != nil {
		return nil, err
	}
	var gone []string
	for i, name := range names {
		month, err := time.Parse("2006-01", monthOf(name))
		end := month.AddDate(0, 1, 0)
		if err != nil || i == len(names)-1 || expiry.Before(end.Add(keyLife)) || !oldest.IsZero() && oldest.Before(end) {
			continue
		}
		if err := k.destroy(ctx, name); err != nil {
			return gone, err
		}
		gone = append(gone, name)
	}
	return gone, nil
}

// destroy removes a key for good and keeps a record of it, so that who asks for the key does not wait for it to appear.
func (k *Keys) destroy(ctx context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	set, err := k.load(ctx, name)
	if err != nil {
		return err
	}
	if err := k.store.Remember(destroyedPrefix+strings.ReplaceAll(set.id, ".", "-"), []byte(set.id)); err != nil {
		return fmt.Errorf("record that %s is destroyed: %w", name, err)
	}
	delete(k.byID, set.id)
	return k.store.DestroyMAC(name)
}

// OldestWaiting is the time of the oldest frame without a leaf or unpublished, zero for none: its key is still needed.
func OldestWaiting(ctx context.Context, db pg.DBTX) (time.Time, error) {
	const oldest = `
		select coalesce(min(recorded_at), 'epoch')
		from   journal
		where  frame_id in (
		         (select frame_id from journal_mark where leaf is null and refused is null order by frame_id limit 1)
		         union all
		         (select frame_id from journal_mark where published_at is null and lane > 0 and refused is null order by frame_id limit 1))`
	at, err := pg.Value[time.Time](ctx, db, "look for the oldest frame that waits", oldest)
	if err != nil || at.Unix() == 0 {
		return time.Time{}, err
	}
	return at, nil
}

// KeySource asks a producing unit for a reader's key. With ErrKeyDestroyed the producer says that the key was destroyed.
type KeySource func(ctx context.Context, producer, keyID string) ([]byte, error)

// ReaderKeys check the frames that one unit reads. They are held in memory only.
type ReaderKeys struct {
	source KeySource
	asking singleflight.Group
	mu     sync.RWMutex
	known  map[string]*keys.MAC
}

// NewReaderKeys returns ReaderKeys that ask source for keys they do not know yet.
func NewReaderKeys(source KeySource) *ReaderKeys {
	return &ReaderKeys{source: source, known: map[string]*keys.MAC{}}
}

// askTimeout bounds a request for a key; the frame waits meanwhile.
const askTimeout = 3 * time.Second

// Check verifies that a frame was made by its producer and for this reader: nil, ErrForged, ErrKeyDestroyed, or ErrKeyUnknown
// when the producer cannot be asked now.
func (r *ReaderKeys) Check(ctx context.Context, h frame.Header, tag []byte) error {
	producer := h.Kind.Unit()
	name := producer + "/" + h.KeyID
	r.mu.RLock()
	mac := r.known[name]
	r.mu.RUnlock()
	if mac == nil {
		answer, err, _ := r.asking.Do(name, func() (any, error) { return r.ask(ctx, producer, h.KeyID, name) })
		if err != nil {
			return err
		}
		mac, _ = answer.(*keys.MAC)
	}
	if !mac.Equal(tag, h.Bytes()) {
		return ErrForged
	}
	return nil
}

func (r *ReaderKeys) ask(ctx context.Context, producer, keyID, name string) (*keys.MAC, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	key, err := r.source(ctx, producer, keyID)
	if errors.Is(err, ErrKeyDestroyed) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyUnknown, err)
	}
	mac, err := keys.MACOf(key)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[name] = mac
	return mac, nil
}
