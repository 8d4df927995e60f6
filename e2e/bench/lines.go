package main

import (
	"math"
	"slices"
	"time"
)

// line is one line of the table: a figure and its bar.
type line struct {
	Name string `json:"name"`
	// Ratio is the figure in Unit: the ratio of the medians of measure and floor, or an absolute figure. Null if it was not
	// measured.
	Ratio *float64 `json:"ratio"`
	// Bar is what the figure must reach, or must not exceed if Less is true. Null if the figure is only reported.
	Bar  *float64 `json:"bar"`
	Less bool     `json:"lessIsBetter"`
	Met  *bool    `json:"met"`
	Unit string   `json:"unit"`
	// NotMeasured says why there is no figure.
	NotMeasured string `json:"notMeasured,omitempty"`
}

// Units of lines.
const (
	ofFloor = "of the floor's documents/s"
	ofEmpty = "of its ratio on an empty database"
	micros  = "µs a document"
)

// least, most and reported make a line without its figure: with a bar to reach, with a bar not to exceed, and without a bar.
func least(name string, bar float64, unit string) line {
	return line{Name: name, Bar: &bar, Unit: unit}
}

func most(name string, bar float64, unit string) line {
	return line{Name: name, Bar: &bar, Unit: unit, Less: true}
}

func reported(name, unit string) line { return line{Name: name, Unit: unit} }

// is sets the line's figure.
func (l line) is(figure float64) line {
	l.Ratio = &figure
	if l.Bar != nil {
		met := figure >= *l.Bar
		if l.Less {
			met = figure <= *l.Bar
		}
		l.Met = &met
	}
	return l
}

// not says why the line has no figure.
func (l line) not(why string) line {
	l.NotMeasured = why
	return l
}

// spread of the rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	values = slices.Sorted(slices.Values(values))
	return spread{Min: values[0], Median: rounded(median(values), 3), Max: values[len(values)-1]}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

func rounded(value float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(value*scale) / scale
}

// latency of calls, in milliseconds.
type latency struct {
	Calls int     `json:"calls"`
	P50   float64 `json:"p50Milliseconds"`
	P99   float64 `json:"p99Milliseconds"`
	Max   float64 `json:"maxMilliseconds"`
}

func latencyOf(took []time.Duration) latency {
	slices.Sort(took)
	return latency{Calls: len(took), P50: milliseconds(took, 0.5), P99: milliseconds(took, 0.99), Max: milliseconds(took, 1)}
}

// milliseconds is what a share of sorted durations does not exceed.
func milliseconds(sorted []time.Duration, share float64) float64 {
	i := max(0, int(math.Ceil(share*float64(len(sorted))))-1)
	return rounded(float64(sorted[i].Microseconds())/1e3, 2)
}
