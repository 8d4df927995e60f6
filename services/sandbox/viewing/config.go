package viewing

import (
	"fmt"
	"net/url"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/viewingkit"
)

// Config of a viewing system; start from Default.
type Config struct {
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// BaseURL stands before /view/{id} in viewing URLs: https, or http on a loopback address. Empty takes scheme and host of the
	// storing request.
	BaseURL string `yaml:"base_url"`
	// Senders who may store documents.
	Senders []Sender `yaml:"senders"`
	// MaxDocumentBytes bounds one document; default 32 MiB.
	MaxDocumentBytes int64 `yaml:"max_document_bytes"`
	// ReportPoll is the time between looks for due read reports; default 1 s.
	ReportPoll config.Duration `yaml:"report_poll"`
	// Relay the sender sends through, unless one is given in Deps.
	Relay RelayConfig `yaml:"relay"`
}

// Sender is a client that stores documents, by HTTP basic authentication or with its secret as bearer token.
type Sender struct {
	ID         string            `yaml:"id"`
	SecretFile config.SecretFile `yaml:"secret_file"`
}

// RelayConfig says how to reach the relay.
type RelayConfig struct {
	// BaseURL of the relay's REST door.
	BaseURL string `yaml:"base_url"`
	// ClientID and ClientSecretFile are this viewing system's at the relay.
	ClientID         string            `yaml:"client_id"`
	ClientSecretFile config.SecretFile `yaml:"client_secret_file"`
	// Scopes asked for; none asks for what the client has.
	Scopes []string `yaml:"scopes"`
}

// Default returns a configuration that lacks admin token, senders and relay.
func Default() Config {
	return Config{MaxDocumentBytes: 32 << 20}
}

// Validate joins all problems of the configuration.
func (c Config) Validate() error {
	var p config.Problems
	if c.AdminTokenFile.Value() == "" {
		p.Add("admin_token_file", "is required")
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || u.Host == "" || !rest.Safe(u) {
			p.Add("base_url", "must be https, or http on a loopback address")
		}
	}
	for i, s := range c.Senders {
		if s.ID == "" || s.SecretFile.Value() == "" {
			p.Add(fmt.Sprintf("senders[%d]", i), "id and secret_file are required")
		}
	}
	if c.MaxDocumentBytes < 1 {
		p.Add("max_document_bytes", "must be positive")
	}
	return p.Err()
}

func (c RelayConfig) client() (*viewingkit.RelayClient, error) {
	return viewingkit.NewRelay(rest.Options{
		BaseURL: c.BaseURL, ClientID: c.ClientID, ClientSecret: string(c.ClientSecretFile.Value()), Scopes: c.Scopes,
	})
}
