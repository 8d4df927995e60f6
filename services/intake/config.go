package intake

import (
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/id"
)

// Bounds that are part of the contract, so they are not configurable.
const (
	maxBatchItems = 1000
	maxBatchBytes = 16 << 20
	// A group of one commit; a frame holds no more.
	maxGroupRows  = frame.MaxEvents
	maxGroupBytes = 4 << 20
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// Code is the management code (관리코드) of this relay in edoc numbers: ten of A-Z a-z 0-9.
	Code string `yaml:"code"`
	// Archive says whose registration certificates are accepted, and how they are read.
	Archive archivecert.Config `yaml:"archive"`
	// Writers of each lane commit groups at the same time; default 2. More than two were not faster.
	Writers int `yaml:"writers"`
	// Queue bounds what waits for a writer.
	Queue Queue `yaml:"queue"`
	// Release paces the items of batches.
	Release Release `yaml:"release"`
	// Limits of deadlines.
	Limits Limits `yaml:"limits"`
	// Authorisation bounds what agents ask senders for.
	Authorisation Authorisation `yaml:"authorisation"`
}

// Authorisation bounds what agents ask senders for.
type Authorisation struct {
	// Life of an authorisation from its request on, 1 minute to 7 days; default 24 hours.
	Life config.Duration `yaml:"life"`
	// PerAgent is how many of one agent may wait for their senders; default 1,000.
	PerAgent int `yaml:"per_agent"`
}

// Queue bounds the rows that wait, single items and batches each. A tenant may fill half of it.
type Queue struct {
	// Rows, at least 2,000 so that a batch fits in a tenant's half; default 8,192.
	Rows int `yaml:"rows"`
	// Bytes, at least 64 MiB for the same reason; default 64 MiB.
	Bytes int `yaml:"bytes"`
}

// Release says how fast accepted items of batches are published.
type Release struct {
	// ItemsPerSecond of one replica, in turns between senders; default 20,000; 0 is unlimited.
	ItemsPerSecond int `yaml:"items_per_second"`
}

// Limits of deadlines, counted from acceptance.
type Limits struct {
	// SendDeadline is the default, 30 days, SendDeadlineMax the farthest, 90 days.
	SendDeadline    config.Duration `yaml:"send_deadline"`
	SendDeadlineMax config.Duration `yaml:"send_deadline_max"`
	// ViewingDeadline is the default, 30 days, ViewingDeadlineMax the farthest, 400 days.
	ViewingDeadline    config.Duration `yaml:"viewing_deadline"`
	ViewingDeadlineMax config.Duration `yaml:"viewing_deadline_max"`
}

const day = 24 * time.Hour

// Default returns a configuration that lacks only whose certificates are accepted.
func Default() *Config {
	return &Config{
		Code: "NARU000001", Writers: 2,
		Queue:   Queue{Rows: 8192, Bytes: 64 << 20},
		Release: Release{ItemsPerSecond: 20000},
		Limits: Limits{
			SendDeadline: config.Duration(30 * day), SendDeadlineMax: config.Duration(90 * day),
			ViewingDeadline: config.Duration(30 * day), ViewingDeadlineMax: config.Duration(400 * day),
		},
		Authorisation: Authorisation{Life: config.Duration(day), PerAgent: 1000},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	if !id.ValidCode(c.Code) {
		p.Add("code", "must be ten of A-Z a-z 0-9")
	}
	p.Within("archive", c.Archive.Validate())
	if c.Writers < 1 || c.Writers > 8 {
		p.Add("writers", "must be between 1 and 8")
	}
	if c.Queue.Rows < 2*maxBatchItems {
		p.Add("queue.rows", "must be at least %d", 2*maxBatchItems)
	}
	if c.Queue.Bytes < 4*maxBatchBytes {
		p.Add("queue.bytes", "must be at least %d", 4*maxBatchBytes)
	}
	if c.Release.ItemsPerSecond < 0 {
		p.Add("release.items_per_second", "must not be negative")
	}
	p.Within("limits", c.Limits.validate())
	if life := c.Authorisation.Life.Std(); life < time.Minute || life > authorisationLifeMost {
		p.Add("authorisation.life", "must be between 1m and %s", authorisationLifeMost)
	}
	if c.Authorisation.PerAgent < 1 {
		p.Add("authorisation.per_agent", "must be at least 1")
	}
	return p.Err()
}

func (l Limits) validate() error {
	var p config.Problems
	for _, pair := range []struct {
		name           string
		standard, most config.Duration
		// the keys of recipients' descriptions are destroyed after this time
		kept time.Duration
	}{{"send_deadline", l.SendDeadline, l.SendDeadlineMax, sendDeadlineMost}, {"viewing_deadline", l.ViewingDeadline, l.ViewingDeadlineMax, viewingDeadlineMost}} {
		if pair.standard.Std() < time.Minute || pair.standard > pair.most {
			p.Add(pair.name, "must be between 1m and %s_max", pair.name)
		}
		if pair.most.Std() > pair.kept {
			p.Add(pair.name+"_max", "must be at most %s", pair.kept)
		}
	}
	return p.Err()
}
