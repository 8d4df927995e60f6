package sealed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/sync/singleflight"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// keyBytes is the length of every data key: AES-256, and as much for HMAC-SHA-256.
const keyBytes = 32

// fetchTimeout bounds finding or making one key. It does not end with the call that needed the key first, because other calls
// wait for the same key.
const fetchTimeout = 10 * time.Second

// Key is a data key as its maker gives it to a reader.
type Key struct {
	Purpose Purpose
	// Bytes are 32.
	Bytes []byte
	// Ends is when the key is destroyed, at the maker and at each reader; zero for one that is kept.
	Ends time.Time
}

// KeySource asks a purpose's maker for a key: a fault of kind NotFound or Denied when it has none for this unit. The answer is
// trusted because its channel is: mutual TLS between units.
type KeySource func(ctx context.Context, maker string, keyID uuid.UUID) (Key, error)

// Deps of a Keyring.
type Deps struct {
	// Unit is the name of the unit.
	Unit string
	// Makes says of each purpose whose keys this unit makes who may open values; Opens are those of other units that it opens.
	Makes []Rule
	Opens []Purpose
	// DB is the unit's pool, with sealed_key in its schema. Keys are written outside the caller's transaction: a key must stay
	// even if the work that needed it first is rolled back.
	DB *pgxpool.Pool
	// KEK wraps the data keys, e.g. from keys.Store.AEAD. It MUST be the same for all replicas of the unit.
	KEK tink.AEAD
	// Clock says which month it is.
	Clock clock.Clock
	// Source gives keys made by other units; nil for a unit that reads nothing of others.
	Source KeySource
}

// Keyring finds, makes and keeps the data keys of one unit. Box and Index use it. It is safe for concurrent use.
type Keyring struct {
	unit   string
	store  store
	kek    tink.AEAD
	clock  clock.Clock
	source KeySource
	makes  map[Purpose]Rule
	opens  []Purpose
	flight singleflight.Group

	mu   sync.RWMutex
	byID map[uuid.UUID]*dataKey
	made map[period]*dataKey
}

// dataKey is an unwrapped key.
type dataKey struct {
	id      uuid.UUID
	purpose Purpose
	here    bool
	bytes   []byte
	// ends is zero for a key that is kept.
	ends time.Time
	// aead is nil for index keys.
	aead *subtle.AESGCM
}

// period identifies a key that this unit makes.
type period struct {
	purpose Purpose
	month   time.Time
}

// New makes a keyring.
func New(deps Deps) (*Keyring, error) {
	if deps.DB == nil {
		return nil, errors.New("making a keyring: a database is required")
	}
	return newKeyring(deps, pgStore{db: deps.DB})
}

func newKeyring(deps Deps, s store) (*Keyring, error) {
	if deps.Unit == "" || deps.KEK == nil || deps.Clock == nil {
		return nil, errors.New("making a keyring: unit, key-encryption key and clock are required")
	}
	if err := Check(deps.Unit, deps.Makes, deps.Opens); err != nil {
		return nil, fmt.Errorf("making a keyring: %w", err)
	}
	makes := make(map[Purpose]Rule)
	for _, r := range deps.Makes {
		makes[r.Purpose] = r
	}
	return &Keyring{
		unit: deps.Unit, makes: makes, opens: deps.Opens, store: s, kek: deps.KEK, clock: deps.Clock, source: deps.Source,
		byID: make(map[uuid.UUID]*dataKey), made: make(map[period]*dataKey),
	}, nil
}

// Box seals and opens values.
func (k *Keyring) Box() *Box { return &Box{keys: k} }

// Index makes blind indexes.
func (k *Keyring) Index() *Index { return &Index{keys: k} }

// Prepare makes sure that every key this unit makes exists and is in memory, for this month and the next.
func (k *Keyring) Prepare(ctx context.Context) error {
	now := k.clock.Now()
	var errs []error
	for _, r := range k.makes {
		months := []time.Time{monthOf(now), monthOf(now).AddDate(0, 1, 0)}
		if r.Index {
			months = []time.Time{{}}
		}
		for _, month := range months {
			_, err := k.own(ctx, period{r.Purpose, month})
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("preparing sealed keys: %w", err)
	}
	return nil
}

// Forget destroys the keys whose time is over by expiry, in the table and in memory. Sealed values stay, but nobody can open
// them. It returns how many rows it deleted; another replica may have been first.
func (k *Keyring) Forget(ctx context.Context, expiry time.Time) (int, error) {
	gone, err := k.store.forget(ctx, expiry)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// Keys with an end are read from the table again: another replica may have deleted the row.
	ends := func(key *dataKey) bool { return !key.ends.IsZero() }
	maps.DeleteFunc(k.byID, func(_ uuid.UUID, key *dataKey) bool { return ends(key) })
	maps.DeleteFunc(k.made, func(_ period, key *dataKey) bool { return ends(key) })
	return len(gone), nil
}

// Task prepares and forgets at once and then every hour. What has had its time by expiry is forgotten. It calls report with each
// outcome, also with a nil error.
func (k *Keyring) Task(expiry func(ctx context.Context) (time.Time, error), report func(ctx context.Context, forgotten int, err error)) lifecycle.Task {
	return lifecycle.Every("sealed keys", time.Hour, func(ctx context.Context) {
		err := k.Prepare(ctx)
		forgotten := 0
		at, forgetErr := expiry(ctx)
		if forgetErr == nil {
			forgotten, forgetErr = k.Forget(ctx, at)
		}
		report(ctx, forgotten, errors.Join(err, forgetErr))
	})
}

// Export gives a key that this unit made to a unit that may open what it sealed. reader is the proven identity of the calling
// unit. The fault is NotFound for a key not made here and Denied for a reader that the purpose's rule does not name. Index keys
// are never exported.
func (k *Keyring) Export(ctx context.Context, keyID uuid.UUID, reader string) (Key, error) {
	key, err := k.stored(ctx, keyID)
	if err != nil {
		return Key{}, fmt.Errorf("exporting sealed key %s: %w", keyID, err)
	}
	if key == nil || !key.here {
		return Key{}, k.fault(fault.NotFound, "KEY_NOT_FOUND", "this unit did not make that key")
	}
	if !k.makes[key.purpose].readBy(reader) {
		return Key{}, k.fault(fault.Denied, "KEY_READER_DENIED", "the calling unit may not have keys of that purpose")
	}
	return Key{Purpose: key.purpose, Bytes: slices.Clone(key.bytes), Ends: key.ends}, nil
}

// monthOf is the first day of t's month in UTC.
func monthOf(t time.Time) time.Time {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// own returns the key this unit makes for a period, and makes it if it does not exist.
func (k *Keyring) own(ctx context.Context, p period) (*dataKey, error) {
	k.mu.RLock()
	key := k.made[p]
	k.mu.RUnlock()
	if key != nil {
		return key, nil
	}
	return k.once(ctx, "own "+string(p.purpose)+p.month.Format(time.DateOnly), func(ctx context.Context) (*dataKey, error) {
		key, err := k.findOrMake(ctx, p)
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.made[p], k.byID[key.id] = key, key
		return key, nil
	})
}

func (k *Keyring) findOrMake(ctx context.Context, p period) (*dataKey, error) {
	r, found, err := k.store.made(ctx, p.purpose, p.month)
	if err == nil && !found {
		fresh := make([]byte, keyBytes)
		// crypto/rand.Read never returns an error (it ends the process instead).
		_, _ = rand.Read(fresh)
		mine := row{id: id.New(), purpose: p.purpose, month: p.month, madeHere: true, ends: k.makes[p.purpose].endOf(p.month)}
		if err = k.keep(ctx, mine, fresh); err != nil {
			return nil, err
		}
		// Another replica may have been first: the stored key counts, not the one made here.
		r, found, err = k.store.made(ctx, p.purpose, p.month)
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("sealed key for %s is not there after it was made", p.purpose)
	default:
		return k.unwrap(r)
	}
}

// other gives the key with which a value was sealed, by its id: from memory, else the table, else the unit that made it.
func (k *Keyring) other(ctx context.Context, keyID uuid.UUID, want Purpose) (*dataKey, error) {
	k.mu.RLock()
	key := k.byID[keyID]
	k.mu.RUnlock()
	if key != nil {
		return key, nil
	}
	// The purpose is part of the name, so that a caller who asks with the wrong purpose fails alone.
	return k.once(ctx, "id "+keyID.String()+string(want), func(ctx context.Context) (*dataKey, error) {
		key, err := k.stored(ctx, keyID)
		if err != nil || key != nil {
			return key, err
		}
		return k.fetch(ctx, keyID, want)
	})
}

// stored gives a key this unit holds, nil when it does not.
func (k *Keyring) stored(ctx context.Context, keyID uuid.UUID) (*dataKey, error) {
	k.mu.RLock()
	key := k.byID[keyID]
	k.mu.RUnlock()
	if key != nil {
		return key, nil
	}
	r, found, err := k.store.byID(ctx, keyID)
	if err != nil || !found {
		return nil, err
	}
	key, err = k.unwrap(r)
	if err != nil {
		return nil, err
	}
	return k.hold(key), nil
}

// fetch asks the maker and keeps the answer.
func (k *Keyring) fetch(ctx context.Context, keyID uuid.UUID, want Purpose) (*dataKey, error) {
	if k.source == nil || want.Maker() == k.unit {
		return nil, k.fault(fault.NotFound, "KEY_NOT_FOUND", "the key of a sealed value does not exist")
	}
	given, err := k.source(ctx, want.Maker(), keyID)
	if err != nil {
		return nil, fmt.Errorf("asking for sealed key %s: %w", keyID, err)
	}
	// A key under another purpose is not kept: a caller who asks with a wrong purpose must not decide for the others.
	if given.Purpose != want || len(given.Bytes) != keyBytes {
		return nil, k.fault(fault.Corrupt, "KEY_MISMATCH", "the key given for a sealed value is not one for its purpose")
	}
	r := row{id: keyID, purpose: want, ends: given.Ends}
	if err = k.keep(ctx, r, given.Bytes); err != nil {
		return nil, err
	}
	key, err := k.newDataKey(r, given.Bytes)
	if err != nil {
		return nil, err
	}
	return k.hold(key), nil
}

// reads reports whether this unit opens values of p.
func (k *Keyring) reads(p Purpose) bool {
	return slices.Contains(k.opens, p) || k.makes[p].readBy(k.unit)
}

// hold keeps a key in memory.
func (k *Keyring) hold(key *dataKey) *dataKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[key.id] = key
	return key
}

// keep wraps a key and stores it.
func (k *Keyring) keep(ctx context.Context, r row, bytes []byte) error {
	wrapped, err := k.kek.Encrypt(bytes, wrapContext(r.id, r.purpose))
	if err != nil {
		return fmt.Errorf("wrapping sealed key %s: %w", r.id, err)
	}
	r.wrapped, r.created = wrapped, k.clock.Now()
	return k.store.insert(ctx, r)
}

func (k *Keyring) unwrap(r row) (*dataKey, error) {
	bytes, err := k.kek.Decrypt(r.wrapped, wrapContext(r.id, r.purpose))
	if err != nil {
		return nil, k.fault(fault.Corrupt, "KEY_UNREADABLE", "a stored key cannot be unwrapped", fault.Wrap(err))
	}
	return k.newDataKey(r, bytes)
}

// wrapContext binds a wrapped key to its row, so that rows cannot be exchanged.
func wrapContext(keyID uuid.UUID, p Purpose) []byte {
	return []byte("sealed_key\x00" + keyID.String() + "\x00" + string(p))
}

func (k *Keyring) newDataKey(r row, bytes []byte) (*dataKey, error) {
	key := &dataKey{id: r.id, purpose: r.purpose, here: r.madeHere, bytes: bytes, ends: r.ends}
	if len(bytes) != keyBytes {
		return nil, fmt.Errorf("sealed key %s has %d bytes", r.id, len(bytes))
	}
	if k.makes[r.purpose].Index {
		return key, nil
	}
	var err error
	if key.aead, err = subtle.NewAESGCM(bytes); err != nil {
		return nil, fmt.Errorf("using sealed key %s: %w", r.id, err)
	}
	return key, nil
}

// once runs f once for all who want the same key now. f gets a context of its own, so that the others get the key even if the
// first caller gives up.
func (k *Keyring) once(ctx context.Context, what string, f func(ctx context.Context) (*dataKey, error)) (*dataKey, error) {
	result := k.flight.DoChan(what, func() (any, error) {
		apart, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		return f(apart)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		key, ok := r.Val.(*dataKey)
		if r.Err == nil && !ok {
			return nil, errors.New("sealed key: unexpected result")
		}
		return key, r.Err
	}
}

func (k *Keyring) fault(kind fault.Kind, r fault.Word, message string, opts ...fault.Option) *fault.Error {
	return fault.New(kind, k.unit, r, message, opts...)
}
