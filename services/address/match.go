package address

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/text"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// matchKind says by what a description finds its recipient. It is stored; the numbers never change.
type matchKind int16

const (
	matchCI       matchKind = 1
	matchPerson   matchKind = 2
	matchBusiness matchKind = 3
	// matchAddress: an address of this platform.
	matchAddress matchKind = 4
	// matchForeign: an address of another platform; the request itself determines the outcome.
	matchForeign matchKind = 5
)

// match is a description made comparable.
type match struct {
	kind matchKind
	// key is 32 bytes: a blind index, or a digest of an own address; nil for matchForeign.
	key []byte
	// second is the key of the second index while it is written, else nil.
	second []byte
}

// errNoDescription is a description without exactly one kind.
var errNoDescription = errors.New("recipient description has not exactly one kind")

// matcher makes descriptions and identities comparable.
type matcher struct {
	platform string
	index    *sealed.Index
	// second says that the second column of the rotation is written too.
	second bool
}

// of makes the match of a sender's description.
func (m matcher) of(ctx context.Context, r *platformv1.RecipientIdentifier) (match, error) {
	if kinds(r) != 1 {
		return match{}, errNoDescription
	}
	switch {
	case r.PlatformAddress != nil:
		if !strings.EqualFold(r.GetPlatformAddress().GetPlatformId(), m.platform) {
			return match{kind: matchForeign}, nil
		}
		return match{kind: matchAddress, key: addressKey(r.GetPlatformAddress().GetAddress())}, nil
	case r.Ci != nil:
		return m.ci(ctx, r.GetCi())
	case r.Person != nil:
		p := r.GetPerson()
		return m.person(ctx, p.GetName(), p.GetBirthDate(), p.GetPhone())
	default:
		return m.business(ctx, r.GetBusinessNumber())
	}
}

func kinds(r *platformv1.RecipientIdentifier) int {
	n := 0
	for _, set := range []bool{r.PlatformAddress != nil, r.Ci != nil, r.Person != nil, r.BusinessNumber != nil} {
		if set {
			n++
		}
	}
	return n
}

func (m matcher) ci(ctx context.Context, ci string) (match, error) {
	return m.blind(ctx, matchCI, blindCI, blindCI2, ci)
}

func (m matcher) person(ctx context.Context, name, birthDate, phone string) (match, error) {
	return m.blind(ctx, matchPerson, blindPerson, blindPerson2,
		text.Fold(name), text.Digits(birthDate), text.Phone(phone))
}

func (m matcher) business(ctx context.Context, number string) (match, error) {
	return m.blind(ctx, matchBusiness, blindBusiness, blindBusiness2, text.Digits(number))
}

func (m matcher) blind(ctx context.Context, kind matchKind, first, second sealed.Purpose, parts ...string) (match, error) {
	key, err := m.index.Blind(ctx, first, parts...)
	if err != nil {
		return match{}, err
	}
	made := match{kind: kind, key: key}
	if m.second {
		if made.second, err = m.index.Blind(ctx, second, parts...); err != nil {
			return match{}, err
		}
	}
	return made, nil
}

// foldAddress is the form in which addresses are compared and kept: NFC, lower case (hub-interface 3.1: Latin letters are
// case-insensitive).
func foldAddress(address string) string { return strings.ToLower(norm.NFC.String(address)) }

// addressKey is the key by which documents find an own address. It is a digest because a sender may have typed anything there.
func addressKey(address string) []byte {
	sum := sha256.Sum256([]byte("naru.address.match\x00" + foldAddress(address)))
	return sum[:]
}

// lockBuckets bounds how many advisory locks exist at once, because the whole server shares its lock table. When two keys share a
// bucket, strangers only wait for each other.
const lockBuckets = 512

// buckets are the advisory locks of keys, sorted and without repetitions.
func buckets(keys ...[]byte) []int32 {
	var found []int32
	for _, key := range keys {
		if len(key) >= 4 {
			found = append(found, int32(binary.BigEndian.Uint32(key)%lockBuckets))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// person is what an identity provider proved (본인확인) and what the hub gets about a member. It is personal data and exists only in
// memory and sealed.
type person struct {
	CI        string `json:"ci"`
	Name      string `json:"name"`
	BirthDate string `json:"birthDate"`
	Phone     string `json:"phone"`
}

// normalised is the form that is kept and that the hub is told, so that another encoding of the same data is no change.
func (p person) normalised() person {
	name, _ := text.Line(p.Name) // the door of this RPC has brought it into its form
	return person{
		CI: p.CI, Name: strings.TrimSpace(name),
		BirthDate: text.Digits(p.BirthDate), Phone: text.Phone(p.Phone),
	}
}

// String hides the person from whatever prints values.
func (person) String() string { return "person" }

// GoString hides the person from %#v.
func (person) GoString() string { return "person" }
