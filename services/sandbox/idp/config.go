package idp

import (
	"fmt"
	"net/url"

	"github.com/naru-relay/naru/pkg/config"
)

// Config is the identity provider's configuration; start from Default.
type Config struct {
	// Issuer is the provider's own URL without a trailing slash; required.
	Issuer string `yaml:"issuer"`
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// PairwiseSecretFile holds the secret from which the subject identifiers of each client are derived; at least 16 characters,
	// required.
	PairwiseSecretFile config.SecretFile `yaml:"pairwise_secret_file"`
	// NoticeSecretFile holds the Standard Webhooks secret (whsec_…) with which notices must be signed. Without it unsigned
	// notices are accepted.
	NoticeSecretFile config.SecretFile `yaml:"notice_secret_file"`
	// Clients that may ask for identity proofs.
	Clients []Client `yaml:"clients"`
	// TestPersons adds a few invented persons at the start; default true.
	TestPersons bool `yaml:"test_persons"`
}

// Client is a relying party.
type Client struct {
	ID         string            `yaml:"id"`
	SecretFile config.SecretFile `yaml:"secret_file"`
	// RedirectURIs are compared as strings.
	RedirectURIs []string `yaml:"redirect_uris"`
}

// Default returns a configuration without issuer, secrets and clients.
func Default() Config { return Config{TestPersons: true} }

// minPairwiseSecret keeps subjects from being guessed through a short secret.
const minPairwiseSecret = 16

// Validate returns all problems of the configuration, joined.
func (c Config) Validate() error {
	var p config.Problems
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") ||
		u.RawQuery != "" || u.Fragment != "" || c.Issuer[len(c.Issuer)-1] == '/' {
		p.Add("issuer", "must be an http or https URL without query, fragment and slash at its end")
	}
	if c.AdminTokenFile.Value() == "" {
		p.Add("admin_token_file", "is required")
	}
	if len(c.PairwiseSecretFile.Value()) < minPairwiseSecret {
		p.Add("pairwise_secret_file", "must hold %d characters or more", minPairwiseSecret)
	}
	if secret := string(c.NoticeSecretFile.Value()); secret != "" {
		if _, err := noticeKey(secret); err != nil {
			p.Add("notice_secret_file", "must hold whsec_ and base64")
		}
	}
	for i, client := range c.Clients {
		if client.ID == "" || client.SecretFile.Value() == "" || len(client.RedirectURIs) == 0 {
			p.Add(fmt.Sprintf("clients[%d]", i), "id, secret_file and redirect_uris are required")
		}
	}
	return p.Err()
}
