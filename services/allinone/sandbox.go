package allinone

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/naru-relay/naru/pkg/telemetry"
)

// Sandbox is the outside world in a process of its own, so that its cost can be measured separately from the relay's.
type Sandbox struct {
	// URLs of the systems by name, for the relay's Options.Sandbox.
	URLs map[string]string

	outside  *outside
	database *database
}

// StartSandbox starts only the outside world. Dir, DatabaseURL, REST and Web must be those of the relay that starts after
// it. REST has a port other than 0, and so has Web where somebody is to sign in at the pages, and Push where the hub is to push;
// with port 0 there it does not.
func StartSandbox(ctx context.Context, opts Options) (_ *Sandbox, err error) {
	if opts.DatabaseURL == "" {
		return nil, errors.New("start the sandbox alone: it needs the URL of the database that the relay uses")
	}
	opts.fill()
	s := &Sandbox{URLs: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	f, log := folder(opts.Dir), slog.New(telemetry.NewHandler(opts.Logs, opts.LogLevel)).With(slog.String("unit", "sandbox"))
	if err := f.prepare(); err != nil {
		return nil, err
	}
	if s.database, err = openDatabase(ctx, f, opts.DatabaseURL, log); err != nil {
		return nil, err
	}
	if s.outside, err = openOutside(ctx, f, s.database, log, opts); err != nil {
		return nil, err
	}
	relay := relayDoors{rest: "http://" + opts.REST, pages: "https://" + opts.Web}
	if _, port, err := net.SplitHostPort(opts.Push); err == nil && port != "0" {
		relay.push = "https://" + reached(opts.Push)
	}
	if err := s.outside.start(ctx, relay); err != nil {
		return nil, err
	}
	for name := range s.outside.listeners {
		s.URLs[name] = s.outside.url(name)
	}
	return s, nil
}

// Stop stops everything in reverse order of its start.
func (s *Sandbox) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var problems []error
	if s.outside != nil {
		problems = append(problems, s.outside.close(ctx))
	}
	if s.database != nil {
		problems = append(problems, s.database.close(ctx))
	}
	return errors.Join(problems...)
}
