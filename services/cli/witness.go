package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/mirror"
	"github.com/naru-relay/naru/pkg/witness"
)

const (
	// witnessKey is the name of a witness's key in its folder.
	witnessKey = "witness"
	// witnessTimeout bounds each part of a call to a witness, witnessGrace what ends it.
	witnessTimeout = 30 * time.Second
	witnessGrace   = 5 * time.Second
)

type witnessCommand struct {
	Name        string         `required:"" placeholder:"NAME" help:"Name of the witness in its key, e.g. its host and path: witness.example/naru."`
	Keys        string         `required:"" type:"existingdir" placeholder:"FOLDER" help:"Folder of the verifier keys of the logs to witness (<unit>.vkey), taken once by a way you trust."`
	Folder      string         `required:"" placeholder:"FOLDER" help:"Folder of the witness's key and of what it has cosigned; made if missing. Never put an older copy of it back."`
	Generation  map[string]int `placeholder:"UNIT=N" help:"Generation of a log that was reopened after a restore, repeatable; whoever runs the relay tells why. Default 1."`
	Listen      string         `default:"127.0.0.1:8480" placeholder:"ADDRESS" help:"Address to listen at."`
	Certificate string         `type:"existingfile" placeholder:"FILE" help:"Certificate of its connections, PEM. Without one it speaks plain HTTP, for a proxy in front of it."`
	Key         string         `type:"existingfile" placeholder:"FILE" help:"Key of the certificate, PEM."`
}

// Help is shown by naru witness --help.
func (witnessCommand) Help() string {
	return `Cosigns the logs of another relay's units (C2SP tlog-witness), until it is stopped: a checkpoint only if it extends the one cosigned before, so that
whoever runs that relay cannot change its history without this witness. It learns nothing but sizes and hashes. Its verifier key is the first line it
writes: give it to the relay (platform.yaml, witnesses.outside) and to those who verify or mirror its logs (--witness).

Example:
  naru witness --name witness.example/naru --keys keys --folder /var/lib/naru-witness --certificate tls.pem --key tls.key --listen :8480`
}

// Run is a witness until the program is interrupted.
func (c *witnessCommand) Run(a *app) (err error) {
	if (c.Certificate == "") != (c.Key == "") {
		return usage("--certificate and --key belong together")
	}
	logs, err := c.logs()
	if err != nil {
		return err
	}
	store, err := keys.Open(c.Folder, keys.Options{Create: true})
	if err != nil {
		return err
	}
	release, err := durable.TryLock(filepath.Join(c.Folder, ".lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	key, err := store.NoteSigner(a.unlimited, witnessKey, c.Name)
	if err != nil {
		return err
	}
	handler, err := witness.NewHandler(filepath.Join(c.Folder, "cosigned"), key.Cosigner, logs, slog.New(slog.NewJSONHandler(a.stderr, nil)))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: witnessTimeout, ReadTimeout: witnessTimeout, WriteTimeout: witnessTimeout, IdleTimeout: time.Minute}
	if c.Certificate != "" {
		certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return fmt.Errorf("read the certificate: %w", err)
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(a.unlimited, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := errors.Join(a.say("%s", key.PublicCosigner), a.say("listens at %s, for %d logs", listener.Addr(), len(logs))); err != nil {
		return errors.Join(err, listener.Close())
	}
	err = lifecycle.ServeHTTP("witness", witnessGrace, server, listener).Run(a.unlimited)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// logs are the keys of the logs by the origins of their checkpoints.
func (c *witnessCommand) logs() (map[string]string, error) {
	all, err := mirror.ReadKeysIn(c.Keys)
	if err != nil {
		return nil, err
	}
	logs, left := map[string]string{}, map[string]int{}
	for unit, generation := range c.Generation {
		if left[unit] = generation; generation < 1 {
			return nil, usage("--generation counts from 1")
		}
	}
	for _, k := range all {
		generation := 1
		if told, ok := left[k.Unit]; ok {
			generation = told
			delete(left, k.Unit)
		}
		logs[journal.OriginOf(k.Owner(), generation)] = k.Log
	}
	for unit := range left {
		return nil, usage("--generation names %s, whose key is not in the folder of keys", unit)
	}
	return logs, nil
}
