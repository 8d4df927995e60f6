package address

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
)

// Config of the unit. The platform id is the relay's, not this unit's.
type Config struct {
	// Lookup is the search for recipients at the hub.
	Lookup CallConfig `yaml:"lookup"`
	// Registration is the registering and withdrawing of addresses at the hub.
	Registration CallConfig `yaml:"registration"`
	// CacheTTL is how long an answer of the hub serves other documents to the same recipient. Members of this relay are never cached.
	CacheTTL config.Duration `yaml:"cache_ttl"`
	// Recheck is how long a waiting document rests before its recipient is sought again: it may have joined another relay.
	Recheck config.Duration `yaml:"recheck"`
	// WriteSecondIndex also writes the second blind index columns: the first step of a rotation of the index keys.
	WriteSecondIndex bool `yaml:"write_second_index"`
}

// CallConfig bounds calls to the hub.
type CallConfig struct {
	// Workers is how many calls run at once in one replica, 1-64.
	Workers int `yaml:"workers"`
	// Interval is how often work is looked for.
	Interval config.Duration `yaml:"interval"`
	// Timeout of one call; shorter than Lease.
	Timeout config.Duration `yaml:"timeout"`
	// Lease is how long a claim holds when its replica dies.
	Lease config.Duration `yaml:"lease"`
	// FirstBackoff and MaxBackoff bound the waits between attempts, which double.
	FirstBackoff config.Duration `yaml:"first_backoff"`
	MaxBackoff   config.Duration `yaml:"max_backoff"`
}

var _ unit.Config = (*Config)(nil)

// Default is a configuration that runs.
func Default() *Config {
	call := CallConfig{
		Workers: 8, Interval: config.Duration(200 * time.Millisecond), Timeout: config.Duration(20 * time.Second),
		Lease: config.Duration(time.Minute), FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(5 * time.Minute),
	}
	c := &Config{Lookup: call, Registration: call, CacheTTL: config.Duration(time.Minute), Recheck: config.Duration(6 * time.Hour)}
	c.Registration.Workers = 4
	return c
}

// Validate reports every problem with its path.
func (c *Config) Validate() error {
	var p config.Problems
	p.Within("lookup", c.Lookup.validate())
	p.Within("registration", c.Registration.validate())
	if c.CacheTTL < 0 || c.CacheTTL.Std() > time.Hour {
		p.Add("cache_ttl", "must be between 0s and 1h")
	}
	if c.Recheck.Std() < time.Minute {
		p.Add("recheck", "must be at least 1m")
	}
	return p.Err()
}

func (c CallConfig) validate() error {
	var p config.Problems
	if c.Workers < 1 || c.Workers > 64 {
		p.Add("workers", "must be between 1 and 64")
	}
	if c.Interval.Std() < time.Millisecond {
		p.Add("interval", "must be at least 1ms")
	}
	if c.Timeout <= 0 {
		p.Add("timeout", "must be above 0s")
	}
	if c.Lease <= c.Timeout {
		p.Add("lease", "must be longer than timeout")
	}
	if c.FirstBackoff <= 0 {
		p.Add("first_backoff", "must be above 0s")
	}
	if c.MaxBackoff < c.FirstBackoff {
		p.Add("max_backoff", "must not be shorter than first_backoff")
	}
	return p.Err()
}

func (c CallConfig) backoff() work.Backoff {
	return work.Backoff{First: c.FirstBackoff.Std(), Max: c.MaxBackoff.Std()}
}
