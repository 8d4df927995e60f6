package hub

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// Interface says where the hub is and which form of its interface it speaks; base_url is required.
	Interface hubclient.Config `yaml:"interface"`
	// ClientID is this platform's client id at the hub. Required.
	ClientID string `yaml:"client_id"`
	// ClientSecretFile holds the client's secret. Required.
	ClientSecretFile config.SecretFile `yaml:"client_secret_file" env:"NARU_HUB_CLIENT_SECRET_FILE"`
	Token            TokenConfig       `yaml:"token"`
	Limits           LimitConfig       `yaml:"limits"`
	Breaker          BreakerConfig     `yaml:"breaker"`
	// Push is the door at which the hub pushes certificates.
	Push PushConfig `yaml:"push"`
}

// TokenConfig says when the access token is renewed, before the hub refuses it.
type TokenConfig struct {
	// RenewBefore is how long before its expiry a token is renewed, at most a quarter of its life; default 24h.
	RenewBefore config.Duration `yaml:"renew_before"`
	// CheckEvery is how often that is looked at; default 1m.
	CheckEvery config.Duration `yaml:"check_every"`
	// RetryAfter is the pause after a failed renewal; meanwhile calls fail unless the old token is still valid. Default 1s.
	RetryAfter config.Duration `yaml:"retry_after"`
	// Lease is how long one replica may take to renew; default 1m. It must be longer than two calls.
	Lease config.Duration `yaml:"lease"`
}

// LimitConfig bounds what this replica asks of the hub at a time.
type LimitConfig struct {
	// Concurrent calls; default 8.
	Concurrent int `yaml:"concurrent"`
	// ConcurrentBatches of circulations and read times among them, so that a big batch leaves room for addresses and
	// certificates; default 4.
	ConcurrentBatches int `yaml:"concurrent_batches"`
}

// BreakerConfig says when the hub counts as down.
type BreakerConfig struct {
	// Failures in a row, each a call with an unknown outcome, open the breaker; default 5.
	Failures int `yaml:"failures"`
	// OpenFor is how long no call is made then; after it a single call tries. Default 10s.
	OpenFor config.Duration `yaml:"open_for"`
}

// Default lacks the hub's address and the platform's credentials.
func Default() *Config {
	return &Config{
		Interface: hubclient.Default(),
		Token: TokenConfig{
			RenewBefore: config.Duration(24 * time.Hour), CheckEvery: config.Duration(time.Minute),
			RetryAfter: config.Duration(time.Second), Lease: config.Duration(time.Minute),
		},
		Limits:  LimitConfig{Concurrent: 8, ConcurrentBatches: 4},
		Breaker: BreakerConfig{Failures: 5, OpenFor: config.Duration(10 * time.Second)},
		Push:    PushConfig{Skew: config.Duration(5 * time.Minute), MaxBytes: 8 << 20, Concurrent: 4},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	p.Within("interface", c.Interface.Validate())
	p.Within("push", c.Push.Validate())
	if c.ClientID == "" {
		p.Add("client_id", "is required")
	}
	if c.ClientSecretFile.Value() == "" {
		p.Add("client_secret_file", "is required")
	}
	for _, d := range []struct {
		path  string
		value config.Duration
	}{
		{"token.renew_before", c.Token.RenewBefore},
		{"token.check_every", c.Token.CheckEvery},
		{"token.retry_after", c.Token.RetryAfter},
		{"breaker.open_for", c.Breaker.OpenFor},
	} {
		if d.value.Std() <= 0 {
			p.Add(d.path, "must be positive")
		}
	}
	if c.Token.Lease.Std() <= 2*c.Interface.AnswerTimeout.Std() {
		p.Add("token.lease", "must be longer than twice interface.answer_timeout")
	}
	if c.Limits.Concurrent < 1 {
		p.Add("limits.concurrent", "must be at least 1")
	}
	if c.Limits.ConcurrentBatches < 1 || c.Limits.ConcurrentBatches > c.Limits.Concurrent {
		p.Add("limits.concurrent_batches", "must be 1 to limits.concurrent")
	}
	if c.Breaker.Failures < 1 {
		p.Add("breaker.failures", "must be at least 1")
	}
	return p.Err()
}
