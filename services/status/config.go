package status

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config of the status unit.
type Config struct {
	Lookup Lookup `yaml:"lookup"`
	// ListScan bounds how many documents are read for one page of a list filtered by state. A page may then be short or empty
	// although more pages follow.
	ListScan int `yaml:"list_scan"`
}

// Lookup is how intake is asked about documents that are not known here yet.
type Lookup struct {
	// Timeout of one question.
	Timeout config.Duration `yaml:"timeout"`
	// Concurrency is how many questions of one call run at once.
	Concurrency int `yaml:"concurrency"`
}

// minScan is the largest page.
const minScan = 1000

// Default is a runnable configuration.
func Default() *Config {
	return &Config{Lookup: Lookup{Timeout: config.Duration(2 * time.Second), Concurrency: 8}, ListScan: 20_000}
}

// Validate reports every problem.
func (c *Config) Validate() error {
	var p config.Problems
	if c.Lookup.Timeout <= 0 {
		p.Add("lookup.timeout", "must be above zero")
	}
	if c.Lookup.Concurrency < 1 {
		p.Add("lookup.concurrency", "must be above zero")
	}
	if c.ListScan < minScan {
		p.Add("list_scan", "must be at least %d", minScan)
	}
	return p.Err()
}
