package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"
)

// place is the relay a command talks to, and the client that reaches it.
type place struct {
	*endpoints.Endpoints
	http *http.Client
}

// place reads the endpoint file. With --rest the file may be missing; then nothing is known of the sandbox.
func (a *app) place() (*place, error) {
	found, err := endpoints.Read(cmp.Or(a.Endpoints, filepath.Join(endpoints.DefaultFolder(), endpoints.FileName)))
	switch {
	case err == nil:
	case a.REST != "" && a.Endpoints == "" && errors.Is(err, fs.ErrNotExist):
		found = &endpoints.Endpoints{}
	default:
		return nil, fmt.Errorf("find the relay (--endpoints or --rest): %w", err)
	}
	if a.REST != "" && a.REST != found.REST {
		// --rest names another relay than the endpoint file, so the file's sandbox and operator do not belong to it.
		found = &endpoints.Endpoints{REST: a.REST}
	}
	client, err := endpoints.HTTP(cmp.Or(a.CAFile, found.Sandbox.Authority))
	if err != nil {
		return nil, fmt.Errorf("read roots to trust: %w", err)
	}
	return &place{Endpoints: found, http: client}, nil
}

// sender opens the relay with the credentials of --credentials or of the environment.
func (a *app) sender() (*place, *relay.Client, error) {
	return a.relay(func(*place) string { return "" })
}

// operator opens the relay with the operator's credentials: those of --credentials, of the environment, or of the file that the
// endpoint file names.
func (a *app) operator() (*place, *relay.Client, error) {
	return a.relay(func(p *place) string { return p.AdminCredentials })
}

// relay opens the relay with the credentials given on the command line or in the environment. Without them it reads the file that
// otherwise returns.
func (a *app) relay(otherwise func(*place) string) (*place, *relay.Client, error) {
	p, err := a.place()
	if err != nil {
		return nil, nil, err
	}
	c, err := a.credentials(otherwise(p))
	if err != nil {
		return nil, nil, err
	}
	client, err := relay.Open(p.REST, p.http, c)
	return p, client, err
}

func (a *app) credentials(otherwise string) (endpoints.Credentials, error) {
	if a.Credentials != "" {
		return endpoints.ReadCredentials(a.Credentials)
	}
	c := endpoints.Credentials{ClientID: a.getenv("NARU_CLIENT_ID"), ClientSecret: a.getenv("NARU_CLIENT_SECRET")}
	if c.ClientID != "" && c.ClientSecret != "" {
		return c, nil
	}
	if otherwise != "" {
		return endpoints.ReadCredentials(otherwise)
	}
	return c, usage("no credentials: give --credentials FILE, or NARU_CLIENT_ID and NARU_CLIENT_SECRET in the environment")
}

// show writes a result to stdout: as JSON with --json, otherwise by calling human.
func (a *app) show(v any, human func() error) error {
	if !a.JSON {
		return human()
	}
	var raw []byte
	var err error
	if m, ok := v.(proto.Message); ok {
		raw, err = gateway.Marshal(m)
	} else {
		raw, err = json.Marshal(v)
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	_, err = fmt.Fprintln(a.stdout, string(raw))
	return err
}

// say writes one line of a result to stdout.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}

// tell writes one line to stderr. A failed write is ignored: there is nowhere else to report it.
func (a *app) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// progress says what the command waits for, if stderr is a terminal.
func (a *app) progress(format string, args ...any) {
	f, ok := a.stderr.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		a.tell(format, args...)
	}
}
