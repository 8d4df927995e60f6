package hub

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/hubpush"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// PushConfig is the door at which the hub pushes certificates; ours, because no public source shows it.
type PushConfig struct {
	// Listen is the address of the door, host:port; empty (default): there is none.
	Listen string `yaml:"listen"`
	// CertificateFile and KeyFile are the door's TLS certificate and key, PEM; required unless it listens on a loopback address.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	KeyFile         string `yaml:"key_file" reads:"file"`
	// SignersFile holds the hub's keys that sign pushes, PEM, each a public key or a certificate of one, P-256. Required with
	// Listen.
	SignersFile string `yaml:"signers_file" reads:"file"`
	// Skew is how old a signature may be, and how far the hub's clock may be ahead; default 5m.
	Skew config.Duration `yaml:"skew"`
	// MaxBytes is the largest push; default 8 MiB.
	MaxBytes int64 `yaml:"max_bytes"`
	// Concurrent pushes; default 4.
	Concurrent int `yaml:"concurrent"`
}

// Validate reports every problem.
func (c PushConfig) Validate() error {
	var p config.Problems
	if c.Skew.Std() <= 0 || c.Skew.Std() > time.Hour {
		p.Add("skew", "must be above 0s, at most 1h")
	}
	if c.MaxBytes < 64<<10 {
		p.Add("max_bytes", "must be at least 65536")
	}
	if c.Concurrent < 1 || c.Concurrent > 64 {
		p.Add("concurrent", "must be 1 to 64")
	}
	if c.Listen == "" {
		return p.Err()
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		p.Add("listen", "must be host:port")
	}
	if c.SignersFile == "" {
		p.Add("signers_file", "is required")
	}
	address := net.ParseIP(host)
	switch {
	case (c.CertificateFile == "") != (c.KeyFile == ""):
		p.Add("certificate_file", "goes together with key_file")
	case c.CertificateFile == "" && (address == nil || !address.IsLoopback()):
		p.Add("certificate_file", "is required, unless listen is a loopback address")
	}
	return p.Err()
}

// readSigners reads the hub's keys, by their ids.
func readSigners(path string) (map[string]*ecdsa.PublicKey, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // a path of the settings
	if err != nil {
		return nil, fmt.Errorf("read the hub's keys: %w", err)
	}
	signers := map[string]*ecdsa.PublicKey{}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		key, err := signerOf(block)
		if err != nil {
			return nil, fmt.Errorf("read the hub's keys: %w", err)
		}
		keyID, err := keys.KeyID(key)
		if err != nil {
			return nil, fmt.Errorf("read the hub's keys: %w", err)
		}
		signers[keyID] = key
	}
	if len(signers) == 0 {
		return nil, errors.New("read the hub's keys: there is none")
	}
	return signers, nil
}

func signerOf(block *pem.Block) (*ecdsa.PublicKey, error) {
	var public any
	switch block.Type {
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		public = certificate.PublicKey
	case "PUBLIC KEY":
		var err error
		if public, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return nil, err
		}
	}
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("a block is neither a P-256 key nor a certificate of one")
	}
	return key, nil
}

const (
	pushHeaderTimeout = 5 * time.Second
	pushReadTimeout   = time.Minute
	pushHeaderBytes   = 16 << 10
	pushStopGrace     = 10 * time.Second
)

// open opens the door. The listener is opened at once, so a port that is taken makes building the unit fail.
func (d *pushDoor) open(ctx context.Context) (lifecycle.Task, error) {
	var err error
	if d.keys, err = readSigners(d.config.SignersFile); err != nil {
		return lifecycle.Task{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+hubpush.Path, d)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: pushHeaderTimeout, ReadTimeout: pushReadTimeout, WriteTimeout: 2 * pushReadTimeout, IdleTimeout: pushReadTimeout,
		MaxHeaderBytes: pushHeaderBytes,
		// What strangers do wrong with a connection is nothing that an operator can act on.
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	if d.config.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(d.config.CertificateFile, d.config.KeyFile)
		if err != nil {
			return lifecycle.Task{}, fmt.Errorf("read the certificate of the push door: %w", err)
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", d.config.Listen)
	if err != nil {
		return lifecycle.Task{}, fmt.Errorf("open the push door: %w", err)
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, "a door listens", slog.String("door", "hub push"), slog.String("address", listener.Addr().String()))
	return lifecycle.ServeHTTP("hub-push", pushStopGrace, server, listener), nil
}

// unpackPush is the content type and the body of a push as it was kept.
func unpackPush(packed []byte) (contentType string, body []byte, err error) {
	kept, err := unpack(packed)
	if err != nil {
		return "", nil, err
	}
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(kept)))
	if _, err := r.ReadLine(); err != nil {
		return "", nil, fmt.Errorf("unpack: %w", err)
	}
	header, err := r.ReadMIMEHeader()
	if err != nil {
		return "", nil, fmt.Errorf("unpack: %w", err)
	}
	if body, err = io.ReadAll(r.R); err != nil {
		return "", nil, fmt.Errorf("unpack: %w", err)
	}
	return header.Get("Content-Type"), body, nil
}
