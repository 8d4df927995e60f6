package unit

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/witness"
)

// Process is the part of the configuration that every unit's process has: where the other units are and what this relay is
// called. One file serves all units of a machine; the secrets of each unit are in a folder of its own.
type Process struct {
	// PlatformID is this relay's platform id at the hub (중계자플랫폼ID), 1-25 characters.
	PlatformID string `yaml:"platform_id" env:"NARU_PLATFORM_ID"`
	// SecretsDir holds <unit>/database_url, <unit>/owner_url (only where this process migrates and keeps partitions) and
	// <unit>/bus_password, and bus_admin_password for -migrate.
	SecretsDir string `yaml:"secrets_dir" env:"NARU_SECRETS_DIR"`
	// DatabaseConns is the size of a unit's connection pool.
	DatabaseConns int32 `yaml:"database_conns"`
	// DatabasePooled says that database_url leads through PgBouncer in transaction mode; owner_url never may.
	DatabasePooled bool             `yaml:"database_pooled"`
	Bus            ProcessBus       `yaml:"bus"`
	Keys           ProcessKeys      `yaml:"keys"`
	Clock          ProcessClock     `yaml:"clock"`
	Network        rpc.TLSConfig    `yaml:"network"`
	Witnesses      ProcessWitnesses `yaml:"witnesses"`
	TimeStamps     ProcessStamps    `yaml:"time_stamps"`
	Telemetry      ProcessTelemetry `yaml:"telemetry"`
	// OpsListen is the address of /livez, /readyz and /metrics; empty for none. ${unit} is not replaced here: set it for each
	// process.
	OpsListen string `yaml:"ops_listen" env:"NARU_OPS_LISTEN"`
}

// ProcessBus says where the bus is.
type ProcessBus struct {
	// URL of the NATS server or servers, comma separated.
	URL      string `yaml:"url" env:"NARU_BUS_URL"`
	CAFile   string `yaml:"ca_file" reads:"file"`
	CertFile string `yaml:"cert_file" reads:"file"`
	KeyFile  string `yaml:"key_file" reads:"file"`
	// AdminUser makes streams and consumers in the -migrate step.
	AdminUser string `yaml:"admin_user"`
	// Replicas of each stream that the -migrate step makes: 1 on one server, 3 on a cluster.
	Replicas int `yaml:"replicas"`
	// Backlog is how many public frames of a unit may wait for the bus, 1,000 to 10,000,000. Above it the unit states no more:
	// what comes is refused with BACKLOG_FULL, or stays on the bus.
	Backlog int `yaml:"backlog"`
}

// ProcessKeys says where keys are.
type ProcessKeys struct {
	// Dir holds a folder of keys per unit.
	Dir string `yaml:"dir" env:"NARU_KEYS_DIR"`
	// Create allows missing keys to be made. Leave it false where keys are provisioned.
	Create bool `yaml:"create"`
	// CheckpointDir is where the newest cosigned checkpoint of each unit's log is written, to be copied to a place that nobody on
	// this machine can change; empty for none.
	CheckpointDir string `yaml:"checkpoint_dir" env:"NARU_CHECKPOINT_DIR"`
}

// ProcessClock says how good the clock must be for evidence.
type ProcessClock struct {
	MaxOffset config.Duration `yaml:"max_offset"`
	MaxError  config.Duration `yaml:"max_error"`
	// Tolerant keeps units ready whatever the clock does, with a warning: for the sandbox only.
	Tolerant bool `yaml:"tolerant"`
}

// ProcessWitnesses says how the units' logs are witnessed.
type ProcessWitnesses struct {
	// Outside are witnesses outside of this relay, beside the unit that witnesses each log; none by default.
	Outside []witness.Config `yaml:"outside"`
	// Required is how many of them a checkpoint needs before it is published; default 0.
	Required int `yaml:"required"`
	// Every is how often the newest checkpoint of a log that stands still is cosigned anew, 1s to 30m.
	Every config.Duration `yaml:"every"`
}

func (w ProcessWitnesses) validate() error {
	var problems config.Problems
	names := map[string]bool{}
	for i, one := range w.Outside {
		problems.Within(fmt.Sprintf("outside[%d]", i), one.Validate())
		// One with two keys would count as two.
		name, _, _ := strings.Cut(one.Key, "+")
		if names[name] {
			problems.Add(fmt.Sprintf("outside[%d].key", i), "is of the same witness as one before")
		}
		if names["name:"+one.Name] {
			problems.Add(fmt.Sprintf("outside[%d].name", i), "is given twice")
		}
		names[name], names["name:"+one.Name] = true, true
	}
	if w.Required < 0 || w.Required > len(w.Outside) {
		problems.Add("required", "must be 0 to the number of witnesses in outside")
	}
	if w.Every.Std() < time.Second || w.Every.Std() > journal.MaxCosignEvery {
		problems.Add("every", "must be 1s to 30m")
	}
	return problems.Err()
}

// ProcessStamps says who stamps the checkpoints of the units' logs.
type ProcessStamps struct {
	// Authorities are asked in this order; none: nothing is stamped.
	Authorities []tsp.AuthorityConfig `yaml:"authorities"`
	// Every is how often a log's newest checkpoint is stamped, 1s to 24h.
	Every config.Duration `yaml:"every"`
}

// ProcessTelemetry says where logs, traces and metrics go. Logs go to standard error.
type ProcessTelemetry struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `yaml:"log_level" env:"NARU_LOG_LEVEL"`
	// TraceFolder takes one file of finished spans per unit; empty for none.
	TraceFolder string `yaml:"trace_folder"`
	// OTLPEndpoint is a collector's URL; empty for none.
	OTLPEndpoint string `yaml:"otlp_endpoint" env:"NARU_OTLP_ENDPOINT"`
	// SampleRatio, 0 to 1, is the share of traces begun here that are recorded.
	SampleRatio float64 `yaml:"sample_ratio"`
}

// DefaultProcess returns the defaults.
func DefaultProcess() *Process {
	tolerance := clock.DefaultTolerance()
	return &Process{
		DatabaseConns: 8,
		Bus:           ProcessBus{AdminUser: "admin", Replicas: 1, Backlog: journal.DefaultBacklog},
		Clock:         ProcessClock{MaxOffset: config.Duration(tolerance.MaxOffset), MaxError: config.Duration(tolerance.MaxError)},
		Witnesses:     ProcessWitnesses{Every: config.Duration(journal.DefaultCosignEvery)},
		TimeStamps:    ProcessStamps{Every: config.Duration(10 * time.Minute)},
		Telemetry:     ProcessTelemetry{LogLevel: "info", SampleRatio: 0.01},
	}
}

const maxPlatformID = 25

// Validate reports every problem.
func (p *Process) Validate() error {
	var problems config.Problems
	if p.PlatformID == "" || len(p.PlatformID) > maxPlatformID {
		problems.Add("platform_id", "must have 1 to %d characters", maxPlatformID)
	}
	if p.SecretsDir == "" {
		problems.Add("secrets_dir", "must name a folder")
	}
	if p.DatabaseConns < 2 {
		problems.Add("database_conns", "must be at least 2")
	}
	for _, one := range strings.Split(p.Bus.URL, ",") {
		if u, err := url.Parse(one); err != nil || u.Host == "" {
			problems.Add("bus.url", "must be a URL such as tls://host:4222, or several separated by commas")
			break
		}
	}
	if p.Bus.Replicas < 1 || p.Bus.Replicas > 5 {
		problems.Add("bus.replicas", "must be 1 to 5")
	}
	if p.Bus.Backlog < 1_000 || p.Bus.Backlog > 10_000_000 {
		problems.Add("bus.backlog", "must be 1000 to 10000000")
	}
	if p.Keys.Dir == "" {
		problems.Add("keys.dir", "must name a folder")
	}
	if p.Clock.MaxOffset <= 0 || p.Clock.MaxError <= 0 {
		problems.Add("clock", "max_offset and max_error must be above zero")
	}
	problems.Within("witnesses", p.Witnesses.validate())
	problems.Within("time_stamps", tsp.Config{Authorities: p.TimeStamps.Authorities}.Validate())
	if p.TimeStamps.Every.Std() < time.Second || p.TimeStamps.Every.Std() > 24*time.Hour {
		problems.Add("time_stamps.every", "must be 1s to 24h")
	}
	if _, err := p.Telemetry.level(); err != nil {
		problems.Add("telemetry.log_level", "must be debug, info, warn or error")
	}
	if p.Telemetry.SampleRatio < 0 || p.Telemetry.SampleRatio > 1 {
		problems.Add("telemetry.sample_ratio", "must be 0 to 1")
	}
	problems.Within("network", p.Network.Validate())
	return problems.Err()
}

func (w ProcessWitnesses) clients() ([]journal.Outsider, error) {
	var clients []journal.Outsider
	for _, one := range w.Outside {
		client, err := one.Client()
		if err != nil {
			return nil, err
		}
		clients = append(clients, client)
	}
	return clients, nil
}

func (t ProcessTelemetry) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(t.LogLevel))
	return level, err
}

// Runtime makes the runtime of one unit's process.
func (p *Process) runtime(unitName, unitConfig, version string, logs io.Writer) (Runtime, error) {
	network, err := rpc.NewTLS(p.Network, clock.System())
	if err != nil {
		return Runtime{}, err
	}
	level, err := p.Telemetry.level()
	if err != nil {
		return Runtime{}, fmt.Errorf("read log level: %w", err)
	}
	databaseURL, err := p.secret(unitName, "database_url", true)
	if err != nil {
		return Runtime{}, err
	}
	ownerURL, err := p.secret(unitName, "owner_url", false)
	if err != nil {
		return Runtime{}, err
	}
	busPassword, err := p.secret(unitName, "bus_password", true)
	if err != nil {
		return Runtime{}, err
	}
	authorities, err := tsp.Config{Authorities: p.TimeStamps.Authorities}.Client(clock.System().Now)
	if err != nil {
		return Runtime{}, err
	}
	witnesses, err := p.Witnesses.clients()
	if err != nil {
		return Runtime{}, err
	}
	return Runtime{
		Version: version, Platform: p.PlatformID, Network: network, KeysDir: p.Keys.Dir, CreateKeys: p.Keys.Create, CheckpointDir: p.Keys.CheckpointDir,
		CosignEvery: p.Witnesses.Every.Std(), Outside: witnesses, WitnessesRequired: p.Witnesses.Required,
		TimeStamps: authorities, StampEvery: p.TimeStamps.Every.Std(),
		Database: func(string) Database {
			return Database{URL: databaseURL, OwnerURL: ownerURL, MaxConns: p.DatabaseConns, Pooled: p.DatabasePooled}
		},
		Bus: func(name string) bus.Options { return p.busOptions(name, busPassword) },
		Telemetry: func(name string) telemetry.Options {
			o := telemetry.Options{Unit: name, Version: version, LogWriter: logs, LogLevel: level, OTLPEndpoint: p.Telemetry.OTLPEndpoint, SampleRatio: p.Telemetry.SampleRatio}
			if p.Telemetry.TraceFolder != "" {
				o.TraceFile = filepath.Join(p.Telemetry.TraceFolder, name+".jsonl")
			}
			return o
		},
		Clock: clock.System(), ClockReader: clock.KernelReader(),
		ClockTolerance: clock.Tolerance{MaxOffset: p.Clock.MaxOffset.Std(), MaxError: p.Clock.MaxError.Std(), Tolerant: p.Clock.Tolerant},
		Ops:            p.OpsListen, StreamReplicas: p.Bus.Replicas, Backlog: p.Bus.Backlog,
		Config: func(_ string, into Config) error { return config.Load(unitConfig, into) },
	}, nil
}

func (p *Process) busOptions(user, password string) bus.Options {
	return bus.Options{URL: p.Bus.URL, User: user, Password: password, CAFile: p.Bus.CAFile, CertFile: p.Bus.CertFile, KeyFile: p.Bus.KeyFile}
}

// secret reads a file of the unit's folder of secrets.
func (p *Process) secret(unitName, name string, required bool) (string, error) {
	raw, err := os.ReadFile(filepath.Join(p.SecretsDir, unitName, name))
	if os.IsNotExist(err) && !required {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read secret %s of %s: %w", name, unitName, err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// missing reports every file of a unit's folders that is needed and cannot be read.
func (p *Process) missing(unitName string, migrate bool) error {
	var problems config.Problems
	need := func(folder, name string) {
		if text, err := p.secret(folder, name, true); err != nil {
			problems.Add("secrets_dir", "%v", err)
		} else if text == "" {
			problems.Add("secrets_dir", "%s is empty", filepath.Join(folder, name))
		}
	}
	if p.SecretsDir != "" {
		need(unitName, "database_url")
		need(unitName, "bus_password")
		if migrate {
			need(unitName, "owner_url")
			need("", "bus_admin_password")
		}
	}
	if own := filepath.Join(p.Keys.Dir, unitName); p.Keys.Dir != "" && !p.Keys.Create {
		if info, err := os.Stat(own); err != nil || !info.IsDir() {
			problems.Add("keys.dir", "%s is no folder, and keys.create does not allow to make it", own)
		}
	}
	return problems.Err()
}

// migrateTimeout bounds the migrate step.
const migrateTimeout = 5 * time.Minute
