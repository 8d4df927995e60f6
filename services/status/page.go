package status

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/id"
)

// summer is a keyed hash (keys.MAC).
type summer interface {
	Sum(parts ...[]byte) []byte
}

// pages makes and reads page tokens. A token is bound to its caller and query, and cannot be made up or used elsewhere.
type pages struct {
	key summer
}

const (
	pageMACBytes  = 16
	pageTimeBytes = 8
)

// token encodes a position in a query: base64url of a truncated MAC, the time in microseconds, and the number.
func (p pages) token(q query, at place) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(at.acceptedAt.UnixMicro())) //nolint:gosec // after 1970
	body = append(body, at.number...)
	return base64.RawURLEncoding.EncodeToString(append(p.mac(q, body), body...))
}

// parse reads a token; the empty one is the beginning.
func (p pages) parse(q query, token string) (place, error) {
	if token == "" {
		return place{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < pageMACBytes+pageTimeBytes {
		return place{}, pageTokenInvalid()
	}
	mac, body := raw[:pageMACBytes], raw[pageMACBytes:]
	if !hmac.Equal(mac, p.mac(q, body)) {
		return place{}, pageTokenInvalid()
	}
	number, err := id.ParseEdocNumber(string(body[pageTimeBytes:]))
	if err != nil {
		return place{}, pageTokenInvalid()
	}
	micros := int64(binary.BigEndian.Uint64(body)) //nolint:gosec // made by token
	return place{acceptedAt: time.UnixMicro(micros).UTC(), number: string(number)}, nil
}

func (p pages) mac(q query, body []byte) []byte {
	states := slices.Clone(q.states)
	slices.Sort(states)
	var of []byte
	for _, s := range slices.Compact(states) {
		of = append(of, byte(s)) //nolint:gosec // an enum of twelve
	}
	var order []byte
	if q.newestFirst {
		order = []byte{1}
	}
	return p.key.Sum(q.viewer.id[:], moment(q.from), moment(q.until), []byte(q.ownKey), []byte(q.batch), order, of, body)[:pageMACBytes]
}

// moment is the form in which a time goes into a token's MAC; empty for an open bound.
func moment(t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro())) //nolint:gosec // only compared with itself
}
