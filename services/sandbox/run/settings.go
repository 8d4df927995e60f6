package run

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/naru-relay/naru/pkg/config"
)

// Settings are the settings of a sandbox system's process; C is the system's own configuration.
type Settings[C Config] struct {
	// Listen is the address of the only door, host:port.
	Listen string `yaml:"listen"`
	// CertificateFile and KeyFile (PEM) make the door use TLS 1.2 or later. If both are empty, it serves plain HTTP.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	KeyFile         string `yaml:"key_file" reads:"file"`
	// DatabaseURLFile holds the URL of the schema's working role, sandbox_<system>_app. Required, except with -migrate.
	DatabaseURLFile config.SecretFile `yaml:"database_url_file"`
	// OwnerURLFile names the file with the URL of the schema's owner, sandbox_<system>_owner. Only -migrate reads it, so that the
	// running system never holds the owner's password. A relative path starts at the folder of the settings.
	OwnerURLFile string `yaml:"owner_url_file"`
	// DatabaseConns is the size of the connection pool; default 8.
	DatabaseConns int32 `yaml:"database_conns"`
	// PKIDir is the folder of the test roots (package pki), shared by the hub, the archive, the time-stamping authority and
	// everybody who pins the roots. These three require it.
	PKIDir string `yaml:"pki_dir"`
	// KeysDir is the folder of the system's signing keys; it is created if missing. The identity provider requires it.
	KeysDir string `yaml:"keys_dir"`
	// LogLevel is debug, info, warn or error; default info. Logs go to standard error.
	LogLevel string `yaml:"log_level"`
	// System is the system's own configuration.
	System C `yaml:"system"`

	needs Needs
}

// Validate returns all problems, joined.
func (s *Settings[C]) Validate() error {
	var p config.Problems
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		p.Add("listen", "must be host:port")
	}
	if (s.CertificateFile == "") != (s.KeyFile == "") {
		p.Add("certificate_file", "and key_file go together")
	}
	if s.DatabaseURLFile.Value() == "" {
		p.Add("database_url_file", "is required")
	}
	if s.DatabaseConns < 2 {
		p.Add("database_conns", "must be at least 2")
	}
	if s.needs.PKI && s.PKIDir == "" {
		p.Add("pki_dir", "must name a folder")
	}
	if s.needs.Keys && s.KeysDir == "" {
		p.Add("keys_dir", "must name a folder")
	}
	if _, err := s.level(); err != nil {
		p.Add("log_level", "must be debug, info, warn or error")
	}
	p.Within("system", s.System.Validate())
	return p.Err()
}

func (s *Settings[C]) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(s.LogLevel))
	return level, err
}

func (s *Settings[C]) tls() (*tls.Config, error) {
	if s.CertificateFile == "" {
		return nil, nil //nolint:nilnil // nil is plain HTTP
	}
	pair, err := tls.LoadX509KeyPair(s.CertificateFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load TLS certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// ownerURL reads the owner's URL. folder is the folder of the settings.
func (s *Settings[C]) ownerURL(folder string) (string, error) {
	path := s.OwnerURLFile
	if path == "" {
		return "", errors.New("owner_url_file: -migrate needs it")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the path comes from the operator
	if err != nil {
		return "", fmt.Errorf("read the owner's database URL: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
