// Package page cuts lists into pages. A page token is the position of the last item before the page, as JSON in base64url. It
// gives access only to what its caller may list, so it needs no protection.
package page

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// DefaultSize is the number of items of a page if the caller sets none.
const DefaultSize = 50

// Size is how many items a page has.
func Size(asked int32) int { return cmp.Or(int(asked), DefaultSize) }

// After reads the position in a token; beginning is returned for the empty token, and invalid is the error for other text.
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

// Cut cuts the found items (up to size plus one) to one page, and returns the token of the next page; none if this is the last.
// place returns the position of an item.
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
