package delivery

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config of the delivery unit.
type Config struct {
	Notice     Notice     `yaml:"notice"`
	Invitation Invitation `yaml:"invitation"`
	// DeadlineInterval is how often passed send deadlines are looked for.
	DeadlineInterval config.Duration `yaml:"deadline_interval"`
}

// Hook is where the operator's own messaging takes what recipients are to be told.
type Hook struct {
	// URL takes a POST for each round of notices, or for each invitation.
	URL string `yaml:"url"`
	// AllowPrivate lets the URL lead to an address that is not public: of this machine, of its link, of a private network.
	AllowPrivate bool `yaml:"allow_private"`
	// SecretFile holds the Standard Webhooks secret (whsec_ and base64 of 24 to 64 bytes) that signs what is posted.
	SecretFile config.SecretFile `yaml:"secret_file"`
}

// Notice is how recipients are told that a document arrived. If its URL is empty, no notices are given.
type Notice struct {
	Hook `yaml:",inline"`
	// Confirm is the address of this relay's page that confirms notices; number and code follow it. It may be left out.
	Confirm string `yaml:"confirm"`
	// Attempts after which a notice is given up, about a day at the default backoff.
	Attempts int `yaml:"attempts"`
	// Workers that call the URL at once.
	Workers int `yaml:"workers"`
	// Timeout of a call, at most 30 s.
	Timeout config.Duration `yaml:"timeout"`
	// RemindBefore is how long before its viewing deadline a document that was not read is told of once more; 0 for never.
	RemindBefore config.Duration `yaml:"remind_before"`
}

// Bounds of a notice key (Standard Webhooks).
const (
	keyPrefix = "whsec_"
	minKey    = 24
	maxKey    = 64
)

// maxNoticeTimeout is less than a round may run (roundTime).
const maxNoticeTimeout = 30 * time.Second

var errKey = errors.New("is no Standard Webhooks secret")

// key reads the secret.
func (h Hook) key() ([]byte, error) {
	encoded, ok := strings.CutPrefix(string(h.SecretFile.Value()), keyPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, errKey
	}
	return key, nil
}

// Default is a runnable configuration without notices.
func Default() *Config {
	return &Config{
		Notice:           Notice{Attempts: 300, Workers: 16, Timeout: config.Duration(10 * time.Second)},
		Invitation:       defaultInvitation(),
		DeadlineInterval: config.Duration(time.Second),
	}
}

// Validate reports every problem.
func (c *Config) Validate() error {
	var p config.Problems
	if c.DeadlineInterval <= 0 {
		p.Add("deadline_interval", "must be above zero")
	}
	c.Invitation.validate(&p)
	if c.Notice.URL == "" {
		return p.Err()
	}
	c.Notice.validate(&p, "notice")
	if _, ok := webURL(c.Notice.Confirm); c.Notice.Confirm != "" && !ok {
		p.Add("notice.confirm", "must be an http or https URL")
	}
	if c.Notice.RemindBefore < 0 {
		p.Add("notice.remind_before", "must not be below zero")
	}
	if c.Notice.Attempts < 1 || c.Notice.Workers < 1 || c.Notice.Timeout <= 0 {
		p.Add("notice", "attempts, workers and timeout must be above zero")
	}
	if c.Notice.Timeout.Std() > maxNoticeTimeout {
		p.Add("notice.timeout", "must be at most %s", maxNoticeTimeout)
	}
	return p.Err()
}

// validate reports what is wrong with where the hook is and how it is signed; field is where it is configured.
func (h Hook) validate(p *config.Problems, field string) {
	u, ok := webURL(h.URL)
	switch {
	case !ok:
		p.Add(field+".url", "must be an http or https URL")
	case !h.AllowPrivate && isPrivate(u.Hostname()):
		p.Add(field+".url", "leads to an address that is not public; %s.allow_private allows that", field)
	}
	if _, err := h.key(); err != nil {
		p.Add(field+".secret_file", "must name a file with whsec_ and base64 of %d to %d bytes", minKey, maxKey)
	}
}

// webURL reads a URL of http or https; false for anything else.
func webURL(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	return u, err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
