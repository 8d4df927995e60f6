// Package page cuts lists into pages. A page token is the place of the last item before it, as JSON in base64url: it opens nothing but
// what its caller may list, so it needs no protection.
package page

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// DefaultSize is how many items a page has where the caller does not say.
const DefaultSize = 50

// Size is how many items a page has.
func Size(asked int32) int { return cmp.Or(int(asked), DefaultSize) }

// After reads the place a token names; beginning is that of the empty token, and invalid the error for what is no token.
func After[P comparable](token string, beginning P, invalid error) (P, error) {
	if token == "" {
		return beginning, nil
	}
	var place, none P
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(raw, &place) != nil || place == none {
		return none, invalid
	}
	return place, nil
}

// Cut takes what was found, of which one more than size was asked for, down to one page, and gives the token of the next; none when
// this is the last. place is where the list goes on after an item.
func Cut[T, P any](found []T, size int, place func(last T) P) (items []T, next string, err error) {
	if len(found) <= size {
		return found, "", nil
	}
	raw, err := json.Marshal(place(found[size-1]))
	if err != nil {
		return nil, "", fmt.Errorf("write page token: %w", err)
	}
	return found[:size], base64.RawURLEncoding.EncodeToString(raw), nil
}
