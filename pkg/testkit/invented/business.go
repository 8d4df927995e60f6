// Package invented makes values for tests that have the form of real ones and belong to nobody.
package invented

import (
	"fmt"
	"math/rand/v2"
)

// BusinessNumber adds the check digit to the first nine digits of a business registration number. It is written apart from
// pkg/text, which it tests.
func BusinessNumber(nine int) string {
	first := fmt.Sprintf("%09d", nine%1_000_000_000)
	sum := 0
	for i, weight := range []int{1, 3, 7, 1, 3, 7, 1, 3, 5} {
		product := int(first[i]-'0') * weight
		if i == 8 {
			sum += product / 10
		}
		sum += product
	}
	return fmt.Sprintf("%s%d", first, (1000-sum)%10)
}

// AnyBusinessNumber is one that hardly any other test has.
func AnyBusinessNumber() string { return BusinessNumber(rand.IntN(1_000_000_000)) } //nolint:gosec // invented
