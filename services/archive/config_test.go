package archive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/config"
)

// Settings that could not work are told, all at once, by their names.
func TestConfig(t *testing.T) {
	t.Parallel()
	good := func() *Config {
		c := Default()
		c.Archive.Name, c.Archive.BaseURL, c.Archive.MemberID, c.Archive.Owner = "archive", "https://archive.example", "naru", "나루"
		c.Archive.PasswordFile = config.InlineSecret("p")
		c.Certificates.Issuers = []archivecert.IssuerConfig{{Name: "archive", Profile: archivecert.Format, Roots: []string{"root.pem"}}}
		return c
	}
	require.NoError(t, good().Validate())
	for path, spoil := range map[string]func(c *Config){
		"archive.name":            func(c *Config) { c.Archive.Name = "another" },
		"archive.base_url":        func(c *Config) { c.Archive.BaseURL = "http://archive.example" },
		"archive.member_id":       func(c *Config) { c.Archive.MemberID = "" },
		"archive.password_file":   func(c *Config) { c.Archive.PasswordFile = config.SecretFile{} },
		"archive.owner":           func(c *Config) { c.Archive.Owner = " " },
		"archive.look_up":         func(c *Config) { c.Archive.LookUp = "guess" },
		"archive.connect_timeout": func(c *Config) { c.Archive.AnswerTimeout = 0 },
		"certificates.issuers":    func(c *Config) { c.Certificates.Issuers = nil },
		"certificates.skew":       func(c *Config) { c.Certificates.Skew = config.Duration(time.Hour) },
		"deposits.workers":        func(c *Config) { c.Deposits.Workers = 65 },
		"deposits.interval":       func(c *Config) { c.Deposits.Interval = 0 },
		"deposits.timeout":        func(c *Config) { c.Deposits.Timeout = 0 },
		"deposits.max_backoff":    func(c *Config) { c.Deposits.MaxBackoff = 1 },
		"deposits.failures":       func(c *Config) { c.Deposits.Failures = 0 },
	} {
		c := good()
		spoil(c)
		require.ErrorContains(t, c.Validate(), path+": ")
	}
	require.ErrorContains(t, Default().Validate(), "archive.base_url: ")
}
