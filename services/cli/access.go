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

// place is where the relay is and how it is reached.
type place struct {
	*endpoints.Endpoints
	http *http.Client
}

// place reads the endpoint file. With --rest alone there need not be one; then the sandbox is unknown.
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
		// Another relay than the endpoint file's: what the file says of its sandbox and operator is not about it.
		found = &endpoints.Endpoints{REST: a.REST}
	}
	client, err := endpoints.HTTP(cmp.Or(a.CAFile, found.Sandbox.Authority))
	if err != nil {
		return nil, fmt.Errorf("read roots to trust: %w", err)
	}
	return &place{Endpoints: found, http: client}, nil
}

// sender is the relay for the client of --credentials or of the environment.
func (a *app) sender() (*place, *relay.Client, error) {
	return a.relay(func(*place) string { return "" })
}

// operator is the relay for the operator: --credentials, the environment, or the file the endpoint file names.
func (a *app) operator() (*place, *relay.Client, error) {
	return a.relay(func(p *place) string { return p.AdminCredentials })
}

// relay is the relay for whom credentials are given; otherwise names a file of them.
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
