package bundle

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/mirror"
)

// read the keys of the units of relays. Several relays may be among them: the name of a key says whose it is.
func (c LogsConfig) read() (logproof.Logs, error) {
	all, err := mirror.ReadKeysIn(c.Folder)
	if err != nil {
		return nil, err
	}
	var outside []string
	for _, file := range c.Witnesses {
		keys, err := mirror.ReadWitnessKeys(file)
		if err != nil {
			return nil, err
		}
		outside = append(outside, keys...)
	}
	if err := apart(all, outside); err != nil {
		return nil, err
	}
	required := cmp.Or(c.Required, len(outside))
	if required > len(outside) {
		return nil, errors.New("more witnesses are required than there are keys of")
	}
	trusted := logproof.Logs{}
	for _, keys := range all {
		of := slices.DeleteFunc(slices.Clone(all), func(k mirror.Keys) bool { return k.Relay() != keys.Relay() })
		trusted[keys.Owner()] = logproof.Keys{Log: keys.Log, Witnesses: mirror.Witnesses(of, keys.Unit), Outside: outside, Required: required}
	}
	return trusted, nil
}

// apart refuses keys that stand for two: a unit's two keys are in its name, no unit is there twice, and no key is another unit's,
// too, which would be its own witness.
func apart(all []mirror.Keys, outside []string) error {
	owners := map[string]string{} // of keys
	seen := map[string]bool{}
	for _, k := range all {
		if seen[k.Owner()] {
			return errors.New("two files hold the keys of one unit")
		}
		seen[k.Owner()] = true
		for _, verifier := range []string{k.Log, k.Cosigner} {
			name, key, ok := cutKey(verifier)
			if !ok || name != k.Owner() {
				return errors.New("a unit's keys are not in its name")
			}
			if other, known := owners[key]; known && other != name {
				return errors.New("two units have one key")
			}
			owners[key] = name
		}
	}
	for _, verifier := range outside {
		name, key, ok := cutKey(verifier)
		if _, known := owners[key]; known || !ok {
			return errors.New("a witness outside of the relay has no key of its own")
		}
		owners[key] = name
	}
	return nil
}

// cutKey takes a verifier key apart: name+hash+Base64 of a type's byte and the key (golang.org/x/mod/sumdb/note).
func cutKey(verifier string) (name, key string, ok bool) {
	parts := strings.SplitN(verifier, "+", 3)
	if len(parts) != 3 {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) < 2 {
		return "", "", false
	}
	return parts[0], string(raw[1:]), true
}
