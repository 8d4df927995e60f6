package gateway

import (
	"net"
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/origin"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// REST and GRPC are the public doors.
	REST DoorConfig `yaml:"rest"`
	GRPC DoorConfig `yaml:"grpc"`
	// PublicURL is the root under which callers know the REST door, e.g. https://relay.example; client assertions name
	// <public_url>/oauth2/token as their audience. Required.
	PublicURL string `yaml:"public_url" env:"NARU_GATEWAY_PUBLIC_URL"`
	// BootstrapAdminFile is where an operator's credentials are written (JSON, rights 0600) when nobody can operate the relay,
	// or when there is a file of this name with .recover after it. Empty: none is made. It should be moved to a safe place and
	// erased.
	BootstrapAdminFile string `yaml:"bootstrap_admin_file" env:"NARU_GATEWAY_BOOTSTRAP_ADMIN_FILE"`
	// TokenLife of access tokens; default 15m, at most 1h.
	TokenLife config.Duration `yaml:"token_life"`
	// CallTimeout is how long a call may take, including the arrival of its message; default 30s, at most 30s.
	CallTimeout config.Duration `yaml:"call_timeout"`
	Quota       QuotaConfig     `yaml:"quota"`
	Limits      LimitsConfig    `yaml:"limits"`
	Streams     StreamsConfig   `yaml:"streams"`
	// TrustedProxies are networks (CIDR) of proxies in front whose X-Forwarded-For is trusted.
	TrustedProxies []string `yaml:"trusted_proxies"`
}

// DoorConfig is one listener.
type DoorConfig struct {
	// Listen is the address, e.g. ":8443"; empty closes the door.
	Listen string `yaml:"listen"`
	// CertificateFile and KeyFile (PEM) make it TLS 1.2 or later. If both are empty it is plain, for a proxy in front of it.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	KeyFile         string `yaml:"key_file" reads:"file"`
}

// QuotaConfig bounds what one principal may ask of this replica.
type QuotaConfig struct {
	// RequestsPerSecond of all kinds, and how many may come at once; default 200 and 400.
	RequestsPerSecond float64 `yaml:"requests_per_second"`
	RequestsBurst     int     `yaml:"requests_burst"`
	// BatchItemsPerSecond of batches, and how many may come at once (at least a whole batch of 1,000); default 2000 and 10000.
	BatchItemsPerSecond float64 `yaml:"batch_items_per_second"`
	BatchItemsBurst     int     `yaml:"batch_items_burst"`
	// TokensPerSecond and TokensBurst bound the token endpoint per client; default 5 and 20.
	TokensPerSecond float64 `yaml:"tokens_per_second"`
	TokensBurst     int     `yaml:"tokens_burst"`
	// MissesPerSecond and MissesBurst bound, per network address, the calls that come to nothing: without a token or with a
	// wrong one, to what is not there, and refused requests for tokens; default 10 and 200. Calls that are right are never
	// refused for them.
	MissesPerSecond float64 `yaml:"misses_per_second"`
	MissesBurst     int     `yaml:"misses_burst"`
	// FailuresPerSecond and FailuresBurst bound the refused requests for tokens of one client per network address; default 0.2
	// and 10.
	FailuresPerSecond float64 `yaml:"failures_per_second"`
	FailuresBurst     int     `yaml:"failures_burst"`
	// OpenPerSecond and OpenBurst bound what needs no token (log-ins, keys, limits) per network address; default 50 and 500.
	OpenPerSecond float64 `yaml:"open_per_second"`
	OpenBurst     int     `yaml:"open_burst"`
}

// LimitsConfig bounds what callers may cost this replica before anybody knows who they are.
type LimitsConfig struct {
	// BytesInFlight bounds the bytes of requests held at one time at both doors; default 64 MiB, at least 1 MiB.
	BytesInFlight int64 `yaml:"bytes_in_flight"`
	// BytesInFlightPerAddress is how many of them one network address may hold; default 32 MiB.
	BytesInFlightPerAddress int64 `yaml:"bytes_in_flight_per_address"`
	// Wait is how long a request waits for room before it is refused with OVERLOADED; default 2s.
	Wait config.Duration `yaml:"wait"`
	// FirstByte is how long the first byte of an announced message may take; default 5s. The whole has until call_timeout.
	FirstByte config.Duration `yaml:"first_byte"`
	// Connections at one door at one time, and those of one network address; default 2000 and 500.
	Connections           int `yaml:"connections"`
	ConnectionsPerAddress int `yaml:"connections_per_address"`
}

// StreamsConfig bounds the files that are streamed through the doors.
type StreamsConfig struct {
	// Still is how long a stream may stand still, no message of it coming or going; default 30s, at most 1m.
	Still config.Duration `yaml:"still"`
	// Longest is how long a stream may take in all; default 1h, at most 1h.
	Longest config.Duration `yaml:"longest"`
	// AtOnce are the streams at both doors at one time, AtOncePerAddress those of one network address; default 200 and 50.
	AtOnce           int `yaml:"at_once"`
	AtOncePerAddress int `yaml:"at_once_per_address"`
}

// Default listens on 8080 (REST) and 9090 (gRPC) without TLS; public_url is required.
func Default() *Config {
	return &Config{
		REST: DoorConfig{Listen: ":8080"}, GRPC: DoorConfig{Listen: ":9090"},
		TokenLife: config.Duration(15 * time.Minute), CallTimeout: config.Duration(30 * time.Second),
		Quota: QuotaConfig{
			RequestsPerSecond: 200, RequestsBurst: 400, BatchItemsPerSecond: 2000, BatchItemsBurst: 10_000, TokensPerSecond: 5, TokensBurst: 20,
			OpenPerSecond: 50, OpenBurst: 500, MissesPerSecond: 10, MissesBurst: 200, FailuresPerSecond: 0.2, FailuresBurst: 10,
		},
		Limits: LimitsConfig{
			BytesInFlight: 64 << 20, BytesInFlightPerAddress: 32 << 20, Wait: config.Duration(2 * time.Second), FirstByte: config.Duration(5 * time.Second),
			Connections: 2000, ConnectionsPerAddress: 500,
		},
		Streams: StreamsConfig{Still: config.Duration(30 * time.Second), Longest: config.Duration(time.Hour), AtOnce: 200, AtOncePerAddress: 50},
	}
}

// Validate reports every problem.
func (c *Config) Validate() error {
	var problems config.Problems
	problems.Within("rest", c.REST.validate())
	problems.Within("grpc", c.GRPC.validate())
	if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		problems.Add("public_url", "wants scheme and host of the REST door, without a path")
	}
	between(&problems, "token_life", c.TokenLife, time.Minute, time.Hour)
	between(&problems, "call_timeout", c.CallTimeout, time.Second, 30*time.Second)
	for path, rate := range map[string]float64{
		"quota.requests_per_second": c.Quota.RequestsPerSecond, "quota.batch_items_per_second": c.Quota.BatchItemsPerSecond, "quota.tokens_per_second": c.Quota.TokensPerSecond,
		"quota.open_per_second": c.Quota.OpenPerSecond, "quota.misses_per_second": c.Quota.MissesPerSecond, "quota.failures_per_second": c.Quota.FailuresPerSecond,
	} {
		if rate <= 0 {
			problems.Add(path, "must be positive")
		}
	}
	if _, err := origin.Parse(c.TrustedProxies); err != nil {
		problems.Add("trusted_proxies", "wants networks such as 10.0.0.0/8")
	}
	if min(c.Quota.RequestsBurst, c.Quota.TokensBurst, c.Quota.OpenBurst, c.Quota.MissesBurst, c.Quota.FailuresBurst) < 1 {
		problems.Add("quota", "bursts must be positive")
	}
	if c.Quota.BatchItemsBurst < maxBatchItems {
		problems.Add("quota.batch_items_burst", "must hold a whole batch of %d", maxBatchItems)
	}
	problems.Within("limits", c.Limits.validate())
	problems.Within("streams", c.Streams.validate())
	return problems.Err()
}

func (l LimitsConfig) validate() error {
	var problems config.Problems
	if l.BytesInFlight < 1<<20 {
		problems.Add("bytes_in_flight", "must be at least 1 MiB")
	}
	if l.BytesInFlightPerAddress < 1<<20 || l.BytesInFlightPerAddress > l.BytesInFlight {
		problems.Add("bytes_in_flight_per_address", "must be between 1 MiB and bytes_in_flight")
	}
	between(&problems, "wait", l.Wait, 0, 30*time.Second)
	between(&problems, "first_byte", l.FirstByte, 100*time.Millisecond, 30*time.Second)
	if l.ConnectionsPerAddress < 1 || l.ConnectionsPerAddress > l.Connections {
		problems.Add("connections_per_address", "must be between 1 and connections")
	}
	return problems.Err()
}

func (s StreamsConfig) validate() error {
	var problems config.Problems
	between(&problems, "still", s.Still, 100*time.Millisecond, time.Minute)
	between(&problems, "longest", s.Longest, time.Second, time.Hour)
	if s.AtOncePerAddress < 1 || s.AtOncePerAddress > s.AtOnce {
		problems.Add("at_once_per_address", "must be between 1 and at_once")
	}
	return problems.Err()
}

func (d DoorConfig) validate() error {
	var problems config.Problems
	if d.Listen != "" {
		if _, _, err := net.SplitHostPort(d.Listen); err != nil {
			problems.Add("listen", "wants host:port")
		}
	}
	if (d.CertificateFile == "") != (d.KeyFile == "") {
		problems.Add("certificate_file", "and key_file are given together")
	}
	return problems.Err()
}

func between(problems *config.Problems, path string, d config.Duration, low, high time.Duration) {
	if d.Std() < low || d.Std() > high {
		problems.Add(path, "must be between %s and %s", low, high)
	}
}
