package pades

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/tsp"
)

// Addition is what one revision added to a file that is otherwise as it was signed.
type Addition struct {
	// ValidationData: certificates, revocation lists or OCSP answers.
	ValidationData bool
	// TimeStamp is the time of a document time stamp over everything before it; zero for none.
	TimeStamp time.Time
}

// Additions examines every revision after the first signed one. All that they may add is validation data and document time stamps
// (EN 319 142-1: B-LT and B-LTA), each of which must hold; anything else, another signature, too, is an error.
func (d *Document) Additions(trust tsp.Trust, at time.Time) ([]Addition, error) {
	if d.file.Rest != nil {
		return nil, d.file.Rest
	}
	if len(d.file.later) == 0 {
		return nil, nil
	}
	h, err := d.history()
	if err != nil {
		return nil, err
	}
	var list []Addition
	for i, r := range d.file.later {
		one, err := d.file.addition(h.take(r), trust, at)
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", i+1, err)
		}
		list = append(list, one)
	}
	return list, nil
}

func (f *File) addition(j judged, trust tsp.Trust, at time.Time) (Addition, error) {
	one := Addition{ValidationData: j.ValidationData}
	switch {
	case len(j.Changes) > 0:
		return one, errors.New(strings.Join(j.Changes, "; "))
	case j.Signature:
		return one, errors.New("it adds another signature")
	case j.TimeStamp:
		token, err := tsp.Judge(j.added.value, sha256.Sum256(f.covered(j.added.seal)), trust, at)
		if err != nil {
			return one, err
		}
		one.TimeStamp = token.At
	}
	return one, nil
}
