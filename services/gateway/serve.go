package gateway

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
	readTimeout       = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 32 << 10
	// answerTime is the time for writing the answer after a call's deadline.
	answerTime = 30 * time.Second
	// stopGrace bounds waiting for calls under way.
	stopGrace = 10 * time.Second
	// maxStreams bounds the calls of one connection, and receiveBuffer what is held of them before somebody reads.
	maxStreams    = 250
	receiveBuffer = 128 << 10
	pingAfter     = 60 * time.Second
	pingTimeout   = 20 * time.Second
)

// serveTask serves a door until its context ends, then waits for calls under way. The listener was opened before, so a port
// that is taken makes building the unit fail.
func serveTask(listener net.Listener, handler http.Handler, d *door, config DoorConfig, timeout time.Duration, log *slog.Logger) (lifecycle.Task, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(d.name == restName)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(config.CertificateFile == "")
	server := &http.Server{
		Handler: handler, Protocols: protocols, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + timeout + answerTime,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ConnContext: connectionContext,
		// What strangers do wrong with a connection is nothing that an operator can act on.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: receiveBuffer, MaxReceiveBufferPerStream: receiveBuffer,
			SendPingTimeout: pingAfter, PingTimeout: pingTimeout,
		},
	}
	if config.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(config.CertificateFile, config.KeyFile)
		if err != nil {
			return lifecycle.Task{}, fmt.Errorf("read the certificate of the %s door: %w", d.name, err)
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	return lifecycle.ServeHTTP(d.name, stopGrace, server, listener), nil
}
