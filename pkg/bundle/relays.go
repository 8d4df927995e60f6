package bundle

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/keys"
)

// RelayConfig names the keys with which a relay signs receipts and extracts of viewing logs.
type RelayConfig struct {
	// Name is what reports call the relay. Required.
	Name string `yaml:"name"`
	// Keys are files with JSON Web Key Sets (RFC 7517) as the relay publishes them: /.well-known/naru/intake/jwks.json for
	// receipts, /.well-known/naru/viewing/jwks.json for viewing logs. Each key counts for what its naru_purpose says, and for
	// nothing else. At least one file.
	Keys []string `yaml:"keys" reads:"file"`
	// Ended are keys that do not count for anything that states a later time; default none.
	Ended []EndedKeyConfig `yaml:"ended"`
}

// EndedKeyConfig is a key that was retired or lost.
type EndedKeyConfig struct {
	// Key is its id (kid).
	Key string `yaml:"key"`
	// At is when it ended, RFC 3339.
	At time.Time `yaml:"at"`
}

// maxKeySet bounds a file with keys.
const maxKeySet = 64 << 10

func (c RelayConfig) validate() error {
	var p config.Problems
	if c.Name == "" {
		p.Add("name", "is required")
	}
	if len(c.Keys) == 0 {
		p.Add("keys", "must name at least one file")
	}
	for i, ended := range c.Ended {
		if ended.Key == "" || ended.At.IsZero() {
			p.Add(fmt.Sprintf("ended[%d]", i), "must have key and at")
		}
	}
	return p.Err()
}

// Relay is a relay whose receipts and extracts are believed.
type Relay struct {
	// Name is what reports call it.
	Name string
	// Keys by purpose (keys.Receipt, keys.ViewingLog) and id.
	Keys map[string]map[string]*ecdsa.PublicKey
	// Ended says when keys ended, by their ids.
	Ended map[string]time.Time
}

// ofRelays are the purposes of keys that sign what is verified here.
func ofRelays() []string { return []string{keys.Receipt, keys.ViewingLog} }

// relay reads the files that the settings name.
func (c RelayConfig) relay() (Relay, error) {
	r := Relay{Name: c.Name, Keys: map[string]map[string]*ecdsa.PublicKey{}, Ended: map[string]time.Time{}}
	for _, ended := range c.Ended {
		r.Ended[ended.Key] = ended.At
	}
	found := false
	for _, file := range c.Keys {
		raw, err := readKeySet(file)
		if err != nil {
			return Relay{}, err
		}
		for _, purpose := range ofRelays() {
			published, err := authn.ParseKeySet(raw, purpose)
			if err != nil {
				return Relay{}, fmt.Errorf("%s: %w", file, err)
			}
			for id, key := range published {
				if of, err := keys.KeyID(key); err != nil || of != id {
					return Relay{}, fmt.Errorf("%s: the id of a key is not its thumbprint", file)
				}
				if r.Keys[purpose] == nil {
					r.Keys[purpose] = map[string]*ecdsa.PublicKey{}
				}
				r.Keys[purpose][id], found = key, true
			}
		}
	}
	if !found {
		return Relay{}, errors.New("no file holds a key for receipts or viewing logs")
	}
	return r, nil
}

func readKeySet(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeySet {
		return nil, fmt.Errorf("%s is too large for a key set", file)
	}
	return os.ReadFile(file) //nolint:gosec // the verifier's own settings name it
}

// relayKeys are the trusted keys of a purpose by their ids, with whose each of them is. Two relays with one id have one key: ids
// are thumbprints, and a set that says otherwise is refused when it is read.
func (t *Trust) relayKeys(purpose string) (published map[string]*ecdsa.PublicKey, of map[string]Relay) {
	published, of = map[string]*ecdsa.PublicKey{}, map[string]Relay{}
	for _, relay := range t.Relays {
		for id, key := range relay.Keys[purpose] {
			published[id], of[id] = key, relay
		}
	}
	return published, of
}
