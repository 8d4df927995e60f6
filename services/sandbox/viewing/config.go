package viewing

import (
	"fmt"
	"net/url"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/viewingkit"
)

// Config is a viewing system's configuration; start from Default.
type Config struct {
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// BaseURL is the part of viewing URLs before /view/{id}: https, or http on a loopback address. If it is empty, scheme and
	// host of the storing request are used.
	BaseURL string `yaml:"base_url"`
	// Senders who may store documents.
	Senders []Sender `yaml:"senders"`
	// MaxDocumentBytes limits one document; default 32 MiB.
	MaxDocumentBytes int64 `yaml:"max_document_bytes"`
	// ReportPoll is the pause between two searches for due read reports; default 1 s.
	ReportPoll config.Duration `yaml:"report_poll"`
	// Relay through which the sender sends, unless Deps names one.
	Relay RelayConfig `yaml:"relay"`
}

// Sender is a client that may store documents. It authenticates with HTTP basic, or with its secret as bearer token.
type Sender struct {
	ID         string            `yaml:"id"`
	SecretFile config.SecretFile `yaml:"secret_file"`
}

// RelayConfig says how to reach the relay.
type RelayConfig struct {
	// BaseURL of the relay's REST door.
	BaseURL string `yaml:"base_url"`
	// ClientID and ClientSecretFile are this viewing system's credentials at the relay.
	ClientID         string            `yaml:"client_id"`
	ClientSecretFile config.SecretFile `yaml:"client_secret_file"`
	// Scopes to ask for; none means all that the client has.
	Scopes []string `yaml:"scopes"`
}

// Default returns a configuration without admin token, senders and relay.
func Default() Config {
	return Config{MaxDocumentBytes: 32 << 20}
}

// Validate returns all problems of the configuration, joined.
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
