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
	Lookup work.Calls `yaml:"lookup"`
	// Registration is the registering and withdrawing of addresses at the hub.
	Registration work.Calls `yaml:"registration"`
	// RefusalPatience is how long the hub is asked again about an address that it refused, from the first refusal on.
	RefusalPatience config.Duration `yaml:"refusal_patience"`
	// RefusalMaxBackoff is the longest pause meanwhile: each call sends an institution's papers again, and the hub unit keeps
	// them.
	RefusalMaxBackoff config.Duration `yaml:"refusal_max_backoff"`
	// CacheTTL is how long an answer of the hub is used for other documents to the same recipient. Members of this relay are
	// never cached.
	CacheTTL config.Duration `yaml:"cache_ttl"`
	// Recheck is how long a waiting document rests before its recipient is sought again, who may have joined another relay.
	Recheck config.Duration `yaml:"recheck"`
	// Harvesting bounds what senders learn of recipients they cannot reach (Act 18-6).
	Harvesting HarvestingConfig `yaml:"harvesting"`
	// WriteSecondIndex also writes the second blind index columns: the first step of a rotation of the index keys.
	WriteSecondIndex bool `yaml:"write_second_index"`
}

// HarvestingConfig is about fruitless outcomes, which say why a document cannot be delivered: no member, no consent, refused,
// ambiguous.
type HarvestingConfig struct {
	// FruitlessPerDay is for how many documents a day (KST) a sender learns such an outcome at once; for the others it learns it
	// at their send deadline.
	FruitlessPerDay int `yaml:"fruitless_per_day"`
	// AlarmRatio is the share of such outcomes, above 0 to 1, from which a sender is reported as conspicuous, if at least
	// AlarmFrom of its recipients were sought on that day.
	AlarmRatio float64 `yaml:"alarm_ratio"`
	AlarmFrom  int     `yaml:"alarm_from"`
}

var _ unit.Config = (*Config)(nil)

// Default is a configuration that runs.
func Default() *Config {
	call := work.Calls{
		Workers: 8, Interval: config.Duration(200 * time.Millisecond), Timeout: config.Duration(20 * time.Second),
		Lease: config.Duration(time.Minute), FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(5 * time.Minute),
	}
	c := &Config{
		Lookup: call, Registration: call, RefusalPatience: config.Duration(7 * 24 * time.Hour), RefusalMaxBackoff: config.Duration(6 * time.Hour),
		CacheTTL: config.Duration(time.Minute), Recheck: config.Duration(6 * time.Hour),
	}
	c.Harvesting = HarvestingConfig{FruitlessPerDay: 10_000, AlarmRatio: 0.5, AlarmFrom: 200}
	c.Registration.Workers = 4
	return c
}

// Validate reports every problem with its path.
func (c *Config) Validate() error {
	var p config.Problems
	p.Within("lookup", c.Lookup.Validate())
	p.Within("registration", c.Registration.Validate())
	if c.RefusalPatience < 0 {
		p.Add("refusal_patience", "must not be negative")
	}
	if c.RefusalMaxBackoff < c.Registration.FirstBackoff {
		p.Add("refusal_max_backoff", "must not be shorter than registration.first_backoff")
	}
	if c.CacheTTL < 0 || c.CacheTTL.Std() > time.Hour {
		p.Add("cache_ttl", "must be between 0s and 1h")
	}
	if c.Recheck.Std() < time.Minute {
		p.Add("recheck", "must be at least 1m")
	}
	p.Within("harvesting", c.Harvesting.validate())
	return p.Err()
}

func (c HarvestingConfig) validate() error {
	var p config.Problems
	if c.FruitlessPerDay < 1 {
		p.Add("fruitless_per_day", "must be at least 1")
	}
	if !(c.AlarmRatio > 0 && c.AlarmRatio <= 1) {
		p.Add("alarm_ratio", "must be above 0 and at most 1")
	}
	if c.AlarmFrom < 1 {
		p.Add("alarm_from", "must be at least 1")
	}
	return p.Err()
}
