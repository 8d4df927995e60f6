package allinone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// edocCode is the relay's management code in edoc numbers.
const edocCode = "NARU000001"

// hubClient is the relay's client id at the sandbox hub.
const hubClient = "00000000NARU0001"

// doors are the relay's addresses. They are fixed before anything that contains them is written.
type doors struct{ rest, grpc, ops, web, push string }

// reserve replaces port 0 of each address by a free port.
func (r *Relay) reserve(ctx context.Context, opts Options) (doors, error) {
	d := doors{rest: opts.REST, grpc: opts.GRPC, ops: opts.Ops, web: opts.Web, push: opts.Push}
	for _, address := range []*string{&d.rest, &d.grpc, &d.ops, &d.web, &d.push} {
		host, port, err := net.SplitHostPort(*address)
		if err != nil {
			return doors{}, fmt.Errorf("address %q: %w", *address, err)
		}
		if port != "0" {
			continue
		}
		free, err := r.ports.take(ctx, host)
		if err != nil {
			return doors{}, err
		}
		*address = net.JoinHostPort(host, strconv.Itoa(free))
	}
	return d, nil
}

func (r *Relay) endpoints(d doors) Endpoints {
	f := r.folder
	return Endpoints{
		PlatformID: PlatformID, REST: "http://" + reached(d.rest), GRPC: reached(d.grpc), Ops: "http://" + reached(d.ops), Web: "https://" + reached(d.web), HubPush: "https://" + reached(d.push),
		AdminCredentials: f.path(adminFile),
		Sandbox: endpoints.Sandbox{
			Hub: r.outside.url("hub"), Archive: r.outside.url("archive"), Viewing: r.outside.url("viewing"), IDP: r.outside.url("idp"),
			TSA:        r.outside.url("tsa"),
			AdminToken: f.path("secrets", "sandbox", "admin_token"), Authority: r.outside.authority.RootPath(pki.Server),
			Depositor:          f.path("sandbox", "archive-depositor.json"),
			ViewingCredentials: f.path("sandbox", "viewing-credentials.json"), ViewingSender: demoSender,
			ViewingSecret: f.path("secrets", "sandbox", "viewing_sender_secret"), RedirectURI: redirectURI,
		},
	}
}

// reached returns the address at which this machine reaches a door. A door that listens on all addresses is reached at localhost.
func reached(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// writeConfigs writes the settings of each unit as a separate process would read them. The units in this process read the same
// files.
func (r *Relay) writeConfigs(ctx context.Context, d doors, units []unit.Unit) error {
	for _, name := range []string{"idp_client_secret", "hub_client_secret", depositorSecret} {
		if _, err := r.folder.secret("sandbox", name); err != nil {
			return err
		}
	}
	if _, err := r.folder.noticeSecret(); err != nil {
		return err
	}
	secret := func(name string) string { return r.folder.path("secrets", "sandbox", name) }
	signer := r.outside.authority.Signer(pki.Hub).Chain[0]
	certificate, key := r.outside.authority.ServerFiles()
	pin := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	settings := map[string]string{
		"gateway": fmt.Sprintf(`rest:
  listen: %q
grpc:
  listen: %q
public_url: %q
bootstrap_admin_file: %q
quota:
  requests_per_second: 100000
  requests_burst: 100000
  batch_items_per_second: 1000000
  batch_items_burst: 1000000
  tokens_per_second: 10000
  tokens_burst: 10000
  open_per_second: 100000
  open_burst: 100000
  misses_per_second: 100000
  misses_burst: 100000
`, d.rest, d.grpc, r.Endpoints.REST, r.folder.path(adminFile)),
		"intake": fmt.Sprintf(`code: %s
archive:
  issuers:
    - name: %q
      profile: %s
      roots: [%q]
`, edocCode, pki.ArchiveName, archivecert.Format, r.outside.authority.RootPath(pki.Archive)),
		"archive": fmt.Sprintf(`archive:
  name: %q
  base_url: %q
  member_id: %s
  password_file: %q
  owner: %q
certificates:
  issuers:
    - name: %q
      profile: %s
      roots: [%q]
`, pki.ArchiveName, r.outside.url("archive"), depositor, secret(depositorSecret), depositorName, pki.ArchiveName, archivecert.Format,
			r.outside.authority.RootPath(pki.Archive)),
		"hub": fmt.Sprintf(`interface:
  base_url: %q
  paths:
    figures: /api/cert/figures # the sandbox hub has one
    search: /api/eaddr/search # and this

client_id: %s
client_secret_file: %q
push:
  listen: %q
  certificate_file: %q
  key_file: %q
  signers_file: %q
`, r.outside.url("hub"), hubClient, secret("hub_client_secret"), d.push, certificate, key, r.outside.authority.LeafPath(pki.Hub)),
		"delivery": fmt.Sprintf(`notice:
  url: %[1]q
  allow_private: true
  secret_file: %[2]q
  confirm: %[4]q
invitation:
  channel: webhook
  relay: 나루
  join: %[3]q
  webhook:
    url: %[1]q
    allow_private: true
    secret_file: %[2]q
`, r.outside.url("idp")+"/notices", r.folder.path("secrets", noticeSecretFile), r.Endpoints.Web+"/invitation#", r.Endpoints.Web+"/notice#"),
		"viewing": fmt.Sprintf(`identity:
  issuer: %q
  client_id: %s
  client_secret_file: %q
  redirect_uris: [%q, %q]
`, r.outside.url("idp"), idpClient, secret("idp_client_secret"), redirectURI, r.Endpoints.Web+pagesCallback),
		"content": fmt.Sprintf("bucket: %q\n", "file://"+r.folder.path("content")),
		"web": fmt.Sprintf(`listen: %q
certificate_file: %q
key_file: %q
public_url: %q
terms:
  version: %s
rate:
  pages_per_second: 1000
  pages_burst: 10000
  sign_ins_per_second: 1000
  sign_ins_burst: 10000
`, d.web, certificate, key, r.Endpoints.Web, termsVersion),
		// The sandbox answers at once, so what a killed process had claimed need not wait long.
		"certificate": fmt.Sprintf(`worker:
  timeout: 10s
  lease: 25s
issuer:
  profile: %s
  roots_file: %q
  time_stamp_roots_file: %q
  spki: [%q]
bundles:
  signer:
    certificate_file: %q
    key_file: %q
  time_stamps:
    authorities:
      - name: sandbox
        url: %q
        roots_file: %q
        tls_roots_file: %q
  archives:
    issuers:
      - name: %q
        profile: %s
        roots: [%q]
    skew: 1s
verification:
  trust_dir: %q
  verifier: 시험용 나루
  mark: 시험용
`, distcert.ProfileSandbox, r.outside.authority.RootPath(pki.Hub), r.outside.authority.RootPath(pki.TimeStamp), hex.EncodeToString(pin[:]),
			r.outside.authority.LeafPath(pki.Relay), r.outside.authority.KeyPath(pki.Relay), r.outside.url("tsa")+"/tsp",
			r.outside.authority.RootPath(pki.TimeStamp), r.outside.authority.RootPath(pki.Server),
			pki.ArchiveName, archivecert.Format, r.outside.authority.RootPath(pki.Archive), filepath.Dir(r.outside.authority.RootPath(pki.Relay))),
	}
	// The other settings keep their defaults.
	files := map[string]string{}
	for _, u := range units {
		files[u.Name+".yaml"] = settings[u.Name]
	}
	return r.writeSettings(ctx, files)
}

// processSettings are the process settings of a unit in a process of its own: the bus, its keys and certificate, and the
// addresses of the other units.
const processSettings = `platform_id: %s
secrets_dir: %q
bus:
  url: %q
  admin_user: %s
  replicas: %d
keys:
  dir: %q
  create: true
  checkpoint_dir: %q
clock:
  tolerant: true
telemetry:
  log_level: warn
  trace_folder: %q
  sample_ratio: 1
time_stamps:
  authorities:
    - name: %s
      url: %q
      roots_file: %q
  every: %s
ops_listen: %q
network:
  authority_file: %q
  identities:
    %s:
      listen: %q
      certificate_file: %q
      key_file: %q
  addresses:
`
