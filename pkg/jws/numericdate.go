package jws

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// NumericDate is a time as tokens write it (RFC 7519 §2): a number of seconds since 1970 that may have a fraction. Microseconds
// are kept. A claim that is absent is the zero time.
type NumericDate struct{ time.Time }

// latestDate is the last second of the year 9999.
const latestDate = 253402300799

// UnmarshalJSON reads a JSON number.
func (d *NumericDate) UnmarshalJSON(raw []byte) error {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > latestDate {
		return errors.New("not a number of seconds since 1970")
	}
	whole, fraction := math.Modf(seconds)
	d.Time = time.Unix(int64(whole), int64(fraction*1e9)).Round(time.Microsecond).UTC()
	return nil
}
