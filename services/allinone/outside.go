package allinone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/services/sandbox/archive"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/idp"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/run"
	"github.com/naru-relay/naru/services/sandbox/scenario"
	"github.com/naru-relay/naru/services/sandbox/tsa"
	"github.com/naru-relay/naru/services/sandbox/viewing"
)

// Ports of the sandbox systems on 127.0.0.1, unless free ports are requested.
const (
	hubPort = 8091 + iota
	archivePort
	viewingPort
	idpPort
	tsaPort
)

// idpClient is the relay's client id at the identity provider.
const idpClient = "naru"

// outside is the sandbox as this relay runs or uses it.
type outside struct {
	folder    folder
	database  *database
	authority *pki.Store
	log       *slog.Logger
	admin     string

	// elsewhere holds the systems' URLs by name if they run in another process.
	elsewhere map[string]string

	listeners map[string]net.Listener
	pools     []*pgxpool.Pool
	group     *lifecycle.Group
	relay     *fileRelay
	// doors are the relay's.
	doors relayDoors
}

// openOutside binds the sandbox's addresses, so that units can be given them before the sandbox serves.
func openOutside(ctx context.Context, f folder, db *database, log *slog.Logger, opts Options) (*outside, error) {
	if err := publishRelayKeys(ctx, f); err != nil {
		return nil, err
	}
	authority, err := pki.Open(pki.Options{Dir: f.path("sandbox", "pki"), Clock: clock.System()})
	if err != nil {
		return nil, err
	}
	// Whoever trusts the sandbox trusts the logs of its relay.
	if err := os.Symlink(filepath.Join("..", "..", "checkpoints"), f.path("sandbox", "pki", pki.LogsFolder)); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("name the relay's logs to the sandbox: %w", err)
	}
	o := &outside{folder: f, database: db, authority: authority, log: log, elsewhere: opts.Sandbox, listeners: map[string]net.Listener{}, group: lifecycle.New()}
	if o.admin, err = f.secret("sandbox", "admin_token"); err != nil {
		return nil, err
	}
	if o.elsewhere != nil {
		return o, nil
	}
	for name, port := range map[string]int{"hub": hubPort, "archive": archivePort, "viewing": viewingPort, "idp": idpPort, "tsa": tsaPort} {
		if opts.FreePorts {
			port = 0
		}
		var listen net.ListenConfig
		listener, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for the sandbox's %s: %w", name, err), o.close(ctx))
		}
		if name == "viewing" {
			listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{authority.ServerCertificate()}})
		}
		o.listeners[name] = listener
	}
	return o, nil
}

// url returns the URL of a sandbox system.
func (o *outside) url(name string) string {
	if o.elsewhere != nil {
		return o.elsewhere[name]
	}
	scheme := "http"
	if name == "viewing" {
		scheme = "https"
	}
	return scheme + "://" + o.listeners[name].Addr().String()
}

// relayDoors are the relay's addresses as the outside world knows them: REST, for the viewing system, pages, where the identity
// provider sends people back, and push, where the hub pushes certificates; empty: it does not.
type relayDoors struct{ rest, pages, push string }

func doorsOf(e Endpoints) relayDoors { return relayDoors{rest: e.REST, pages: e.Web, push: e.HubPush} }

// start starts every system.
func (o *outside) start(ctx context.Context, relay relayDoors) error {
	if o.elsewhere != nil {
		return nil
	}
	o.doors = relay
	o.relay = &fileRelay{baseURL: relay.rest, file: o.folder.path("sandbox", "viewing-credentials.json")}
	builders := []struct {
		name    string
		sources []pg.Source
		build   func(ctx context.Context, env run.Env) (run.Running, error)
	}{
		{"hub", run.Hub().Sources, o.buildHub}, {"archive", run.Archive().Sources, o.buildArchive},
		{"viewing", run.Viewing().Sources, o.buildViewing}, {"idp", run.IDP().Sources, o.buildIDP},
		{"tsa", run.TSA().Sources, o.buildTSA},
	}
	for _, b := range builders {
		schema := "sandbox_" + b.name
		urls, err := o.database.provision(ctx, sandboxDatabase, schema)
		if err != nil {
			return err
		}
		if err := pg.Migrate(ctx, urls.owner, schema, b.sources...); err != nil {
			return fmt.Errorf("migrate the sandbox's %s: %w", b.name, err)
		}
		pool, err := pg.Open(ctx, pg.Options{URL: urls.app, Schema: schema, MaxConns: 8})
		if err != nil {
			return err
		}
		o.pools = append(o.pools, pool)
		built, err := b.build(ctx, run.Env{
			Base:   scenario.Base{DB: pool, Clock: clock.System(), Log: o.log, Scenarios: scenario.NewSet()},
			PKIDir: o.folder.path("sandbox", "pki"), KeysDir: o.folder.path("keys", "sandbox-idp"),
		})
		if err != nil {
			return fmt.Errorf("build the sandbox's %s: %w", b.name, err)
		}
		o.serve(ctx, b.name, built)
	}
	return nil
}

// adminToken is the token of every /sandbox interface.
func (o *outside) adminToken() config.SecretFile { return config.InlineSecret(config.Secret(o.admin)) }

func (o *outside) buildHub(ctx context.Context, env run.Env) (run.Running, error) {
	c := hub.Default()
	c.AdminTokenFile = o.adminToken()
	c.PushURL, c.PushRootsFile = o.doors.push, o.authority.RootPath(pki.Server)
	return run.Hub().Build(ctx, env, c)
}

func (o *outside) buildArchive(ctx context.Context, env run.Env) (run.Running, error) {
	c := archive.Default()
	c.AdminTokenFile, c.DocumentDir = o.adminToken(), o.folder.path("sandbox", "documents")
	return run.Archive().Build(ctx, env, c)
}

// buildViewing builds the viewing system with a connection to the relay whose credentials may come later.
func (o *outside) buildViewing(ctx context.Context, env run.Env) (run.Running, error) {
	secret, err := o.folder.secret("sandbox", "viewing_sender_secret")
	if err != nil {
		return nil, err
	}
	c := viewing.Default()
	c.AdminTokenFile, c.BaseURL = o.adminToken(), o.url("viewing")
	c.ReportPoll = config.Duration(100 * time.Millisecond)
	c.Senders = []viewing.Sender{{ID: demoSender, SecretFile: config.InlineSecret(config.Secret(secret))}}
	return viewing.New(ctx, viewing.Deps{Base: env.Base, Config: c, Relay: o.relay})
}

func (o *outside) buildIDP(ctx context.Context, env run.Env) (run.Running, error) {
	pairwise, err := o.folder.secret("sandbox", "idp_pairwise_secret")
	if err != nil {
		return nil, err
	}
	client, err := o.folder.secret("sandbox", "idp_client_secret")
	if err != nil {
		return nil, err
	}
	notice, err := o.folder.noticeSecret()
	if err != nil {
		return nil, err
	}
	c := idp.Default()
	c.NoticeSecretFile = config.InlineSecret(config.Secret(notice))
	c.Issuer, c.AdminTokenFile, c.PairwiseSecretFile = o.url("idp"), o.adminToken(), config.InlineSecret(config.Secret(pairwise))
	c.Clients = []idp.Client{{ID: idpClient, SecretFile: config.InlineSecret(config.Secret(client)), RedirectURIs: []string{redirectURI, o.doors.pages + pagesCallback}}}
	return run.IDP().Build(ctx, env, c)
}

func (o *outside) buildTSA(ctx context.Context, env run.Env) (run.Running, error) {
	c := tsa.Default()
	c.AdminTokenFile = o.adminToken()
	return run.TSA().Build(ctx, env, c)
}

// stampEvery is how often logs are stamped in the sandbox: often enough to be seen.
const stampEvery = 5 * time.Second

// timeStamps is the sandbox's time-stamping authority as units are given it.
func (r *Relay) timeStamps() tsp.Config {
	return tsp.Config{Authorities: []tsp.AuthorityConfig{{
		Name: "sandbox", URL: r.outside.url("tsa") + tsa.Path, RootsFile: r.outside.authority.RootPath(pki.TimeStamp),
	}}}
}

// serve runs a system until close; the context of its start may end before.
func (o *outside) serve(ctx context.Context, name string, s run.Running) {
	o.group.Go(context.WithoutCancel(ctx), run.Tasks(s, o.listeners[name])...)
}

// wait blocks until all systems have stopped. One that fails stops the others, and wait returns its error.
func (o *outside) wait() error {
	if err := o.group.Wait(); err != nil {
		return fmt.Errorf("the sandbox stopped: %w", err)
	}
	return nil
}

func (o *outside) close(ctx context.Context) error {
	problems := []error{o.group.Stop(ctx)}
	for _, listener := range o.listeners {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			problems = append(problems, err)
		}
	}
	for _, pool := range o.pools {
		pool.Close()
	}
	return errors.Join(problems...)
}
