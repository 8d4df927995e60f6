package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	readHeaderTimeout = 5 * time.Second
	// requestTime bounds an ordinary request and its answer; files set their own (fileTime).
	requestTime    = 60 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 16 << 10
	// stopGrace bounds waiting for requests under way.
	stopGrace = 10 * time.Second
	// fileTime is how long one file may take, either way: 100 MB at 1 Mbit/s.
	fileTime = 15 * time.Minute
)

// serveTask serves the pages until its context ends, then waits for requests under way.
func serveTask(listener net.Listener, handler http.Handler, config *Config, log *slog.Logger) (lifecycle.Task, error) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		// What strangers do wrong with a connection is nothing that an operator can act on.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if config.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(config.CertificateFile, config.KeyFile)
		if err != nil {
			return lifecycle.Task{}, fmt.Errorf("read the certificate of the pages: %w", err)
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	return lifecycle.ServeHTTP("pages", stopGrace, server, listener), nil
}
