package distcert

import (
	"cmp"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Update is what one revision after the signed one added (ETSI EN 319 142-1: PAdES B-LT and B-LTA). Validation data is kept for
// later readers and not used here.
type Update pades.Addition

// String is the update in words that are stable.
func (u Update) String() string {
	var words []string
	if u.ValidationData {
		words = append(words, "validation_data")
	}
	if !u.TimeStamp.IsZero() {
		words = append(words, "time_stamp "+u.TimeStamp.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

// forTimeStamps is whose time stamps may be added.
func (o Options) forTimeStamps() tsp.Trust {
	return tsp.Trust{Roots: cmp.Or(o.TimeStampRoots, o.Roots), Cache: o.Cache, Revocations: o.Revocations}
}
