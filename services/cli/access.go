package cli

import (
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
	"github.com/naru-relay/naru/services/cli/internal/relay"
	"github.com/naru-relay/naru/services/cli/internal/rest"
)

// place is where the relay is and how it is reached.
type place struct {
	*endpoints.Endpoints
	http *http.Client
}

// place reads the endpoint file. With --rest alone there need not be one; then the sandbox is unknown.
func (a *app) place() (*place, error) {
	path := a.Endpoints
	if path == "" {
		path = filepath.Join(endpoints.DefaultFolder(), endpoints.FileName)
	}
	found, err := endpoints.Read(path)
	switch {
	case err == nil:
	case a.REST != "" && a.Endpoints == "" && errors.Is(err, fs.ErrNotExist):
		found = &endpoints.Endpoints{}
	default:
		return nil, fmt.Errorf("find the relay (--endpoints or --rest): %w", err)
	}
	if a.REST != "" && a.REST != found.REST {
		// Another relay than the endpoint file's: what the file says of its sandbox and operator is not about it.
		found = &endpoints.Endpoints{REST: a.REST}
	}
	authority := a.CAFile
	if authority == "" {
		authority = found.Sandbox.Authority
	}
	client, err := endpoints.HTTP(authority)
	if err != nil {
		return nil, fmt.Errorf("read roots to trust: %w", err)
	}
	return &place{Endpoints: found, http: client}, nil
}

// sender is the relay for the client of --credentials or of the environment.
func (a *app) sender(p *place) (*relay.Client, error) {
	c, err := a.credentials("")
	if err != nil {
		return nil, err
	}
	return a.as(p, c)
}

// operator is the relay for the operator: --credentials, the environment, or the file the endpoint file names.
func (a *app) operator(p *place) (*relay.Client, error) {
	c, err := a.credentials(p.AdminCredentials)
	if err != nil {
		return nil, err
	}
	return a.as(p, c)
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

func (a *app) as(p *place, c endpoints.Credentials) (*relay.Client, error) {
	door, err := rest.New(rest.Options{BaseURL: p.REST, HTTP: p.http, ClientID: c.ClientID, ClientSecret: c.ClientSecret})
	if err != nil {
		return nil, err
	}
	return relay.New(door), nil
}

// show writes a result: with --json as JSON, else by the given function.
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

// say writes a line of a result.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}

// tell writes a line to people; there is nothing to be done when nobody can read it.
func (a *app) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// progress tells, where somebody looks on, what is being waited for.
func (a *app) progress(format string, args ...any) {
	f, ok := a.stderr.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		a.tell(format, args...)
	}
}
