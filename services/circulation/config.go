package circulation

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config of the circulation unit.
type Config struct {
	Calls Calls `yaml:"calls"`
	Queue Queue `yaml:"queue"`
}

// Calls is how the hub is called.
type Calls struct {
	// Batch is the greatest number of items of one call; the hub takes at most 500 (hub-interface 4.1).
	Batch int `yaml:"batch"`
	// Concurrency is how many batches of registrations, and how many of read times, are under way at once.
	Concurrency int `yaml:"concurrency"`
	// Interval is how often to look for work nobody announced.
	Interval config.Duration `yaml:"interval"`
	// Timeout of one call to the hub unit.
	Timeout config.Duration `yaml:"timeout"`
	// BatchTimeout bounds one batch, with all the calls that halving it needs.
	BatchTimeout config.Duration `yaml:"batch_timeout"`
	// FirstWait is the wait after a first attempt without an answer; it doubles up to MaxWait.
	FirstWait config.Duration `yaml:"first_wait"`
	MaxWait   config.Duration `yaml:"max_wait"`
	// Pause is how long the hub unit is left alone after a call without an answer.
	Pause config.Duration `yaml:"pause"`
	// Patience is how long an answer that the hub may change is retried before a person must look at it.
	Patience config.Duration `yaml:"patience"`
	// Confirmers is how many addresses are confirmed at once.
	Confirmers int `yaml:"confirmers"`
	// MaxOffenders bounds how many items of a refused batch are blamed for the refusal. A hub that refuses everything has a
	// problem of its own, so the rest is sent again later.
	MaxOffenders int `yaml:"max_offenders"`
}

// Queue is what waits for a person.
type Queue struct {
	// AlarmAfter is the age at which something in the queue raises the alarm.
	AlarmAfter config.Duration `yaml:"alarm_after"`
}

// hubBatch is the most the hub takes in one call.
const hubBatch = 500

// Default is a runnable configuration.
func Default() *Config {
	return &Config{
		Calls: Calls{
			Batch: hubBatch, Concurrency: 2, Interval: config.Duration(time.Second), Timeout: config.Duration(25 * time.Second),
			BatchTimeout: config.Duration(time.Minute), FirstWait: config.Duration(time.Second), MaxWait: config.Duration(10 * time.Minute),
			Pause: config.Duration(2 * time.Second), Patience: config.Duration(7 * 24 * time.Hour), Confirmers: 4, MaxOffenders: 10,
		},
		Queue: Queue{AlarmAfter: config.Duration(24 * time.Hour)},
	}
}

// Validate reports every problem.
func (c *Config) Validate() error {
	var p config.Problems
	if c.Calls.Batch < 1 || c.Calls.Batch > hubBatch {
		p.Add("calls.batch", "must be 1 to %d", hubBatch)
	}
	for _, positive := range []struct {
		path  string
		value int64
	}{
		{"calls.concurrency", int64(c.Calls.Concurrency)}, {"calls.interval", int64(c.Calls.Interval)}, {"calls.timeout", int64(c.Calls.Timeout)},
		{"calls.first_wait", int64(c.Calls.FirstWait)}, {"calls.pause", int64(c.Calls.Pause)},
		{"calls.patience", int64(c.Calls.Patience)}, {"calls.confirmers", int64(c.Calls.Confirmers)},
		{"calls.max_offenders", int64(c.Calls.MaxOffenders)}, {"queue.alarm_after", int64(c.Queue.AlarmAfter)},
	} {
		if positive.value <= 0 {
			p.Add(positive.path, "must be above zero")
		}
	}
	if c.Calls.BatchTimeout < c.Calls.Timeout {
		p.Add("calls.batch_timeout", "must not be shorter than calls.timeout")
	}
	if c.Calls.MaxWait < c.Calls.FirstWait {
		p.Add("calls.max_wait", "must not be shorter than calls.first_wait")
	}
	return p.Err()
}
